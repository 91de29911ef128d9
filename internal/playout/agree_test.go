package playout

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"lifeline/internal/kinds"
	"lifeline/internal/playout/dsp"
	"lifeline/internal/playout/output"
	"lifeline/internal/record"
	"lifeline/internal/replica"
	"lifeline/internal/scheduling"
	"lifeline/internal/store"
	"lifeline/internal/store/memory"
	"lifeline/internal/trust"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// published is a station with a published day, at the service and at its player.
type published struct {
	station  schedules.Station
	queue    wire.Queue
	fallback wire.Fallback
	recalls  wire.Recalls
}

// drawnDay draws a day with all cases in which the fallback airs. No stretch has so many consecutive items that the
// rounding of their lengths to frames adds up to a millisecond.
func drawnDay(t *rapid.T, s *service, recordings pile, rate dsp.Rate) published {
	start := time.Date(2026, 11, 29, 10, 0, 0, 0, time.UTC)
	p := published{recalls: wire.Recalls{Schema: wire.RecallsSchema, Revision: 1, IssuedAt: schedules.At(start)}}
	number := 0
	ms := func(name string, from, to int64) time.Duration {
		return time.Duration(rapid.Int64Range(from, to).Draw(t, name)) * time.Millisecond
	}
	one := func(name string, in int) bool { return rapid.IntRange(0, in-1).Draw(t, name) == 0 }
	item := func(name string, length time.Duration) wire.QueueItem {
		number++
		i := s.record(recording{Number: number, Rate: int(rate), Frames: rate.Frames(length)})
		if err := os.WriteFile(filepath.Join(recordings.dir, i.Audio.SHA256), s.audio[i.Audio.SHA256], 0o600); err != nil {
			t.Fatal(err)
		}
		i.Duration.Duration, i.CueOut.Duration = length, length
		i.Sensitive = one(name+" is sensitive", 5)
		if one(name+" is recalled", 8) {
			p.recalls.Segments = append(p.recalls.Segments, wire.Recalled{SegmentID: i.SegmentID,
				RecalledAt: schedules.At(start)})
		}
		return i
	}
	p.station = schedules.Station{ID: "lantern", Timezone: "UTC", Languages: []string{"ko-KP"}}
	date := schedules.DateOf(start)
	p.queue = wire.Queue{Schema: wire.QueueSchema, Station: "lantern", Date: date, Timezone: "UTC", Revision: 1,
		PublishedAt: schedules.At(start.Add(-time.Hour)),
		ExpiresAt:   schedules.At(start.Add(24 * time.Hour)), Withdrawn: one("withdrawn", 5)}
	p.fallback = wire.Fallback{Schema: wire.FallbackSchema, Station: "lantern", Revision: 1,
		IssuedAt: schedules.At(start.Add(-time.Hour)), ExpiresAt: schedules.At(start.Add(48 * time.Hour))}
	at := start
	for w := range rapid.IntRange(1, 2).Draw(t, "windows") {
		name, opens := fmt.Sprintf("w%d", w), at
		if p.queue.Withdrawn {
			length := ms("window", 5000, 24_000).Truncate(time.Second)
			p.station.Windows = append(p.station.Windows, schedules.Window{ID: name, Length: schedules.Millis{Duration: length},
				Starts: schedules.Recurrence{Timezone: "UTC", RRule: "DTSTART:20261129T" + at.Format("150405") +
					"\nRRULE:FREQ=DAILY"}})
			at = at.Add(length)
		} else {
			chain := ""
			for n := range rapid.IntRange(0, 5).Draw(t, "items") {
				if one("gap", 3) {
					at = at.Add(ms("open", 5, 9_000))
				}
				i := item("item", ms("length", 200, 9_000))
				starts := schedules.At(at)
				i.Window, i.StartAt, i.StartMs, i.Start = name, &starts, at.UnixMilli(), schedules.Follow
				at = at.Add(i.Duration.Duration)
				if one("expires", 6) {
					i.NotAfter = schedules.At(at.Add(ms("expiry", -2, 2)))
				}
				switch {
				case chain != "" && one("chain goes on", 2):
					i.Chain = chain
				case one("chain", 4):
					chain = fmt.Sprintf("chain-%d-%d", w, n)
					i.Chain = chain
				default:
					chain = ""
				}
				p.queue.Items = append(p.queue.Items, i)
			}
			if at == opens || one("open at the end", 3) {
				at = at.Add(ms("tail", 5, 9_000))
			}
			p.queue.Windows = append(p.queue.Windows, schedules.Slot{Tolerance: schedules.Ms(5000),
				Occurrence: schedules.Occurrence{Window: name, Date: date, StartAt: schedules.At(opens), EndAt: schedules.At(at)}})
		}
		at = at.Add(time.Minute).Truncate(time.Second)
	}
	if p.queue.Withdrawn {
		windows, err := p.station.OccurrencesOn(date)
		if err != nil {
			t.Fatal(err)
		}
		p.fallback.Windows = windows
	}
	for range rapid.IntRange(0, 5).Draw(t, "fallback") {
		i := item("fallback", ms("length", 3000, 12_000))
		i.ID = "fallback." + i.SegmentID
		if one("expires", 4) {
			i.NotAfter = schedules.At(start.Add(ms("expiry", 0, 120_000)))
		}
		p.fallback.Items = append(p.fallback.Items, i)
	}
	return p
}

// scheduler returns the service's scheduler, with the day published and the station's documents issued.
func (p published) scheduler(t *rapid.T, s *service) *scheduling.Scheduler {
	docs := memory.New(100)
	station, err := json.Marshal(p.station)
	if err != nil {
		t.Fatal(err)
	}
	day := "lantern/" + p.queue.Date.String()
	if _, err := docs.Commit(t.Context(), store.Commit{Origin: store.Origin{At: p.queue.PublishedAt.Time, By: "test",
		Action: "test"}, Writes: []store.Write{
		{Kind: "station", ID: "lantern", Body: station}, {Kind: "queue", ID: day, Body: s.sign(wire.QueueType, p.queue)},
		{Kind: "fallback", ID: "lantern", Body: s.sign(wire.FallbackType, p.fallback)}, {Kind: "recalls", ID: "recalls",
			Body: s.sign(wire.RecallsType, p.recalls)},
	}}); err != nil {
		t.Fatal(err)
	}
	m, err := replica.Open(t.Context(), docs, kinds.All)
	if err != nil {
		t.Fatal(err)
	}
	now := func() time.Time { return p.queue.PublishedAt.Time }
	return scheduling.New(m, record.NewRecords(m, docs, nil, now, 0), trust.OneKey(s.signer), now, "http://service",
		time.Minute)
}

// onAir is a stretch of the programme as it aired.
type onAir struct {
	segment string
	at      time.Time
	length  time.Duration
}

func (a onAir) String() string {
	return fmt.Sprintf("%s %s for %v", a.at.Format("15:04:05.000"), a.segment, a.length)
}

func airedBy(t *rapid.T, items []wire.QueueItem) string {
	var out []string
	ids := map[string]bool{}
	for _, i := range items {
		if ids[i.ID] {
			t.Errorf("two items are called %s", i.ID)
		}
		ids[i.ID] = true
		out = append(out, onAir{i.SegmentID, i.StartAt.Time, i.Duration.Duration}.String())
	}
	return strings.Join(out, "\n")
}

// written is an airing log that records the items that sounded.
type written struct {
	replacements
	out []string
}

// End records entries with a length.
func (w *written) End(e schedules.AsRun) {
	if e.EndedAt.After(e.StartedAt.Time) {
		w.out = append(w.out, onAir{e.SegmentID, e.StartedAt.Time, e.EndedAt.Sub(e.StartedAt.Time)}.String())
	}
}

// opened is a Renderer that records the queue that it should render.
type opened struct{ queue wire.Queue }

// Window renders nothing.
func (o *opened) Window(_ context.Context, q *wire.Queue, _ string) (io.ReadSeekCloser, int64, string, error) {
	o.queue = *q
	return struct {
		io.ReadSeeker
		io.Closer
	}{bytes.NewReader(nil), io.NopCloser(nil)}, 0, "", nil
}

// The lists, the items of /next, the rendered windows and the player's output are the same in every case in which the
// fallback airs: in open time, and in place of items that are recalled, sensitive, expired or in a chain with such an
// item; in published windows, and in those of a withdrawn day.
func TestListsAndNextAndRenderedWindowsNameWhatThePlayerAirs(t *testing.T) {
	s, recordings := newService(t), pile{t.TempDir()}
	rapid.Check(t, func(t *rapid.T) {
		// At 11,025 Hz a millisecond is not a whole number of frames.
		rate := rapid.SampledFrom([]dsp.Rate{4000, 11_025}).Draw(t, "rate")
		p := drawnDay(t, s, recordings, rate)
		scheduler := p.scheduler(t, s)
		listed := scheduler.Lists.Listed(p.queue)

		var nexts []wire.QueueItem
		for after := ""; len(nexts) <= len(listed); {
			i, ok, err := scheduler.Lists.Next("lantern", after)
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				break
			}
			nexts, after = append(nexts, i), i.ID
		}

		h := &Holdings{Generation: 1, Fallback: &p.fallback, Recalls: &p.recalls, Queues: map[schedules.Date]*wire.Queue{
			p.queue.Date: &p.queue}}
		h.index()
		log := &written{}
		deck := NewDeck(rate, 0, SilenceLimit, func() *Holdings { return h }, NewCuer(recordings, openRecording, rate,
			renderPatience), log, nil,
			NewProblems(time.Now, slog.New(slog.DiscardHandler)), func(Notice) {})
		spans, _ := timetable(h, p.queue.PublishedAt.Time, rate)
		for _, span := range spans {
			heard := make([]float32, (span.End-span.Start)*dsp.Channels)
			deck.Render(span.Start, heard)
			deck.Leave(span.End, "")
			if p.queue.Withdrawn {
				continue // no such window is rendered
			}
			studio := &opened{}
			if _, err := scheduling.NewWindows(scheduler.Lists, studio).Open(t.Context(), "lantern", span.Window, p.queue.Date,
				span.StartAt.Time, "wav"); err != nil {
				t.Fatal(err)
			}
			pcm, _ := rendered(s.t, studio.queue, rate, recordings, openRecording, 2)
			if !bytes.Equal(pcm, output.AppendPCM16(nil, heard)) {
				t.Errorf("window %s, rendered, is not what the player airs", span.Window)
			}
		}

		want := strings.Join(log.out, "\n")
		if got := airedBy(t, listed); got != want {
			t.Errorf("the list has\n%s\nand the player airs\n%s", got, want)
		}
		if got := airedBy(t, nexts); got != want {
			t.Errorf("/next has\n%s\nand the player airs\n%s", got, want)
		}
	})
}
