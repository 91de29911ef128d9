package planner

import (
	"context"
	"slices"

	"lifeline/schedules"
)

// A day that repeats another is planned in so many other orders, each farther from the order of what is due; one that
// repeats the day beside it in more.
const (
	otherOrders  = 4
	besideOrders = 16
)

// unlike plans a day anew, in other orders of what is due, while it airs what another day of the station airs, in the
// same order, or nearly so what the day beside it airs. It answers the first plan of which neither is true, or else the
// one whose like is the farthest away.
func (j job) unlike(ctx context.Context, first Plan) Plan {
	others := j.others(first.Rundown)
	best, apart := first, others.apart(first.Rundown)
	for j.order = 1; j.order <= besideOrders && apart < maxTime && ctx.Err() == nil; j.order++ {
		if j.order > otherOrders && apart > beside {
			break
		}
		again, err := j.plan(ctx)
		if err != nil {
			continue
		}
		if t := others.apart(again.Rundown); t > apart {
			best, apart = again, t
		}
	}
	return best
}

// beside is how far apart days are at most that are beside each other, in milliseconds.
const beside = 36 * 60 * 60 * 1000

// others are the airings of a station's other days, by their time, without what clocks name.
type others struct {
	named    map[string]bool
	airings  []schedules.Airing
	segments []string
}

func (j job) others(own schedules.Rundown) others {
	o := others{named: map[string]bool{}}
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
	for _, a := range j.History {
		if a.Station == j.Station.ID && !o.named[a.SegmentID] && !within(a) {
			o.airings = append(o.airings, a)
		}
	}
	slices.SortFunc(o.airings, func(a, b schedules.Airing) int { return a.StartAt.Compare(b.StartAt.Time) })
	for _, a := range o.airings {
		o.segments = append(o.segments, a.SegmentID)
	}
	return o
}

// apart is how many milliseconds lie between the day and the nearest time in which the same airs in the same order, or,
// right before and after the day, nearly the same; maxTime where there is none.
func (o others) apart(r schedules.Rundown) int64 {
	var own []string
	var begin int64
	for _, i := range r.Items {
		if !o.named[i.SegmentID] {
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
