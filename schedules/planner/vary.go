package planner

import (
	"context"
	"slices"
	"time"

	"lifeline/schedules"
)

// otherOrders is how many alternative orders, each farther from due order, are tried for a day that repeats another.
// besideOrders is how many are tried for a day that repeats the day beside it.
const (
	otherOrders  = 4
	besideOrders = 16
)

// vary plans a day again, in alternative orders, while it airs the same segments in the same order as another day of
// the station, or nearly so as the day beside it. It returns the first plan that does neither or, failing that, the one
// farthest from the day that it resembles.
func (j job) vary(ctx context.Context, first Plan) Plan {
	others := j.otherAirings(first.Rundown)
	best, repeatDistance := first, others.repeatDistance(first.Rundown)
	for j.order = 1; j.order <= besideOrders && repeatDistance < maxTime && ctx.Err() == nil; j.order++ {
		if j.order > otherOrders && repeatDistance > maxAdjacentDistance {
			break
		}
		again, err := j.plan(ctx)
		if err != nil {
			continue
		}
		if t := others.repeatDistance(again.Rundown); t > repeatDistance {
			best, repeatDistance = again, t
		}
	}
	return best
}

// maxAdjacentDistance is the largest distance, in milliseconds, between days that are beside each other.
const maxAdjacentDistance = 36 * 60 * 60 * 1000

// otherAirings holds the airings of a station's other days, by time, without the segments that clocks name.
type otherAirings struct {
	named    map[string]bool
	airings  []schedules.Airing
	segments []string
}

func (j job) otherAirings(own schedules.Rundown) otherAirings {
	o := otherAirings{named: map[string]bool{}}
	for _, c := range j.Clocks {
		for i := range c.Positions {
			o.named[c.Positions[i].Segment] = true
		}
	}
	within := func(a schedules.Airing) bool {
		return slices.ContainsFunc(own.Windows, func(w schedules.Slot) bool {
			return !a.StartAt.Before(w.StartAt.Time) && a.StartAt.Before(w.EndAt.Time)
		})
	}
	repeats := j.repeats()
	for _, a := range j.History {
		if a.Station == j.Station.ID && !o.named[a.SegmentID] && !within(a) && !repeats(a) {
			o.airings = append(o.airings, a)
		}
	}
	slices.SortFunc(o.airings, func(a, b schedules.Airing) int { return a.StartAt.Compare(b.StartAt.Time) })
	for _, a := range o.airings {
		o.segments = append(o.segments, a.SegmentID)
	}
	return o
}

// repeats returns a function that reports whether an airing of the station was in a window that repeats another one.
func (j job) repeats() func(schedules.Airing) bool {
	none := func(schedules.Airing) bool { return false }
	if len(j.History) == 0 || !slices.ContainsFunc(j.Station.Windows, func(w schedules.Window) bool {
		return w.Repeats != nil
	}) {
		return none
	}
	from, until := j.History[0].StartAt, j.History[0].StartAt
	for _, a := range j.History {
		if a.StartAt.Before(from.Time) {
			from = a.StartAt
		}
		if a.StartAt.After(until.Time) {
			until = a.StartAt
		}
	}
	windows, err := j.Station.AirTimes(from.Add(-schedules.MaxWindow), until.Add(time.Millisecond))
	if err != nil {
		return none
	}
	windows = slices.DeleteFunc(windows, func(w schedules.AirTime) bool { return w.Terms.Repeats == nil })
	return func(a schedules.Airing) bool {
		return slices.ContainsFunc(windows, func(w schedules.AirTime) bool { return w.Contains(a.StartAt.Time) })
	}
}

// repeatDistance returns the distance in milliseconds between the day and the nearest time in which the same segments
// air in the same order or, immediately before and after the day, nearly so. It returns maxTime if there is none.
func (o otherAirings) repeatDistance(r schedules.Rundown) int64 {
	var own []string
	var begin int64
	for _, i := range r.Items {
		if !o.named[i.SegmentID] && i.Repeats == "" {
			if len(own) == 0 {
				begin = i.StartAt.UnixMilli()
			}
			own = append(own, i.SegmentID)
		}
	}
	nearest, n := int64(maxTime), len(own)
	day, _ := slices.BinarySearchFunc(o.airings, begin, func(a schedules.Airing, t int64) int {
		return int(a.StartAt.UnixMilli() - t)
	})
	for k := 0; n > 0 && k+n <= len(o.segments); k++ {
		there := o.segments[k : k+n]
		like := slices.Equal(there, own)
		if !like && (k+n == day || k == day) {
			_, like = schedules.Nearly(there, own)
		}
		if like {
			nearest = min(nearest, abs(begin-o.airings[k].StartAt.UnixMilli()))
		}
	}
	return nearest
}
