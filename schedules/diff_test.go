package schedules

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// airedAt returns items of one window, given as segment and start in seconds.
func airedAt(day time.Time, starts ...any) (r Rundown) {
	for n := 0; n < len(starts); n += 2 {
		id := starts[n].(string)
		at := At(day.Add(time.Duration(starts[n+1].(int)) * time.Second))
		r.Items = append(r.Items, Item{ID: fmt.Sprintf("%s-%v", id, at), Window: "w", SegmentID: id, StartAt: at,
			Duration: Ms(1000)})
	}
	return r
}

func TestDiffPairsRepeatsOfASegmentByTheNearestPlace(t *testing.T) {
	day := time.Date(2026, 11, 29, 0, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		from, to Rundown
		want     []string
	}{
		"all shift a little": {airedAt(day, "a", 0, "a", 100, "a", 200), airedAt(day, "a", 5, "a", 105, "a", 205),
			[]string{"moved 0 to 5", "moved 100 to 105", "moved 200 to 205"}},
		"the first goes": {airedAt(day, "a", 0, "a", 100, "a", 200), airedAt(day, "a", 105, "a", 205),
			[]string{"removed 0", "moved 100 to 105", "moved 200 to 205"}},
		"one comes before all": {airedAt(day, "a", 100, "a", 200), airedAt(day, "a", 1, "a", 105, "a", 205),
			[]string{"added 1", "moved 100 to 105", "moved 200 to 205"}},
		"one is left": {airedAt(day, "a", 0, "a", 300), airedAt(day, "a", 290), []string{"removed 0", "moved 300 to 290"}},
		"as near on both sides": {airedAt(day, "a", 0, "a", 20), airedAt(day, "a", 10),
			[]string{"moved 0 to 10", "removed 20"}},
		"a nearer one is taken by one that is nearer": {airedAt(day, "a", 0, "a", 40), airedAt(day, "a", 30, "a", 99),
			[]string{"moved 40 to 30", "moved 0 to 99"}},
	} {
		for range 20 { // whatever the order of maps
			var got []string
			for _, x := range Diff(c.from, c.to) {
				said := x.Change
				if x.Before != nil {
					said += fmt.Sprintf(" %.0f", x.Before.StartAt.Sub(day).Seconds())
				}
				if x.Before != nil && x.After != nil {
					said += " to"
				}
				if x.After != nil {
					said += fmt.Sprintf(" %.0f", x.After.StartAt.Sub(day).Seconds())
				}
				got = append(got, said)
			}
			if !slices.Equal(got, c.want) {
				t.Fatalf("%s: %q", name, got)
			}
		}
	}
}
