package schedules_test

import (
	"slices"
	"testing"
	"time"

	"lifeline/schedules"
)

func TestRebaseTakesFromThePublicationWhatTheDraftDoesNotChange(t *testing.T) {
	start := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	at := func(seconds int) schedules.Instant {
		return schedules.At(start.Add(time.Duration(seconds) * time.Second))
	}
	item := func(window, segment string, from, seconds int) schedules.Item {
		return schedules.Item{ID: window + segment, Window: window, SegmentID: segment, StartAt: at(from),
			Duration: schedules.Ms(int64(seconds) * 1000)}
	}
	slot := func(window string, from int, clock string) schedules.Slot {
		return schedules.Slot{Occurrence: schedules.Occurrence{Window: window, StartAt: at(from), EndAt: at(from + 60)},
			Clock: clock}
	}
	rundown := func(clock string, items ...schedules.Item) schedules.Rundown {
		return schedules.Rundown{Timezone: "UTC", Windows: []schedules.Slot{slot("a", 0, clock), slot("b", 60, clock)},
			Items: items}
	}
	a1, a2, b1, b2 := item("a", "x", 0, 30), item("a", "y", 30, 30), item("b", "x", 60, 30), item("b", "y", 90, 30)
	from := rundown("c", a1, a2, b1, b2)
	to := rundown("c", a2, b2) // x is recalled …
	filled := rundown("c", item("a", "z", 0, 30), a2, item("b", "z", 60, 30), b2)
	gone := map[string]string{a1.ID: "is recalled", b1.ID: "is recalled"}

	mine := item("b", "mine", 90, 30)
	mine.Locked = true
	late := item("b", "late", 120, 5) // pushed past the window's end
	draft := rundown("new", a1, a2, b1, mine, late)
	ids := func(r schedules.Rundown) (out []string) {
		for _, i := range r.Items {
			out = append(out, i.ID)
		}
		return out
	}
	first, lost := draft.Rebase(from, to, gone, start)
	if got := ids(first); !slices.Equal(got, []string{"ay", "bmine", "blate"}) || len(lost) != 1 || lost[0] != b1 {
		t.Errorf("%v without %+v", got, lost)
	}
	second, lost := first.Rebase(to, filled, nil, start) // … and its time filled
	if got := ids(second); !slices.Equal(got, []string{"az", "ay", "bz", "bmine", "blate"}) || len(lost) > 0 {
		t.Errorf("%v without %+v", got, lost)
	}
	if second.Windows[0].Clock != "new" || second.Windows[0].Planned != schedules.Ms(60_000) {
		t.Errorf("the draft follows another clock: %+v", second.Windows[0])
	}
	half := rundown("c", item("a", "z", 0, 20), a2, item("b", "z", 60, 20), b2)
	if got, _ := first.Rebase(to, half, nil, start); !slices.Equal(ids(got), []string{"az", "ay", "bmine", "blate"}) {
		t.Errorf("what fills a time in part is put into what was edited: %v", ids(got))
	}
}
