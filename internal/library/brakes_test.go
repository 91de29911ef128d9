package library

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/fault"
	"lifeline/internal/replica"
	"lifeline/internal/servicetest"
	"lifeline/schedules"
)

var amos = access.Actor{Name: "Amos"}

// approved stores n segments, s0 and so on, that Hana uploaded and Ruth approved.
func (d *fixture) approved(t *testing.T, n int) {
	t.Helper()
	for i := range n {
		id := fmt.Sprint("s", i)
		d.upload(t, id)
		if _, err := d.library.Approvals.Approve(t.Context(), ruth, id, nil, ""); err != nil {
			t.Fatal(err)
		}
	}
}

// stolen recalls segments by Ruth, in the first of her names and in others, until one is refused. It returns how many
// were recalled.
func (d *fixture) stolen(t *testing.T, from, to int) int {
	t.Helper()
	for i := from; i < to; i++ {
		who := access.Actor{Name: []string{"Ruth", "RUTH", "R\u0075th"}[i%3]}
		_, err := d.library.Recalls.Recall(t.Context(), who, fmt.Sprint("s", i), nil, "x")
		if fault.Is(err, fault.Forbidden) && strings.Contains(err.Error(), "another person") {
			return i - from
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return to - from
}

func TestMoreThanAHandfulOfRecallsNeedASecondPerson(t *testing.T) {
	d := newFixture(t, servicetest.Heard)
	d.approved(t, 30)
	if n := d.stolen(t, 0, 12); n != 5 {
		t.Fatalf("one person recalled %d", n)
	}
	if _, err := d.library.Recalls.Reinstate(t.Context(), ruth, "s0", nil, "x"); err != nil {
		t.Fatal(err)
	}
	if n := d.stolen(t, 5, 12); n != 0 {
		t.Errorf("after a reinstatement, %d more", n)
	}
	if _, err := d.library.Recalls.Recall(t.Context(), amos, "s20", nil, "by another"); err != nil {
		t.Errorf("by another: %v", err)
	}
	if _, err := d.library.Recalls.Confirm(t.Context(), ruth, "ruth", time.Time{}, "me"); !fault.Is(err, fault.Forbidden) {
		t.Errorf("confirmed by the same: %v", err)
	}
	if _, err := d.library.Recalls.Confirm(t.Context(), amos, "nobody", time.Time{}, "x"); !fault.Is(err, fault.NotFound) {
		t.Errorf("of nobody: %v", err)
	}
	if _, err := d.library.Recalls.Confirm(t.Context(), amos, "Ruth", time.Time{}, ""); !fault.Is(err, fault.Invalid) {
		t.Errorf("without a reason: %v", err)
	}
	if done, err := d.library.Recalls.Confirm(t.Context(), amos, "ruth", time.Time{}, "they are in danger"); err != nil ||
		len(done) != 5 {
		t.Fatalf("confirmed: %d, %v", len(done), err)
	}
	if n := d.stolen(t, 5, 12); n != 5 {
		t.Errorf("after the confirmation, %d more", n)
	}
	d.now = d.now.Add(Braking + time.Second)
	if n := d.stolen(t, 10, 20); n != 5 {
		t.Errorf("ten minutes later, %d more", n)
	}
}

// A thief undid what an editor had recalled bit by bit, in one request and without an approval.
func TestOnlyMassRecallsOfTheLastDayAreApprovedAgainAtOnce(t *testing.T) {
	for name, c := range map[string]struct {
		recalls []int // at each time, how many
		apart   time.Duration
		later   time.Duration
		again   int // how many are approved again
	}{
		"a mass":              {[]int{5}, time.Minute, 0, 5},
		"one after the other": {[]int{1, 1, 1, 1, 1}, 2 * time.Minute, 0, 5},
		"bit by bit":          {[]int{3, 3}, Braking + time.Second, 0, 0},
		"a mass and others":   {[]int{2, 5}, Braking + time.Second, 0, 5},
		"a mass of long ago":  {[]int{5}, time.Minute, 25 * time.Hour, 0},
	} {
		t.Run(name, func(t *testing.T) {
			d := newFixture(t, servicetest.Heard)
			d.approved(t, 30)
			n := 0
			for _, more := range c.recalls {
				if got := d.stolen(t, n, n+more); got != more {
					t.Fatalf("%d of %d were recalled", got, more)
				}
				n += more
				d.now = d.now.Add(c.apart)
			}
			d.now = d.now.Add(c.later)
			done, err := d.library.Recalls.Undo(t.Context(), amos, "Ruth", time.Time{}, "x")
			if err != nil || len(done) != n {
				t.Fatalf("%d of %d, %v", len(done), n, err)
			}
			again := 0
			for _, s := range done {
				if s.State == schedules.Approved {
					again++
				}
			}
			if again != c.again {
				t.Errorf("%d are approved again, not %d", again, c.again)
			}
		})
	}
}

// Refusals are on the audit, which schedulers read who are not named for the persons in segments.
func TestRefusedRecallOfAPersonNamesNobody(t *testing.T) {
	d := newFixture(t, servicetest.Heard)
	d.approved(t, 7)
	if _, err := d.library.Segments.Edit(t.Context(), ruth, "s6", nil, func(s *schedules.Segment) {
		s.Persons = []string{"p-hidden"}
	}); err != nil {
		t.Fatal(err)
	}
	d.stolen(t, 0, 5)
	err := d.library.Recalls.RecallPerson(t.Context(), ruth, "p-hidden", "x")
	if !fault.Is(err, fault.Forbidden) || strings.Contains(err.Error(), "p-hidden") {
		t.Errorf("%v", err)
	}
}

func TestTheRecallOfAPersonCountsOnce(t *testing.T) {
	d := newFixture(t, servicetest.Heard)
	d.approved(t, 14)
	for i := range 8 {
		if _, err := d.library.Segments.Edit(t.Context(), hana, fmt.Sprint("s", i+6), nil,
			func(s *schedules.Segment) { s.Persons = []string{"minjun"} }); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.library.Recalls.RecallPerson(t.Context(), ruth, "minjun", "unsafe"); err != nil {
		t.Fatal(err)
	}
	if got := MassRecalls(d.replica, d.now); len(got) != 1 || got[0].Segments != 8 || got[0].By != "Ruth" {
		t.Errorf("alarms: %+v", got)
	}
	if n := d.stolen(t, 0, 6); n != 4 {
		t.Errorf("and %d more", n)
	}
}

// Many at once by one token are held to the same number.
func TestRecallsAtOnceAreCountedEach(t *testing.T) {
	d := newFixture(t, servicetest.Heard)
	d.approved(t, 20)
	done := make(chan error)
	for i := range 20 {
		go func() {
			var err error
			for range 50 { // a race that is lost is tried again
				if _, err = d.library.Recalls.Recall(context.WithoutCancel(t.Context()), ruth, fmt.Sprint("s", i), nil,
					"x"); err == nil || fault.Is(err, fault.Forbidden) {
					break
				}
			}
			done <- err
		}()
	}
	n := 0
	for range 20 {
		if err := <-done; err == nil {
			n++
		} else if !fault.Is(err, fault.Forbidden) {
			t.Error(err)
		}
	}
	if n != Handful {
		t.Errorf("%d were recalled", n)
	}
}

func TestOneActUndoesTheMassRecallOfAThief(t *testing.T) {
	d := newFixture(t, servicetest.Heard)
	d.approved(t, 6)
	d.upload(t, "pending")
	d.upload(t, "named")
	if _, err := d.library.Segments.Edit(t.Context(), hana, "named", nil,
		func(s *schedules.Segment) { s.Persons = []string{"minjun"} }); err != nil {
		t.Fatal(err)
	}
	if _, err := d.library.Approvals.Approve(t.Context(), ruth, "named", nil, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := d.library.Recalls.Recall(t.Context(), ruth, "s5", nil, "before the theft"); err != nil {
		t.Fatal(err)
	}
	d.now = d.now.Add(time.Hour)
	since := d.now
	for _, id := range []string{"named", "pending", "s0", "s1", "s2"} {
		if _, err := d.library.Recalls.Recall(t.Context(), ruth, id, nil, "x"); err != nil {
			t.Fatal(err)
		}
	}
	if got := MassRecalls(d.replica, d.now); len(got) != 1 || got[0].Segments != 6 {
		t.Errorf("alarms: %+v", got)
	}
	if _, err := d.library.Segments.Edit(t.Context(), hana, "s2", nil,
		func(s *schedules.Segment) { s.Title = "changed since" }); err != nil {
		t.Fatal(err)
	}
	if _, err := d.library.Recalls.Undo(t.Context(), ruth, "Ruth", since, "me"); !fault.Is(err, fault.Forbidden) {
		t.Errorf("undone by the same: %v", err)
	}
	if _, err := d.library.Recalls.Undo(t.Context(), amos, "ruth", since, "her token was stolen"); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]schedules.State{"s0": schedules.Approved, "s1": schedules.Approved,
		"s2": schedules.Pending, "named": schedules.Pending, "pending": schedules.Pending, "s5": schedules.Recalled} {
		if s, err := d.library.Segments.Get(id); err != nil || s.State != want {
			t.Errorf("%s is %s, not %s: %v", id, s.State, want, err)
		}
	}
	var held []string
	for _, r := range d.library.Recalls.List().Value.Segments {
		held = append(held, r.SegmentID)
	}
	if got := strings.Join(held, " "); got != "s5 named pending s2" {
		t.Errorf("recalled are %s", got)
	}
	if got := MassRecalls(d.replica, d.now); len(got) > 0 {
		t.Errorf("alarms: %+v", got)
	}
	if _, err := d.library.Recalls.Undo(t.Context(), amos, "ruth", since, "again"); !fault.Is(err, fault.NotFound) {
		t.Errorf("again: %v", err)
	}
}

// Ending one recall still takes two persons.
func TestUndoingFewRecallsLeavesTheApprovalToAnother(t *testing.T) {
	d := newFixture(t, servicetest.Heard)
	d.approved(t, 4)
	if n := d.stolen(t, 0, 4); n != 4 {
		t.Fatal(n)
	}
	if _, err := d.library.Recalls.Undo(t.Context(), amos, "ruth", time.Time{}, "x"); err != nil {
		t.Fatal(err)
	}
	if s, err := d.library.Segments.Get("s0"); err != nil || s.State != schedules.Pending {
		t.Errorf("%s, %v", s.State, err)
	}
	if _, err := d.library.Approvals.Approve(t.Context(), amos, "s0", nil, ""); !fault.Is(err, fault.Forbidden) {
		t.Errorf("approved by the same: %v", err)
	}
}

func TestRecallsAreConfirmedAndUndoneAsFarAsALanguageAllows(t *testing.T) {
	d := newFixture(t, servicetest.Heard)
	for id, language := range map[string]string{"ko1": "ko-KP", "ko2": "ko-KP", "zh1": "cmn"} {
		servicetest.ChangeSegment(t, d.replica, id, func(s *schedules.Segment) { s.Language = language })
		if _, err := d.library.Recalls.Recall(t.Context(), ruth, id, nil, "x"); err != nil {
			t.Fatal(err)
		}
	}
	for id, languages := range map[string][]string{"mina": {"ko"}, "olga": {"ru"}} {
		servicetest.Put(t, d.replica, replica.KindPerson, id, replica.Person{ID: id, Name: id, Languages: languages})
	}
	mina, olga := access.Actor{Name: "mina", Person: "mina"}, access.Actor{Name: "olga", Person: "olga"}
	if _, err := d.library.Recalls.Undo(t.Context(), olga, "Ruth", time.Time{}, "x"); !fault.Is(err, fault.Forbidden) ||
		!strings.Contains(err.Error(), "works in ru only") {
		t.Errorf("a person of another language: %v", err)
	}
	done, err := d.library.Recalls.Confirm(t.Context(), mina, "Ruth", time.Time{}, "right")
	if err != nil || len(done) != 2 {
		t.Fatalf("of her language %d recalls were confirmed: %v", len(done), err)
	}
	done, err = d.library.Recalls.Undo(t.Context(), amos, "Ruth", time.Time{}, "wrong")
	if err != nil || len(done) != 1 || done[0].ID != "zh1" {
		t.Errorf("the rest: %+v, %v", done, err)
	}
}

func TestOneRecallOfAsManySegmentsAsAHandfulIsAnAlarm(t *testing.T) {
	for segments, alarms := range map[int]int{Handful - 1: 0, Handful: 1} {
		d := newFixture(t, servicetest.Heard)
		for i := range segments {
			servicetest.ChangeSegment(t, d.replica, fmt.Sprint("s", i), func(s *schedules.Segment) {
				s.Persons = []string{"minjun"}
			})
		}
		from := d.replica.Sequence()
		if err := d.library.Recalls.RecallPerson(t.Context(), ruth, "minjun", "x"); err != nil {
			t.Fatal(err)
		}
		changes, err := d.replica.Store.Changes(t.Context(), from, 100)
		if err != nil {
			t.Fatal(err)
		}
		told := 0
		for _, c := range changes {
			if c.Kind == access.KindMassAct {
				told++
			}
		}
		if told != alarms {
			t.Errorf("the recall of a person in %d segments made %d alarms", segments, told)
		}
	}
}

func TestUndoingNamesTheRecallsThatAnotherPersonConfirmed(t *testing.T) {
	d := newFixture(t, servicetest.Heard)
	d.approved(t, 4)
	d.stolen(t, 0, 2)
	from := d.now
	if _, err := d.library.Recalls.Confirm(t.Context(), amos, "Ruth", time.Time{}, "they are in danger"); err != nil {
		t.Fatal(err)
	}
	if got := d.library.Recalls.Confirmed("ruth", from); fmt.Sprint(got) != "[s0 s1]" {
		t.Errorf("confirmed are %v", got)
	}
	if _, err := d.library.Recalls.Undo(t.Context(), amos, "Ruth", from, "x"); !fault.Is(err, fault.NotFound) ||
		!strings.Contains(err.Error(), "s0, s1") {
		t.Errorf("where all are confirmed: %v", err)
	}
	d.stolen(t, 2, 4)
	undone, err := d.library.Recalls.Undo(t.Context(), amos, "Ruth", from, "x")
	if err != nil || len(undone) != 2 || undone[0].State != schedules.Pending {
		t.Errorf("of two that nobody confirmed: %+v, %v", undone, err)
	}
}
