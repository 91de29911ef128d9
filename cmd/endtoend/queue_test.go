package endtoend

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/record"
	"lifeline/internal/replica"
	"lifeline/internal/scheduling"
	"lifeline/internal/service"
	"lifeline/internal/sign"
	"lifeline/internal/trust"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// publish plans and publishes days of stations and fails the test unless all of them are published.
func (h *house) publish(stations []string, dates ...string) {
	h.t.Helper()
	in := wire.ManyRequest{Stations: stations, Seed: 7}
	for _, d := range dates {
		day := date(h.t, d)
		if slices.ContainsFunc(stations, func(id string) bool { return h.over(id, day) }) {
			h.publishedPast(stations, day)
			continue
		}
		in.Dates = append(in.Dates, day)
	}
	if len(in.Dates) == 0 {
		return
	}
	for _, do := range []func() ([]wire.ManyResult, error){
		func() ([]wire.ManyResult, error) { return h.scheduler.Plan(h.t.Context(), in) },
		func() ([]wire.ManyResult, error) { return h.scheduler.Publish(h.t.Context(), in) },
	} {
		results, err := do()
		if err != nil {
			h.t.Fatal(err)
		}
		for _, r := range results {
			if r.Problem != nil {
				h.t.Fatalf("%s %s: %+v", r.Station, r.Date, r.Problem)
			}
		}
	}
}

// over reports whether a day of a station is over.
func (h *house) over(station string, day schedules.Date) bool {
	h.t.Helper()
	if schedules.DateOf(time.Now()).AddDays(1).Before(day) {
		return false // in any zone
	}
	st, err := h.service.Scheduler.Network.Station(station)
	if err != nil {
		h.t.Fatal(err)
	}
	_, end, err := st.DayBounds(day)
	if err != nil {
		h.t.Fatal(err)
	}
	return !end.After(time.Now())
}

// publishedPast plans and publishes a day that is over, with a clock at which it was still to come.
func (h *house) publishedPast(stations []string, day schedules.Date) {
	h.t.Helper()
	key, err := service.SigningKey(h.config.Key)
	if err != nil {
		h.t.Fatal(err)
	}
	signer, err := sign.NewSigner(key)
	if err != nil {
		h.t.Fatal(err)
	}
	eve := time.Date(day.Year, day.Month, day.Day-1, 0, 0, 0, 0, time.UTC)
	now := func() time.Time { return eve }
	records := record.NewRecords(h.service.Replica, replica.Bounded(h.service.Store, service.StorePatience),
		h.service.Audio, now, 0)
	then := scheduling.New(h.service.Replica, records, trust.OneKey(signer), now, h.url, time.Hour)
	minjun := access.Actor{Name: "Minjun"}
	for _, station := range stations {
		if _, err := then.Drafts.Plan(h.t.Context(), minjun, station, day, scheduling.PlanOptions{Seed: 7}); err != nil {
			h.t.Fatal(err)
		}
		if _, err := then.Publisher.Publish(h.t.Context(), minjun, station, day, scheduling.PublishOptions{}); err != nil {
			h.t.Fatal(err)
		}
	}
}

// queue fetches a published queue as the station's player does, verifies its signature, and returns it.
func (h *house) queue(station, day string) wire.Queue {
	h.t.Helper()
	h.station(station)
	secret := h.secrets["station:"+station]
	var got, envelope answer
	for { // until both have one revision: a repair may publish another between them
		got = h.do(http.MethodGet, "/v1/stations/"+station+"/queue?date="+day, secret, nil, nil)
		if got.status != http.StatusOK {
			h.t.Fatalf("queue: %d %s", got.status, got.body)
		}
		envelope = h.do(http.MethodGet, "/v1/stations/"+station+"/queue.dsse?date="+day, secret, nil, nil)
		if envelope.header.Get("ETag") == got.header.Get("ETag") {
			break
		}
	}
	var keys wire.Keys
	h.do(http.MethodGet, "/v1/keys", "", nil, nil).into(h.t, &keys)
	public, err := sign.ParsePublic(keys.Keys[0].PublicKey)
	if err != nil {
		h.t.Fatal(err)
	}
	payload, err := sign.Verify(envelope.body, wire.QueueType, public)
	if err != nil {
		h.t.Fatal(err)
	}
	if !bytes.Equal(payload, got.body) {
		h.t.Error("the envelope does not carry the queue's exact bytes")
	}
	var q wire.Queue
	if err := json.Unmarshal(payload, &q); err != nil {
		h.t.Fatal(err)
	}
	if want := strconv.Quote(strconv.FormatInt(q.Revision, 10)); got.header.Get("ETag") != want {
		h.t.Errorf("ETag is %s, want %s", got.header.Get("ETag"), want)
	}
	return q
}

// checkQueue checks a queue against the contract: contiguous items, sums within tolerance, known facts.
func checkQueue(t *testing.T, st schedules.Station, q wire.Queue) {
	t.Helper()
	if len(q.Windows) == 0 || len(q.Items) == 0 {
		t.Fatalf("%s %s: %d windows, %d items", st.ID, q.Date, len(q.Windows), len(q.Items))
	}
	next := 0
	for _, w := range q.Windows {
		at := w.StartAt.Time
		for ; next < len(q.Items) && q.Items[next].Window == w.Window && q.Items[next].StartAt.Before(w.EndAt.Time); next++ {
			i := q.Items[next]
			if !i.StartAt.Equal(at) {
				t.Errorf("%s %s: item %s starts at %s, where %s ends", st.ID, q.Date, i.ID, i.StartAt, schedules.At(at))
			}
			if i.StartMs != i.StartAt.UnixMilli() || i.Duration.Duration != i.CueOut.Duration-i.CueIn.Duration ||
				i.Duration.Duration <= 0 {
				t.Errorf("%s: times do not agree: %+v", i.ID, i)
			}
			if len(i.Audio.SHA256) != 64 || i.Audio.ContentType != "audio/mpeg" || i.Audio.Bytes == 0 || i.Audio.URL == "" {
				t.Errorf("%s: audio %+v", i.ID, i.Audio)
			}
			at = at.Add(i.Duration.Duration)
		}
		if off := at.Sub(w.EndAt.Time); off.Abs() > w.Tolerance.Duration {
			t.Errorf("%s %s: window %s is off by %v", st.ID, q.Date, w.Window, off)
		}
	}
	if next != len(q.Items) {
		t.Errorf("%s %s: item %d lies in no window", st.ID, q.Date, next)
	}
	if len(q.Fallback) == 0 {
		t.Errorf("%s: no fallback", st.ID)
	}
}

func TestEveryStationPullsAWholeDay(t *testing.T) {
	t.Parallel()
	h := open(t, furnish(t))
	stations, err := h.scheduler.Stations(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, st := range stations {
		ids = append(ids, st.ID)
	}
	h.publish(ids, "2099-11-25", "2099-11-28")
	for _, st := range stations {
		for _, day := range []string{"2099-11-25", "2099-11-28"} {
			checkQueue(t, st, h.queue(st.ID, day))
		}
	}
}

// The days on which clocks change, windows across midnight, and a zone of +05:45.
func TestOddDaysArePlannedAndPulledRight(t *testing.T) {
	t.Parallel()
	h := open(t, furnish(t))
	queues := map[string]wire.Queue{}
	stations, err := h.scheduler.Stations(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, station, day, window string
		starts, ends               string // of the window, UTC
	}{
		{"23 hours: 02:15 does not exist and moves on by the gap", "atlantic-desk", "2099-03-08", "small-hours",
			"2099-03-08T07:15:00Z", "2099-03-08T07:43:30Z"},
		{"23 hours: the evening is an hour earlier in UTC", "atlantic-desk", "2099-03-08", "evening", "2099-03-09T01:00:00Z",
			"2099-03-09T01:28:30Z"},
		{"the day before", "atlantic-desk", "2099-03-07", "evening", "2099-03-08T02:00:00Z", "2099-03-08T02:28:30Z"},
		{"25 hours", "atlantic-desk", "2099-11-01", "small-hours", "2099-11-01T07:15:00Z", "2099-11-01T07:43:30Z"},
		{"25 hours: the evening is an hour later in UTC", "atlantic-desk", "2099-11-01", "evening", "2099-11-02T02:00:00Z",
			"2099-11-02T02:28:30Z"},
		{"across midnight", "harbour-dawn", "2099-11-25", "midnight", "2099-11-25T14:45:00Z", "2099-11-25T15:13:30Z"},
		{"+05:45, across midnight", "ridge-relay", "2099-11-25", "night-cmn", "2099-11-25T18:00:00Z", "2099-11-25T18:28:30Z"},
		{"+05:45, in wall time", "ridge-relay", "2099-11-25", "morning-en", "2099-11-25T01:45:00Z", "2099-11-25T02:13:30Z"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h.t = t
			q, published := queues[c.station+c.day]
			if !published {
				h.publish([]string{c.station}, c.day)
				q = h.queue(c.station, c.day)
				queues[c.station+c.day] = q
			}
			for _, s := range stations {
				if s.ID == c.station {
					checkQueue(t, s, q)
				}
			}
			for _, w := range q.Windows {
				if w.Window == c.window {
					if got := w.StartAt.Format(time.RFC3339) + " " + w.EndAt.Format(time.RFC3339); got != c.starts+" "+c.ends {
						t.Errorf("window is %s, want %s %s", got, c.starts, c.ends)
					}
					return
				}
			}
			t.Errorf("no window %s on %s", c.window, c.day)
		})
	}
}

func TestUnchangedQueueIsNotSentAgain(t *testing.T) {
	t.Parallel()
	h := open(t, furnish(t))
	h.publish([]string{"harbour-dawn"}, "2099-11-25")
	h.station("harbour-dawn")
	secret := h.secrets["station:harbour-dawn"]
	first := h.do(http.MethodGet, "/v1/stations/harbour-dawn/queue?date=2099-11-25", secret, nil, nil)
	again := h.do(http.MethodGet, "/v1/stations/harbour-dawn/queue?date=2099-11-25", secret,
		map[string]string{"If-None-Match": first.header.Get("ETag")}, nil)
	if again.status != http.StatusNotModified || len(again.body) != 0 {
		t.Errorf("asked again: %d, %d bytes", again.status, len(again.body))
	}
	packed := h.do(http.MethodGet, "/v1/stations/harbour-dawn/queue?date=2099-11-25", secret,
		map[string]string{"Accept-Encoding": "gzip"}, nil)
	if packed.header.Get("Content-Encoding") != "gzip" || len(packed.body) >= len(first.body) {
		t.Errorf("asked compressed: %q, %d of %d bytes", packed.header.Get("Content-Encoding"), len(packed.body),
			len(first.body))
	}
	if got := h.do(http.MethodGet, "/v1/stations/steppe-relay/queue", secret, nil,
		nil); got.status != http.StatusNotFound {
		t.Errorf("another station's queue: %d", got.status)
	}
	if got := h.do(http.MethodGet, "/v1/stations/no-such/queue", secret, nil, nil); got.status != http.StatusNotFound {
		t.Errorf("no station's queue: %d", got.status)
	}
}

// The publication itself ends a long poll.
func TestPublicationReachesAConcurrentLongPoll(t *testing.T) {
	t.Parallel()
	h := open(t, furnish(t))
	h.publish([]string{"harbour-dawn"}, "2099-11-25")
	st := h.station("harbour-dawn").Station("harbour-dawn")
	day := date(t, "2099-11-25")
	first, err := st.Queue(t.Context(), day, "", 0)
	if err != nil {
		t.Fatal(err)
	}
	type result struct {
		etag string
		err  error
	}
	got := make(chan result, 1)
	go func() {
		d, err := st.Queue(t.Context(), day, first.ETag, 50*time.Second)
		got <- result{d.ETag, err}
	}()
	h.t = t
	in := wire.ManyRequest{Stations: []string{"harbour-dawn"}, Dates: []schedules.Date{day}, Seed: 8}
	if _, err := h.scheduler.Plan(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	if _, err := h.scheduler.Publish(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	select {
	case r := <-got:
		if r.err != nil || r.etag == first.ETag {
			t.Errorf("waited and got %q, %v", r.etag, r.err)
		}
	case <-time.After(20 * time.Second):
		t.Error("the publication woke nobody")
	}
}

// itemsOf returns a queue's items as the rundown has them.
func itemsOf(q wire.Queue) (out []schedules.Item) {
	for _, i := range q.Items {
		out = append(out, schedules.Item{ID: i.ID, Window: i.Window, StartAt: *i.StartAt, Duration: i.Duration})
	}
	return out
}

// Recalling a published segment removes it from the coming queue, adds it to the list, and keeps the rest in place.
func TestRecalledSegmentLeavesEveryComingQueue(t *testing.T) {
	t.Parallel()
	h := open(t, furnish(t))
	h.publish([]string{"harbour-dawn"}, "2099-11-25")
	before := h.queue("harbour-dawn", "2099-11-25")
	victim := ""
	for _, i := range before.Items {
		if i.Kind == "music" {
			victim = i.SegmentID
		}
	}
	if victim == "" {
		t.Fatal("the day has no music to recall")
	}
	if _, err := h.editor.Act(t.Context(), victim, "recall", "rights withdrawn"); err != nil {
		t.Fatal(err)
	}
	waiting := h.station("harbour-dawn").Station("harbour-dawn")
	if _, err := waiting.Queue(t.Context(), before.Date, strconv.Quote(strconv.FormatInt(before.Revision, 10)),
		20*time.Second); err != nil {
		t.Fatal(err)
	}
	after := h.queue("harbour-dawn", "2099-11-25")
	for _, i := range append(after.Items, after.Fallback...) {
		if i.SegmentID == victim {
			t.Errorf("%s is in the very next revision, at %v", victim, i.StartAt)
		}
	}
	eventually(t, func() bool { // its time is filled afterwards
		after = h.queue("harbour-dawn", "2099-11-25")
		return len(schedules.Rundown{Windows: after.Windows, Items: itemsOf(after)}.Open()) == 0
	})
	for _, i := range append(after.Items, after.Fallback...) {
		if i.SegmentID == victim {
			t.Errorf("%s is still there at %v", victim, i.StartAt)
		}
	}
	checkQueue(t, schedules.Station{ID: "harbour-dawn"}, after)
	var recalls wire.Recalls
	h.do(http.MethodGet, "/v1/recalls", h.secrets["station:harbour-dawn"], nil, nil).into(t, &recalls)
	if len(recalls.Segments) != 1 || recalls.Segments[0].SegmentID != victim {
		t.Errorf("recalls: %+v", recalls.Segments)
	}
	payload, err := base64.StdEncoding.DecodeString(recalls.Envelope.Payload)
	if err != nil || !bytes.Contains(payload, []byte(victim)) {
		t.Errorf("the signed list does not name it: %v", err)
	}
}
