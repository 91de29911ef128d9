package scheduling

import (
	"bytes"
	"context"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/fault"
	"lifeline/internal/replica"
	"lifeline/internal/servicetest"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// file is a rendered window.
type file struct{ *bytes.Reader }

func (file) Close() error { return nil }

// renderer renders a file that names the window's first segment.
type renderer struct{}

func (renderer) Window(_ context.Context, q *wire.Queue, format string) (io.ReadSeekCloser, int64, string, error) {
	b := []byte(format + " of " + q.Items[0].SegmentID)
	return file{bytes.NewReader(b)}, int64(len(b)), "tag", nil
}

func TestAWindowsFileIsReadUntilTheWindowChanges(t *testing.T) {
	o, day := newOneStation(t), secondOfNovember
	w := NewWindows(o.Lists, renderer{})
	open := func(window string, start time.Time) (*Rendered, error) {
		return w.Open(t.Context(), "s", window, day, start, "wav")
	}
	if _, err := open("w", time.Time{}); !fault.Is(err, fault.NotFound) {
		t.Errorf("before it is published: %v", err)
	}
	o.publish(day)
	if _, err := open("x", time.Time{}); !fault.Is(err, fault.NotFound) {
		t.Errorf("no such window: %v", err)
	}
	if _, err := open("w", o.now); !fault.Is(err, fault.Invalid) {
		t.Errorf("at another time: %v", err)
	}
	r, err := open("w", time.Time{})
	if err != nil || r.Size == 0 || r.Tag != "tag" {
		t.Fatal(r, err)
	}
	item := o.queue(t, day).Items[0].SegmentID
	if got, err := io.ReadAll(r); err != nil || string(got) != "wav of "+item {
		t.Errorf("it reads %q, %v", got, err)
	}
	servicetest.PutSigned(t, o.replica, replica.KindRecalls, replica.RecallsID, wire.Recalls{Schema: wire.RecallsSchema,
		Segments: []wire.Recalled{{SegmentID: "other"}}})
	if _, err := r.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("after a recall of what is not in it: %v", err)
	}
	servicetest.PutSigned(t, o.replica, replica.KindRecalls, replica.RecallsID, wire.Recalls{Schema: wire.RecallsSchema,
		Segments: []wire.Recalled{{SegmentID: item}}})
	if _, err := r.Read(make([]byte, 1)); !fault.Is(err, fault.Gone) {
		t.Errorf("after its item was recalled: %v", err)
	}
}

// queue returns the published queue of a day.
func (o *fixture) queue(t *testing.T, day schedules.Date) wire.Queue {
	t.Helper()
	q, err := o.Record.Queues.Queue(t.Context(), "s", day)
	if err != nil {
		t.Fatal(err)
	}
	return q.Value
}

func TestALeaseNamesTheSensitiveSegmentsThatMayAir(t *testing.T) {
	o := newOneStation(t)
	sensitive := func(s *schedules.Segment) { s.Sensitive, s.GuardedSince = true, schedules.At(o.now) }
	o.alter("m2", sensitive)
	o.alter("m3", sensitive)
	o.redefine(t, func(s *schedules.Station) { s.Fallback = []string{"m1", "m2", "m3"} })
	if err := o.Fallbacks.IssueAll(t.Context(), replica.NewWorkLock(o.replica, "here", time.Minute)); err != nil {
		t.Fatal(err)
	}
	o.alter("m3", func(s *schedules.Segment) { s.State = schedules.Recalled })
	l, err := o.Leases.Issue(t.Context(), "s", "")
	if err != nil || len(l.Value.Segments) != 1 || l.Value.Segments[0] != "m2" ||
		!l.Value.ExpiresAt.Equal(o.now.Add(time.Hour)) {
		t.Errorf("%+v, %v", l.Value, err)
	}
	if _, err := o.Leases.Issue(t.Context(), "x", ""); !fault.Is(err, fault.NotFound) {
		t.Errorf("of no station: %v", err)
	}
}

// A station that has not acknowledged a recall may air the person until its published items, its fallback list and its
// lease end. A station that has acknowledged it does not.
func TestAPersonIsOffTheAirWhenTheLastStationIs(t *testing.T) {
	o, day := newOneStation(t), secondOfNovember
	for _, id := range []string{"m1", "m2", "m3"} {
		o.alter(id, func(s *schedules.Segment) { s.Persons = []string{"hana"} })
	}
	o.publish(day)
	aired := o.queue(t, day).Items[0]
	if _, err := o.People.Person(t.Context(), "nobody"); !fault.Is(err, fault.NotFound) {
		t.Errorf("a person that nothing names: %v", err)
	}
	p, err := o.People.Person(t.Context(), "hana")
	if err != nil || len(p.Segments) != 3 || len(p.Stations) != 1 || !p.OffBy.IsZero() {
		t.Errorf("before a recall: %+v, %v", p, err)
	}
	recalled := func(ids ...string) {
		list := wire.Recalls{Schema: wire.RecallsSchema, Revision: 7}
		for _, id := range ids {
			o.alter(id, func(s *schedules.Segment) { s.State = schedules.Recalled })
			list.Segments = append(list.Segments, wire.Recalled{SegmentID: id, RecalledAt: schedules.At(o.now)})
		}
		servicetest.PutSigned(t, o.replica, replica.KindRecalls, replica.RecallsID, list)
	}
	o.redefine(t, func(s *schedules.Station) { s.Fallback = nil })
	recalled(aired.SegmentID)
	if p, err = o.People.Person(t.Context(), "hana"); err != nil || !p.OffBy.Equal(endOf(aired)) {
		t.Errorf("in a queue until %v: %v, %v", endOf(aired), p.OffBy, err)
	}
	o.redefine(t, func(s *schedules.Station) { s.Fallback = []string{"m1"} })
	recalled("m1")
	if p, err = o.People.Person(t.Context(), "hana"); err != nil || !p.OffBy.Equal(o.now.AddDate(0, 0, fallbackDays)) {
		t.Errorf("in a fallback list: %v, %v", p.OffBy, err)
	}
	o.alter("m1", func(s *schedules.Segment) {
		s.Sensitive, s.GuardedSince = true,
			schedules.At(o.now.AddDate(-1, 0, 0))
	})
	if p, err = o.People.Person(t.Context(), "hana"); err != nil || !p.OffBy.Equal(o.now.Add(time.Hour+leaseLate+
		time.Minute)) {
		t.Errorf("under a lease: %v, %v", p.OffBy, err)
	}
	if err := o.Record.Logbook.SetStatus(t.Context(), access.Actor{}, "s", wire.Status{RecallsSeen: 7}); err != nil {
		t.Fatal(err)
	}
	if p, err = o.People.Person(t.Context(), "hana"); err != nil || !p.OffBy.IsZero() || !p.Stations[0].Acknowledged {
		t.Errorf("acknowledged: %+v, %v", p, err)
	}
}

// Before a recall, no station acknowledges what nobody recalled.
func TestAPersonsPageSaysWhereTheyAreScheduledWhenNothingIsRecalled(t *testing.T) {
	o, day := newOneStation(t), secondOfNovember
	for _, id := range []string{"m1", "m2", "m3"} {
		o.alter(id, func(s *schedules.Segment) { s.Persons = []string{"hana"} })
	}
	o.redefine(t, func(s *schedules.Station) { s.Fallback = nil })
	if err := o.Record.Logbook.SetStatus(t.Context(), access.Actor{}, "s", wire.Status{}); err != nil {
		t.Fatal(err)
	}
	station := func() wire.PersonStation {
		t.Helper()
		p, err := o.People.Person(t.Context(), "hana")
		if err != nil || len(p.Stations) != 1 {
			t.Fatalf("%+v, %v", p, err)
		}
		return p.Stations[0]
	}
	if s := station(); s.Airings != 0 || !s.NextAt.IsZero() || s.Fallback || s.Acknowledged {
		t.Errorf("before a day is published: %+v", s)
	}
	o.publish(day)
	items := o.queue(t, day).Items
	if s := station(); s.Airings != len(items) || !s.NextAt.Equal(items[0].StartAt.Time) || s.Acknowledged {
		t.Errorf("%d items are published from %s: %+v", len(items), items[0].StartAt, s)
	}
	o.redefine(t, func(s *schedules.Station) { s.Fallback = []string{"m1"} })
	if s := station(); !s.Fallback {
		t.Errorf("in the fallback: %+v", s)
	}
	first := items[0].SegmentID
	left := slices.DeleteFunc(slices.Clone(items), func(i wire.QueueItem) bool {
		return i.SegmentID == first
	})
	o.alter(first, func(s *schedules.Segment) { s.State = schedules.Recalled })
	servicetest.PutSigned(t, o.replica, replica.KindRecalls, replica.RecallsID, wire.Recalls{Schema: wire.RecallsSchema,
		Revision: 7, Segments: []wire.Recalled{{SegmentID: first, RecalledAt: schedules.At(o.now)}}})
	if s := station(); s.Airings != len(left) || s.Acknowledged || s.OffBy.IsZero() {
		t.Errorf("with one segment recalled, %d items are left: %+v", len(left), s)
	}
	o.now = endOf(items[len(items)-1])
	if s := station(); s.Airings != 0 || !s.NextAt.IsZero() {
		t.Errorf("after the day: %+v", s)
	}
}

func TestAStationHearsWhatItsQueuesAndItsFallbackName(t *testing.T) {
	o, day := newOneStation(t), secondOfNovember
	o.publish(day)
	q := o.queue(t, day)
	for _, i := range append(q.Items, q.Fallback...) {
		if !o.Lists.StationHears("s", i.Audio.SHA256) {
			t.Errorf("not %s", i.SegmentID)
		}
	}
	if o.Lists.StationHears("s", "x") || o.Lists.StationHears("t", q.Items[0].Audio.SHA256) {
		t.Error("it hears what is not its own")
	}
}

// The contract lists warnings, also where there are none.
func TestATrialPlanWithoutWarningsHasAnEmptyListOfThem(t *testing.T) {
	o := newOneStation(t)
	r, err := o.Drafts.Plan(t.Context(), access.System, "s", secondOfNovember, PlanOptions{DryRun: true})
	if err != nil || r.Warnings == nil || len(r.Warnings) > 0 {
		t.Errorf("%#v, %v", r.Warnings, err)
	}
}

func TestARevisionIsReadExplainedAndCompared(t *testing.T) {
	o, day := newOneStation(t), secondOfNovember
	read := func(revision int64) error {
		_, err := o.Rundowns.Rundown(t.Context(), "s", day, revision)
		return err
	}
	if err := read(0); !fault.Is(err, fault.NotFound) {
		t.Errorf("before it is planned: %v", err)
	}
	o.publish(day)
	if err := read(9); !fault.Is(err, fault.NotFound) || !strings.HasSuffix(err.Error(), ": the newest is 2") {
		t.Errorf("a revision that there is not: %v", err)
	}
	r, err := o.Rundowns.Rundown(t.Context(), "s", day, 1)
	if err != nil {
		t.Fatal(err)
	}
	item := r.Items[0].ID
	if why, err := o.Rundowns.Explain(t.Context(), "s", day, 0, item); err != nil || why.Item != item {
		t.Errorf("%+v, %v", why, err)
	}
	if _, err := o.Rundowns.Explain(t.Context(), "s", day, 0, "x"); !fault.Is(err, fault.NotFound) {
		t.Errorf("an item that there is not: %v", err)
	}
	if changes, err := o.Rundowns.Diff(t.Context(), "s", day, 1, 2); err != nil || len(changes) != 0 {
		t.Errorf("planned and published differ: %+v, %v", changes, err)
	}
	if _, err := o.Rundowns.Diff(t.Context(), "s", day, 1, 9); !fault.Is(err, fault.NotFound) {
		t.Errorf("with a revision that there is not: %v", err)
	}
}

func TestAScriptsPassagesAreMissingUntilRecordedAndReachWhereTheyAired(t *testing.T) {
	o, day := newOneStation(t), secondOfNovember
	if _, err := o.Scripts.Missing("appeal"); !fault.Is(err, fault.NotFound) {
		t.Errorf("of a script that there is not: %v", err)
	}
	if _, err := o.Scripts.Exposure(t.Context(), "appeal"); !fault.Is(err, fault.NotFound) {
		t.Errorf("of a script that there is not: %v", err)
	}
	servicetest.Put(t, o.replica, replica.KindScript, "appeal", schedules.Script{ID: "appeal", Revision: 1,
		Languages: []string{"ko-KP"}, Versions: []schedules.ScriptVersion{{Version: 1,
			Passages: []schedules.Passage{{Number: 1, Text: map[string]string{"ko-KP": "호소"}},
				{Number: 2, Text: map[string]string{"ko-KP": "문"}}}}}})
	read := func(s *schedules.Segment) {
		s.Kind, s.Script = "reading", &schedules.ScriptRef{ID: "appeal", Version: 1, Passages: []int{1}}
	}
	for _, id := range []string{"m1", "m2", "m3"} {
		o.alter(id, read)
	}
	n := servicetest.OneStation()
	n.Clocks[0].Positions[0].Fill.Kinds = []schedules.Kind{"reading"}
	if _, err := o.Network.Apply(t.Context(), access.Actor{}, n, nil, false); err != nil {
		t.Fatal(err)
	}
	missing, err := o.Scripts.Missing("appeal")
	if err != nil || len(missing) != 1 || missing[0].Passage != 2 {
		t.Errorf("missing: %+v, %v", missing, err)
	}
	o.publish(day)
	reached, err := o.Scripts.Exposure(t.Context(), "appeal")
	if err != nil || len(reached) != 1 || reached[0].Passage != 1 || reached[0].Station != "s" {
		t.Errorf("reached: %+v, %v", reached, err)
	}
}

func TestAFallbackListIsWaitedFor(t *testing.T) {
	o := newOneStation(t)
	if _, err := o.Fallbacks.Fallback("s"); !fault.Is(err, fault.NotFound) {
		t.Errorf("before the first: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := o.Fallbacks.Await(ctx, "s", 0); !fault.Is(err, fault.NotFound) {
		t.Errorf("none comes: %v", err)
	}
	if err := o.Fallbacks.IssueAll(t.Context(), replica.NewWorkLock(o.replica, "here", time.Minute)); err != nil {
		t.Fatal(err)
	}
	if f, err := o.Fallbacks.Await(t.Context(), "s", 0); err != nil || f.Value.Revision != 1 || len(f.Value.Items) != 1 {
		t.Errorf("%+v, %v", f.Value, err)
	}
}

func TestPlansKeepWhatIsAskedForAndRefuseWhatTheyDoNotKnow(t *testing.T) {
	o, day := newOneStation(t), secondOfNovember
	plan := func(opt PlanOptions) (schedules.Rundown, error) {
		return o.Drafts.Plan(t.Context(), access.Actor{}, "s", day, opt)
	}
	if _, err := plan(PlanOptions{Keep: []string{"x"}}); !fault.Is(err, fault.Invalid) {
		t.Errorf("kept of no rundown: %v", err)
	}
	first, err := plan(PlanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := plan(PlanOptions{Keep: []string{"x"}}); !fault.Is(err, fault.Invalid) {
		t.Errorf("an item that there is not: %v", err)
	}
	for seed := range uint64(5) {
		again, err := plan(PlanOptions{Seed: seed, Keep: []string{first.Items[0].ID}})
		if err != nil || again.Items[0].SegmentID != first.Items[0].SegmentID {
			t.Errorf("seed %d: %+v, %v", seed, again.Items, err)
		}
	}
	stale := int64(1)
	if _, err := plan(PlanOptions{Revision: &stale}); !fault.Is(err, fault.Stale) {
		t.Errorf("from an old revision: %v", err)
	}
	if _, err := o.Drafts.Plan(t.Context(), access.Actor{}, "x", day, PlanOptions{}); !fault.Is(err, fault.NotFound) {
		t.Errorf("of no station: %v", err)
	}
}
