package endtoend

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"lifeline/internal/wire"
	"lifeline/schedules"
	"lifeline/schedules/examples"
)

// owedBy lists a station's make-goods in a state, by the missed item.
func (h *house) owedBy(station, state string) map[string]wire.OwedAiring {
	h.t.Helper()
	out := map[string]wire.OwedAiring{}
	for cursor := ""; ; {
		var page wire.Page[wire.OwedAiring]
		h.get("/v1/make-goods?limit=1&station="+station+"&state="+state+"&cursor="+cursor, &page)
		for _, m := range page.Items {
			out[m.ItemID] = m
		}
		if cursor = page.NextCursor; cursor == "" {
			return out
		}
	}
}

// plan drafts a day and returns it.
func (h *house) plan(station string, day schedules.Date) schedules.Rundown {
	h.t.Helper()
	got := h.do(http.MethodPost, wire.Station(station, "rundowns", day.String(), "plan"), h.secrets["scheduler"],
		map[string]string{"Content-Type": "application/json"}, []byte(`{"seed":7}`))
	if got.status != http.StatusOK {
		h.t.Fatalf("plan %s: %d %s", day, got.status, got.body)
	}
	var r schedules.Rundown
	got.into(h.t, &r)
	return r
}

// making returns the items of a rundown that are make-goods, by make-good.
func making(r schedules.Rundown) map[string]schedules.Item {
	out := map[string]schedules.Item{}
	for _, i := range r.Items {
		if i.MakesGood != "" {
			out[i.MakesGood] = i
		}
	}
	return out
}

// A missed commitment is owed until it airs: the next plan contains it, no other does, and its airing settles it. A
// missed item that is no commitment is not owed; a commitment that is waived, or that a late report shows as aired, is
// no longer owed.
func TestMissedCommitmentIsOwedUntilItAirs(t *testing.T) {
	t.Parallel()
	h := open(t, furnish(t))
	const station = "harbour-dawn"
	zone := fmt.Sprintf("Etc/GMT%+d", time.Now().UTC().Hour()-12) // a zone where it is about noon
	moved := bytes.ReplaceAll(examples.Network, []byte("Asia/Seoul"), []byte(zone))
	if _, err := h.scheduler.Apply(t.Context(), bytes.NewReader(moved), false); err != nil {
		t.Fatal(err)
	}
	today := schedules.DateOf(time.Now().In(mustZone(t, zone)))
	missedDay, tomorrow := today.AddDays(-2), today.AddDays(1)
	h.publish([]string{station}, missedDay.String())
	q := h.queue(station, missedDay.String())
	fates, seen := map[string]fate{}, map[string]bool{}
	var missed []wire.QueueItem
	ident := ""
	for _, i := range q.Items {
		switch {
		case i.Kind == "ident" && ident == "":
			ident = i.ID
			fates[i.ID] = fate{}
		case (i.Kind == "reading" || i.Kind == "testimony" || i.Kind == "letter") && len(missed) < 3 && !seen[i.SegmentID]:
			seen[i.SegmentID] = true
			missed = append(missed, i)
			fates[i.ID] = fate{}
		}
	}
	if len(missed) < 3 || ident == "" {
		t.Fatalf("the day has %d things to miss", len(missed))
	}
	next := h.air(station, q, 1, fates)

	first := h.plan(station, tomorrow)
	owed := making(first)
	planned := h.owedBy(station, wire.MakeGoodPlanned)
	if len(owed) != 3 || len(planned) != 3 || len(h.owedBy(station, wire.MakeGoodOwed)) != 0 {
		t.Fatalf("owed in the plan: %v; planned: %v", owed, planned)
	}
	for _, m := range missed {
		p, made := planned[m.ID], owed[schedules.MakeGoodID(m.ID)]
		if made.SegmentID != m.SegmentID || p.By == nil || p.By.ItemID != made.ID || p.By.Date != tomorrow ||
			p.SegmentID != m.SegmentID || p.Verdict != schedules.Missed {
			t.Errorf("%s is to be made good by %s: %+v", m.SegmentID, made.SegmentID, p)
		}
	}
	if again := h.plan(station, tomorrow); !slices.EqualFunc(first.Items, again.Items,
		func(a, b schedules.Item) bool { return a == b }) {
		t.Error("the same day planned twice is not the same")
	}
	if other := making(h.plan(station, tomorrow.AddDays(1))); len(other) != 0 {
		t.Errorf("owed twice: %v", other)
	}

	// One is waived, one is reported late as aired.
	waived := "/v1/stations/" + station + "/make-goods/" + schedules.MakeGoodID(missed[1].ID) + "/waive"
	for _, c := range []struct {
		body   string
		status int
	}{{`{}`, http.StatusUnprocessableEntity}, {`{"reason":"out of date"}`, http.StatusOK}, {`{"reason":"again"}`,
		http.StatusConflict}} {
		if got := h.do(http.MethodPost, waived, h.secrets["scheduler"], map[string]string{"Content-Type": "application/json"},
			[]byte(c.body)); got.status != c.status {
			t.Errorf("waiving with %s: %d %s", c.body, got.status, got.body)
		}
	}
	h.report(station, []schedules.AsRun{{Sequence: next, ItemID: missed[2].ID, SegmentID: missed[2].SegmentID,
		Outcome:   schedules.Aired,
		StartedAt: *missed[2].StartAt, EndedAt: schedules.At(missed[2].StartAt.Add(missed[2].Duration.Duration))}})
	// The other is moved to today, published, and aired.
	if left := making(h.plan(station, tomorrow)); len(left) != 1 {
		t.Errorf("still owed: %v", left)
	}
	if left := making(h.plan(station, today)); len(left) != 0 {
		t.Errorf("tomorrow has it, and today too: %v", left)
	}
	if got := h.do(http.MethodPatch, wire.Station(station, "rundowns", tomorrow.String()), h.secrets["scheduler"],
		map[string]string{"Content-Type": "application/json", "If-Match": h.etag(station, tomorrow)},
		removing(h, station, tomorrow, missed[0].SegmentID)); got.status != http.StatusOK {
		t.Fatalf("%d %s", got.status, got.body)
	}
	if open := h.owedBy(station, wire.MakeGoodOwed); len(open) != 1 || open[missed[0].ID].ID == "" {
		t.Errorf("taken out of tomorrow, it is not owed: %v", open)
	}
	left := making(h.plan(station, today))
	made, ok := left[schedules.MakeGoodID(missed[0].ID)]
	if !ok || len(left) != 1 {
		t.Fatalf("today is to make good %v", left)
	}
	if _, err := h.scheduler.Publish(t.Context(), wire.ManyRequest{Stations: []string{station},
		Dates: []schedules.Date{today}}); err != nil {
		t.Fatal(err)
	}
	qt := h.queue(station, today.String())
	var before, upTo wire.Queue
	for _, i := range qt.Items {
		if i.ID == made.ID {
			if i.MakesGood != made.MakesGood {
				t.Errorf("the queue says %q", i.MakesGood)
			}
			upTo.Items = append(upTo.Items, i)
		} else if len(upTo.Items) == 0 {
			before.Items = append(before.Items, i)
		}
	}
	if len(upTo.Items) == 0 {
		t.Fatalf("the published day does not make good what its draft did: %+v", qt.Items)
	}
	earlier, next := asAired(before, next+1, nil)
	later, _ := asAired(upTo, next, nil)
	h.reportTwoDaysOn(station, append(earlier, later...))
	h.plan(station, tomorrow)
	aired := h.owedBy(station, wire.MakeGoodAired)
	if len(aired) != 2 || aired[missed[0].ID].By == nil || aired[missed[0].ID].By.ItemID != made.ID ||
		aired[missed[2].ID].By == nil || aired[missed[2].ID].By.ItemID != missed[2].ID {
		t.Errorf("aired: %+v", aired)
	}
	if w := h.owedBy(station, wire.MakeGoodWaived); len(w) != 1 || w[missed[1].ID].Reason != "out of date" ||
		w[missed[1].ID].WaivedBy != "Minjun" {
		t.Errorf("waived: %+v", w)
	}
	if open := h.owedBy(station, wire.MakeGoodOwed); len(open) != 0 {
		t.Errorf("still owed: %+v", open)
	}
	var report wire.AiringReport
	h.get("/v1/reports/airings?group=day&station="+station+"&from="+missedDay.String()+"&to="+
		missedDay.AddDays(1).String(), &report)
	if c := report.Totals; c.Missed != 3 || c.MadeGood != 1 || c.Aired != c.Planned-3 {
		t.Errorf("the report: %+v", c)
	}
}

func mustZone(t *testing.T, name string) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

func (h *house) etag(station string, day schedules.Date) string {
	h.t.Helper()
	return h.do(http.MethodGet, wire.Station(station, "rundowns", day.String()), h.secrets["scheduler"], nil,
		nil).header.Get("ETag")
}

// removing returns the edit that removes a segment's items from a day.
func removing(h *house, station string, day schedules.Date, segment string) []byte {
	h.t.Helper()
	r, err := h.scheduler.Rundown(h.t.Context(), station, day)
	if err != nil {
		h.t.Fatal(err)
	}
	var edits []string
	for _, i := range r.Items {
		if i.SegmentID == segment {
			edits = append(edits, `{"op":"remove","item":"`+i.ID+`"}`)
		}
	}
	return bytes.Join([][]byte{[]byte(`{"edits":[`), []byte(strings.Join(edits, ",")), []byte(`]}`)}, nil)
}
