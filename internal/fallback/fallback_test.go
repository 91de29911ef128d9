package fallback

import (
	"fmt"
	"testing"
	"time"

	"lifeline/internal/wire"
)

func list(lengths ...time.Duration) (out []wire.QueueItem) {
	for n, l := range lengths {
		i := wire.QueueItem{SegmentID: fmt.Sprint(n)}
		i.Duration.Duration = l
		out = append(out, i)
	}
	return out
}

func mayAir(*wire.QueueItem, time.Duration) bool { return true }

var noon = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

func TestTheItemNearestInLengthFillsAPlannedGap(t *testing.T) {
	for _, c := range []struct {
		gap     time.Duration
		lengths []time.Duration
		last    string
		want    string
	}{
		{time.Minute, []time.Duration{30 * time.Second, 50 * time.Second, 2 * time.Minute}, "", "1"},
		{time.Minute, []time.Duration{30 * time.Second, 61 * time.Second}, "", "1"}, // cut
		// a second would be silent
		{time.Minute, []time.Duration{59 * time.Second, 58 * time.Second}, "", "1"},
		{time.Minute, []time.Duration{59 * time.Second, 90 * time.Second}, "", "1"}, // likewise
		// nobody hears that
		{time.Minute, []time.Duration{59*time.Second + 995*time.Millisecond, 58 * time.Second}, "", "0"},
		{time.Minute, []time.Duration{58*time.Second + 500*time.Millisecond, 58 * time.Second}, "", "0"}, // that is filled
		// better than none
		{time.Minute, []time.Duration{59 * time.Second}, "", "0"},
		// not twice in a row
		{time.Minute, []time.Duration{time.Minute, 30 * time.Second}, "0", "1"},
		// but for want of another
		{time.Minute, []time.Duration{time.Minute}, "0", "0"},
		// the first of equals
		{time.Minute, []time.Duration{40 * time.Second, 80 * time.Second}, "", "0"},
		// frames are no milliseconds
		{time.Minute - 400*time.Microsecond, []time.Duration{40 * time.Second, 80 * time.Second}, "", "0"},
		// too short for any
		{1499 * time.Millisecond, []time.Duration{time.Second}, "", ""},
		{1500*time.Millisecond - 100*time.Microsecond, []time.Duration{1500 * time.Millisecond}, "", "0"}, // of frames
		{time.Minute, nil, "", ""},
	} {
		it, into := Gap{At: noon, End: noon.Add(c.gap), Planned: true, Window: noon, Last: c.last}.Pick(list(c.lengths...),
			mayAir)
		got := ""
		if it != nil {
			got = it.SegmentID
		}
		if got != c.want || into != 0 {
			t.Errorf("%v of %v after %q: %q from %v, want %q", c.gap, c.lengths, c.last, got, into, c.want)
		}
	}
}

func TestWhatMayNotAirFillsNothing(t *testing.T) {
	items := list(time.Minute, 30*time.Second)
	for _, planned := range []bool{true, false} {
		asked := map[string]time.Duration{}
		it, _ := Gap{At: noon, End: noon.Add(40 * time.Second), Planned: planned, Window: noon}.Pick(items,
			func(i *wire.QueueItem, lasts time.Duration) bool {
				asked[i.SegmentID] = lasts
				return i.SegmentID == "1"
			})
		if it == nil || it.SegmentID != "1" {
			t.Errorf("%+v", it)
		}
		if asked["1"] != 30*time.Second || asked["0"] != 0 && asked["0"] != 40*time.Second {
			t.Errorf("asked for %v", asked)
		}
	}
}

func TestWithoutAQueueTheListAirsInRotation(t *testing.T) {
	items := list(10*time.Second, 20*time.Second, 30*time.Second)
	first := int((noon.Unix()/86400 + noon.Unix()/3600) % 3)
	for _, c := range []struct {
		into, want time.Duration // into the window, and into the item
		item       int           // after the first
		last       int           // that aired in the window; below zero: none
	}{
		{0, 0, 0, -1},
		{5 * time.Second, 5 * time.Second, 0, -1},
		{items[first].Duration.Duration, 0, 1, -1},
		{61 * time.Second, time.Second, 0, -1}, // once round
		{5 * time.Second, 0, 2, 1},             // after what aired it begins
	} {
		g := Gap{At: noon.Add(c.into), End: noon.Add(time.Hour), Window: noon}
		if c.last >= 0 {
			g.Last = items[(first+c.last)%3].SegmentID
		}
		it, into := g.Pick(items, mayAir)
		if want := items[(first+c.item)%3].SegmentID; it == nil || it.SegmentID != want || into != c.want {
			t.Errorf("%v into the window after %q: %+v from %v, want %s from %v", c.into, g.Last, it, into, want, c.want)
		}
	}
}
