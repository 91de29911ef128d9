package endtoend

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"lifeline/internal/wire"
	"lifeline/schedules"
)

// A person's recall removes every segment that names the person, with its chain, from every coming queue in one act. It
// lists the stations that have acknowledged it, and until when the others may still air a segment. One user alone
// cannot undo it.
func TestRecalledPersonLeavesEveryComingQueue(t *testing.T) {
	t.Parallel()
	h := open(t, furnish(t))
	const station, day = "harbour-dawn", "2099-11-25"
	h.publish([]string{station}, day)
	before := h.queue(station, day)
	var named []string
	for _, i := range before.Items {
		if i.Kind == "reading" && i.Chain != "" && len(named) < 2 && !slices.Contains(named, i.SegmentID) {
			named = append(named, i.SegmentID)
		}
	}
	if len(named) < 2 {
		t.Fatalf("the day has the chains %v", named)
	}
	var last schedules.Instant
	for _, i := range before.Items {
		if slices.Contains(named, i.SegmentID) {
			last = schedules.At(i.StartAt.Add(i.Duration.Duration))
		}
	}
	for _, id := range named {
		name(t, h, id, "p99")
	}
	h.publish([]string{station}, day) // they were approved again; the day is as planned, or repaired
	ruth := terminalOf{h, t, h.secrets["editor"]}
	if _, _, code := ruth.run("recall", "--person", "nobody", "--reason", "x"); code != 1 {
		t.Errorf("nobody is recalled: exit %d", code)
	}
	var p wire.Person
	ruth.json(&p, "recall", "--person", "p99", "--reason", "the family is in danger")
	if len(p.Segments) != 2 || p.Segments[0].State != schedules.Recalled || p.Segments[1].State != schedules.Recalled {
		t.Fatalf("%+v", p)
	}
	standing := func() (s wire.PersonStation) {
		t.Helper()
		h.get("/v1/persons/p99", &p)
		for _, s = range p.Stations {
			if s.Station == station {
				return s
			}
		}
		t.Fatalf("%+v", p)
		return s
	}
	if s := standing(); s.Acknowledged || s.OffBy.Before(last.Time) || p.OffBy.Before(s.OffBy.Time) {
		t.Errorf("unacknowledged: %+v, its last place ends at %s", s, last)
	}
	for {
		q := h.queue(station, day)
		if !slices.ContainsFunc(q.Items, func(i wire.QueueItem) bool { return slices.Contains(named, i.SegmentID) }) {
			for _, i := range q.Items { // its intro and back-announce went with it
				if i.Chain != "" && !slices.ContainsFunc(q.Items, func(r wire.QueueItem) bool { return r.ID == i.Chain }) {
					t.Errorf("%s is left of a chain", i.SegmentID)
				}
			}
			break // if the small library has no replacement, the station airs its fallback
		}
		if _, err := h.station(station).Station(station).Queue(t.Context(), q.Date,
			strconv.Quote(strconv.FormatInt(q.Revision, 10)), 30*time.Second); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.station(station).Station(station).SendStatus(t.Context(), wire.Status{RecallsSeen: p.Recalls,
		PlayerVersion: "test"}); err != nil {
		t.Fatal(err)
	}
	if s := standing(); !s.Acknowledged || !s.OffBy.IsZero() || s.LastContact.IsZero() {
		t.Errorf("acknowledged: %+v", s)
	}
	var records []wire.AuditRecord
	minjun := terminalOf{h, t, h.secrets["scheduler"]}
	minjun.json(&records, "audit", "--kind", "segment", "--by", "Ruth")
	acts := map[string]bool{}
	for _, r := range records {
		if r.Action == "person.recall" {
			acts[r.RequestID] = true
		}
	}
	if len(acts) != 1 {
		t.Errorf("recalled in %d acts", len(acts))
	}
	// Ruth reinstates; another editor must approve.
	if _, err := h.editor.Act(t.Context(), named[0], "reinstate", "a mistake"); err != nil {
		t.Fatal(err)
	}
	if _, err := approve(t.Context(), h.editor, named[0]); err == nil {
		t.Error("one person undid the recall")
	}
}

// name adds a person to a segment and has it approved again.
func name(t *testing.T, h *house, id, person string) {
	t.Helper()
	h.patch(id, map[string][]string{"persons": {person}})
	if _, err := approve(t.Context(), h.editor, id); err != nil {
		t.Fatal(err)
	}
}
