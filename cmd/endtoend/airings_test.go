package endtoend

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"lifeline/internal/wire"
	"lifeline/schedules"
)

// fate is the outcome of an item in a test's broadcast, and the outcome that a report must state.
type fate struct {
	outcome  schedules.Verdict
	late     time.Duration
	short    time.Duration
	instead  string // the segment that airs in its place
	reported bool
}

// air reports a queue as a station does, from a sequence on. Each item has its fate; without one it airs as planned.
func (h *house) air(st string, q wire.Queue, from int64, fates map[string]fate) (next int64) {
	h.t.Helper()
	entries, next := asAired(q, from, fates)
	h.report(st, entries)
	return next
}

// asAired returns the entries for it, and the next sequence.
func asAired(q wire.Queue, from int64, fates map[string]fate) (entries []schedules.AsRun, next int64) {
	for _, i := range q.Items {
		f, ok := fates[i.ID]
		if ok && !f.reported {
			continue
		}
		e := schedules.AsRun{Sequence: from, ItemID: i.ID, SegmentID: i.SegmentID, SHA256: i.Audio.SHA256,
			Outcome:   schedules.Aired,
			StartedAt: schedules.At(i.StartAt.Add(f.late)), EndedAt: schedules.At(i.StartAt.Add(f.late +
				i.Duration.Duration - f.short))}
		if f.short > 0 {
			e.Outcome = schedules.Cut
		}
		if f.instead != "" {
			e.SegmentID, e.Outcome = f.instead, schedules.FellBack
		}
		entries = append(entries, e)
		from++
	}
	return entries, from
}

// reportTwoDaysOn reports future airings as the station will after they have aired.
func (h *house) reportTwoDaysOn(st string, entries []schedules.AsRun) {
	h.t.Helper()
	then := func() time.Time { return time.Now().Add(48 * time.Hour) }
	results, err := h.service.Scheduler.Record.Logbook.WithNow(then).Report(h.t.Context(), st, entries)
	h.allAccepted(results, err)
}

func (h *house) allAccepted(results []wire.AsRunResult, err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
	for _, r := range results {
		if r.Status != "accepted" {
			h.t.Fatalf("entry %d: %s %s", r.Sequence, r.Status, r.Message)
		}
	}
}

func (h *house) report(st string, entries []schedules.AsRun) {
	h.t.Helper()
	h.allAccepted(h.station(st).Station(st).SendAsRun(h.t.Context(), entries))
}

// get requests JSON as a scheduler.
func (h *house) get(path string, v any) {
	h.t.Helper()
	got := h.do(http.MethodGet, path, h.secrets["scheduler"], nil, nil)
	if got.status != http.StatusOK {
		h.t.Fatalf("%s: %d %s", path, got.status, got.body)
	}
	got.into(h.t, v)
}

// Two days on the air, across midnight, with one item of every fate: the airings of each segment and every report are
// compared with counts that the test makes from what it published and sent.
func TestEveryAiringIsAccountedFor(t *testing.T) {
	t.Parallel()
	h := open(t, furnish(t))
	const station, first, second, coming = "harbour-dawn", "2025-11-25", "2025-11-26", "2099-11-25"
	h.publish([]string{station}, first, second, coming)
	queues := []wire.Queue{h.queue(station, first), h.queue(station, second), h.queue(station, coming)}
	fates := map[string]fate{}
	var readings []wire.QueueItem
	for _, i := range queues[0].Items {
		if i.Kind == "reading" {
			readings = append(readings, i)
		}
	}
	if len(readings) < 4 {
		t.Fatalf("only %d readings", len(readings))
	}
	const stopgap = "evergreen-ko-1"
	fates[readings[0].ID] = fate{outcome: schedules.Missed}
	fates[readings[1].ID] = fate{outcome: schedules.Late, late: 5 * time.Second, reported: true}
	fates[readings[2].ID] = fate{outcome: schedules.Short, short: 7 * time.Second, reported: true}
	fates[readings[3].ID] = fate{outcome: schedules.Substituted, instead: stopgap, reported: true}
	next := h.air(station, queues[0], 1, fates)
	next = h.air(station, queues[1], next, nil)
	noon := time.Date(2025, 11, 26, 3, 0, 0, 0, time.UTC)
	h.report(station, []schedules.AsRun{{Sequence: next, SegmentID: stopgap, StartedAt: schedules.At(noon),
		EndedAt: schedules.At(noon.Add(time.Minute)), Outcome: schedules.FellBack}})

	// The model: one line for each scheduled airing, and one for each airing that was not scheduled.
	type line struct {
		segment, day, language string
		outcome                schedules.Verdict
		planned, aired         int64
	}
	var model []line
	language := map[string]string{}
	for n, q := range queues {
		for _, i := range q.Items {
			f := fates[i.ID]
			language[i.SegmentID] = i.Language
			l := line{i.SegmentID, q.Date.String(), i.Language, cmp.Or(f.outcome, schedules.AsPlanned),
				i.Duration.Milliseconds(), i.Duration.Milliseconds() - f.short.Milliseconds()}
			switch {
			case n == 2:
				l.outcome, l.aired = schedules.Upcoming, 0
			case f.instead != "":
				model = append(model, line{f.instead, l.day, "ko-KP", schedules.Extra, 0, l.aired})
				l.aired = 0
			case f.outcome == schedules.Missed:
				l.aired = 0
			}
			model = append(model, l)
		}
	}
	model = append(model, line{stopgap, second, "ko-KP", schedules.Extra, 0, 60_000})

	t.Run("of each segment", func(t *testing.T) {
		h.t = t
		for _, id := range []string{readings[0].SegmentID, readings[1].SegmentID, readings[2].SegmentID,
			readings[3].SegmentID, stopgap} {
			var got []schedules.AiringRecord
			for _, days := range []string{"from=2025-11-01&to=2025-12-01", "from=2099-11-01&to=2099-12-01"} {
				for cursor, pages := "", 0; ; pages++ {
					var page wire.Page[schedules.AiringRecord]
					h.get("/v1/segments/"+id+"/airings?limit=2&"+days+"&cursor="+cursor, &page)
					got = append(got, page.Items...)
					if cursor = page.NextCursor; cursor == "" {
						break
					}
				}
			}
			tell := func(day string, outcome schedules.Verdict, planned, aired int64) string {
				return fmt.Sprintf("%s %s %d %d", day, outcome, planned, aired)
			}
			var have, want []string
			for _, r := range got {
				if r.SegmentID != id || r.Station != station {
					t.Errorf("%+v", r)
				}
				have = append(have, tell(r.Date.String(), r.Outcome, r.Planned.Milliseconds(), r.AiredMs.Milliseconds()))
			}
			for _, l := range model {
				if l.segment == id {
					want = append(want, tell(l.day, l.outcome, l.planned, l.aired))
				}
			}
			slices.Sort(have)
			slices.Sort(want)
			if !slices.Equal(have, want) {
				t.Errorf("%s:\nhave %v\nwant %v", id, have, want)
			}
		}
	})

	count := func(in func(line) bool) (c schedules.TallyCounts) {
		for _, l := range model {
			if !in(l) {
				continue
			}
			c.PlannedMs.Duration += time.Duration(l.planned) * time.Millisecond
			c.AiredMs.Duration += time.Duration(l.aired) * time.Millisecond
			if l.outcome != schedules.Extra {
				c.Planned++
			}
			switch l.outcome {
			case schedules.Upcoming:
				c.Upcoming++
			case schedules.AsPlanned, schedules.Late:
				c.Aired++
			case schedules.Short:
				c.Short++
			case schedules.Missed, schedules.Substituted:
				c.Missed++
			case schedules.Extra:
				c.Extra++
			}
		}
		return c
	}
	const past = "/v1/reports/airings?from=2025-11-01&to=2025-12-01"
	t.Run("by segment and day", func(t *testing.T) {
		h.t = t
		var report wire.AiringReport
		h.get(past+"&group=segment,day,station,language", &report)
		sum := schedules.TallyCounts{}
		for _, row := range report.Rows {
			want := count(func(l line) bool { return l.segment == row.Segment && l.day == row.Day.String() })
			if row.TallyCounts != want || row.Station != station || row.Title == "" ||
				row.Language != cmp.Or(language[row.Segment], "ko-KP") {
				t.Errorf("%+v, want %+v", row, want)
			}
			sum.Planned += row.Planned
			sum.Extra += row.Extra
		}
		want := count(func(l line) bool { return l.day < "2099" })
		if report.Totals != want || sum.Planned != want.Planned || sum.Extra != 2 {
			t.Errorf("totals %+v, want %+v; rows sum to %+v", report.Totals, want, sum)
		}
		h.get("/v1/reports/airings?from=2099-11-01&to=2099-12-01&group=day", &report)
		if want := count(func(l line) bool { return l.day == coming }); len(report.Rows) != 1 ||
			report.Rows[0].TallyCounts != want {
			t.Errorf("to come: %+v, want %+v", report.Rows, want)
		}
	})
	t.Run("by script passage", func(t *testing.T) {
		h.t = t
		var report wire.AiringReport
		h.get(past+"&group=passage,language&script=appeal&language=ko", &report)
		reads := map[string][]int{}
		for _, q := range queues {
			for _, i := range q.Items {
				if s, err := h.scheduler.Segment(t.Context(), i.SegmentID); err != nil {
					t.Fatal(err)
				} else if s.Script != nil {
					reads[s.ID] = s.Script.Passages
				}
			}
		}
		if len(report.Rows) < 2 {
			t.Fatalf("%+v", report.Rows)
		}
		for _, row := range report.Rows {
			want := count(func(l line) bool {
				return l.day < "2099" && strings.HasPrefix(l.language, "ko") && slices.Contains(reads[l.segment], row.Passage)
			})
			if row.TallyCounts != want || row.Script != "appeal" {
				t.Errorf("%+v, want %+v", row, want)
			}
		}
	})
	t.Run("as CSV and on paper", func(t *testing.T) {
		h.t = t
		h.patch(readings[0].SegmentID, map[string]string{"title": `=HYPERLINK("http://x","<b>1</b>")`})
		const path = past + "&group=segment,day"
		var report wire.AiringReport
		h.get(path, &report)
		if none := h.do(http.MethodGet, path, h.secrets["scheduler"], map[string]string{"Accept": "image/png"},
			nil); none.status != http.StatusNotAcceptable {
			t.Errorf("as a picture: %d %s", none.status, none.body)
		}
		sheet := h.do(http.MethodGet, path, h.secrets["scheduler"], map[string]string{"Accept": "text/csv"}, nil)
		var marked bool // the byte order mark, by which Excel detects UTF-8
		if sheet.body, marked = bytes.CutPrefix(sheet.body, []byte("\ufeff")); !marked || !bytes.Contains(sheet.body,
			[]byte("\r\n")) || !strings.HasPrefix(sheet.header.Get("Content-Type"), "text/csv") {
			t.Errorf("not RFC 4180: %s", sheet.header.Get("Content-Type"))
		}
		records, err := csv.NewReader(bytes.NewReader(sheet.body)).ReadAll()
		if err != nil || len(records) != len(report.Rows)+1 {
			t.Fatalf("%d records, %v", len(records), err)
		}
		formulas := 0
		for n, row := range report.Rows {
			plain := map[string]any{}
			b, err := json.Marshal(row)
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(b, &plain); err != nil {
				t.Fatal(err)
			}
			for k, name := range records[0] {
				want := ""
				switch v := plain[name].(type) {
				case string:
					want = v
				case float64:
					want = strconv.FormatInt(int64(v), 10)
				}
				if strings.HasPrefix(want, "=") {
					want, formulas = "'"+want, formulas+1
				}
				if records[n+1][k] != want {
					t.Errorf("row %d, %s: %q, want %q", n, name, records[n+1][k], want)
				}
			}
		}
		if formulas == 0 {
			t.Error("no title looked like a formula")
		}
		paper := h.do(http.MethodGet, path, h.secrets["scheduler"],
			map[string]string{"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}, nil)
		if body := string(paper.body); strings.Contains(body, "<script") || strings.Contains(body, "<b>1") ||
			!strings.Contains(body, "@media print") ||
			strings.Count(body, "<tr>") != len(report.Rows)+2 {
			t.Errorf("the page: %d rows for %d\n%s", strings.Count(body, "<tr>"), len(report.Rows), body)
		}
	})
}
