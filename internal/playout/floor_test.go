package playout

import (
	"slices"
	"strings"
	"testing"
	"time"

	"lifeline/internal/wire"
	"lifeline/schedules"
)

// list returns the recall list of a service whose store was restored from a backup, if above is not 0.
func (s *shelf) list(above, revision int64, recalled, released []string) []byte {
	named := func(ids []string) (out []wire.Recalled) {
		for _, id := range ids {
			out = append(out, wire.Recalled{SegmentID: id})
		}
		return out
	}
	return s.service.recallsBody(wire.Recalls{Above: above, Revision: revision,
		IssuedAt: schedules.At(documentsNow.Add(time.Duration(revision) * time.Second)),
		Segments: named(recalled), Released: named(released)})
}

func TestWhatAServiceThatWasSetBackHasForgottenStaysOffTheAir(t *testing.T) {
	s, q := recalling(t) // recalled in revision 11
	off := func(want ...string) {
		t.Helper()
		for range 2 { // before and after a restart
			var got []string
			for i := range q.Items {
				if s.Holdings().Barred(&q.Items[i]) != "" {
					got = append(got, q.Items[i].SegmentID)
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("off the air are %q, not %q", got, want)
			}
			s.reopen()
		}
	}
	told := func() string { return strings.Join(s.problems.Alarms(), "; ") }
	take := func(above, revision int64, recalled, released []string) {
		t.Helper()
		if err := s.OfferRecalls(s.list(above, revision, recalled, released)); err != nil {
			t.Fatal(err)
		}
	}
	take(1000, 1001, []string{"segment-1"}, nil)
	off("segment-1", "segment-2")
	if !strings.Contains(told(), "segment-2") {
		t.Errorf("the alarm names nothing: %q", told())
	}
	take(1000, 1002, nil, []string{"segment-1"})
	off("segment-2")
	take(1000, 1003, []string{"segment-2"}, nil) // from now on the service decides
	if told() != "" {
		t.Errorf("the alarm stands: %s", told())
	}
	take(1000, 1004, nil, nil)
	off()
	take(1000, 1005, []string{"segment-3", "segment-4"}, nil)
	take(2000, 2001, nil, nil)
	off("segment-3", "segment-4")
	take(2000, 2002, nil, []string{"segment-3"}) // recalled while this station had no link
	off("segment-4")
}

func TestAnotherListUnderOneRevisionLetsNothingAirThatWasRecalled(t *testing.T) {
	s, q := recalling(t)
	other := wire.Recalls{Revision: 11, IssuedAt: schedules.At(documentsNow.Add(time.Hour)),
		Segments: []wire.Recalled{{SegmentID: "segment-1"}}}
	if err := s.OfferRecalls(s.service.recallsBody(other)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if h := s.Holdings(); !h.Recalled(&q.Items[0]) || !h.Recalled(&q.Items[1]) || h.Recalled(&q.Items[2]) {
			t.Error("one of two lists was forgotten")
		}
		s.reopen()
	}
}

func TestTheDocumentStoreTellsTheHighestRevisionsThatItHasSeen(t *testing.T) {
	s, _ := recalling(t)
	for again := range 2 {
		if seen := s.Holdings().Seen; seen.Recalls.Revision != 11 || seen.Recalls.IssuedAt.IsZero() ||
			seen.Fallback.Revision != 3 || seen.Queues != 5 {
			t.Errorf("%+v", seen)
		}
		if again == 0 { // a list that is no longer held was seen nevertheless
			s.damage("recalls.dsse", nil)
			s.damage("recalls-2.dsse", nil)
			s.reopen()
		}
	}
}
