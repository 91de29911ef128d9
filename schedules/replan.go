package schedules

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Replan changes a rundown as little as the rules allow, after a recall, a new recording, a ruling or an edit. Items
// that have started, that are locked, or whose window starts within the station's freeze of now, stay untouched;
// of these only what may not air any more, and has not started, goes, with its chain. Of the others what may still air
// stays where it is, as far as what goes can be replaced exactly in its own time; where not, as few of its neighbours
// as possible give way. Between items that must stay, what is put in may be cut off at its end, by no more than the
// window's tolerance; a time that not even so is filled is left open, with the warning "gap", and there the station airs
// its fallback. Each change says why. It fails as Plan does.
func (in Input) Replan(prev Rundown, now time.Time) (Plan, []ItemChange, error) {
	r := replanner{in: in, prev: prev, why: map[string]string{}}
	d, err := in.day()
	if err != nil {
		return Plan{}, nil, err
	}
	r.day = d
	r.sort(now)
	plan, err := r.solve()
	if err != nil {
		return Plan{}, nil, err
	}
	changes := Diff(prev, plan.Rundown)
	r.explain(changes, plan)
	return plan, changes, nil
}

type replanner struct {
	in     Input
	prev   Rundown
	day    *day
	fixed  []bool // of prev.Items: must stay
	win    []int  // window occurrence; -1: none
	groups []hole
	why    map[string]string // of items that go, by id
	loose  bool              // nothing but what must stay, stays

	rough, open [][2]int64 // see Input
}

// hole is a run [first, last] of items that go, with what gives way beside it.
type hole struct {
	first, last int
	left, right int
}

// sort tells what must stay from what must go.
func (r *replanner) sort(now time.Time) {
	items := r.prev.Items
	r.fixed, r.win = make([]bool, len(items)), make([]int, len(items))
	gone := make([]bool, len(items))
	for i := range items {
		item := &items[i]
		r.win[i] = slices.IndexFunc(r.day.windows, func(w window) bool {
			return w.Window == item.Window && !item.StartAt.Before(w.StartAt.Time) && item.StartAt.Before(w.EndAt.Time)
		})
		if r.win[i] < 0 {
			gone[i] = true
			r.why[item.ID] = "its window does not air any more"
			continue
		}
		w := &r.day.windows[r.win[i]]
		started := !item.StartAt.After(now)
		frozen := !w.StartAt.Add(-r.in.Station.Freeze.Duration).After(now)
		kept := slices.ContainsFunc(r.in.Keep, func(k Item) bool { return k.ID == item.ID })
		r.fixed[i] = started || frozen || item.Locked || kept
		u := r.in.Library.Airable(item.SegmentID, Place{Languages: w.languages, StartAt: item.StartAt.Time, EndAt: item.EndAt().Time, SHA256: item.SHA256})
		if u != nil && !started {
			gone[i] = true
			r.why[item.ID] = u.Error()
		}
	}
	for i := range items { // a chain goes whole
		if gone[i] && items[i].Chain != "" {
			for k := range items {
				if items[k].Chain == items[i].Chain && !gone[k] && items[k].StartAt.After(now) {
					gone[k] = true
					r.why[items[k].ID] = "its chain airs whole or not at all: " + r.why[items[i].ID]
				}
			}
		}
	}
	for i := 0; i < len(items); i++ {
		if !gone[i] {
			continue
		}
		h := hole{first: i, last: i}
		for h.last+1 < len(items) && gone[h.last+1] && r.win[h.last+1] == r.win[i] {
			h.last++
		}
		i = h.last
		if r.win[h.first] >= 0 {
			r.groups = append(r.groups, h)
		}
	}
}

// maxGive is how many neighbours beside one hole give way before everything that may move does.
const maxGive = 8

// solve widens each hole until the day can be planned around what stays, then looks whether a little more room needs
// fewer changes. Where nothing may give way it takes what is cut off at its end, and at last leaves the hole open.
func (r *replanner) solve() (Plan, error) {
	for range len(r.groups)*(maxGive+2) + 2 {
		plan, s, err := r.try()
		if err != nil {
			return Plan{}, err
		}
		if s == nil {
			return r.polish(plan), nil
		}
		if !r.widen(s) && !r.leave(s) {
			break
		}
	}
	r.loose = true
	plan, s, err := r.try()
	if err != nil {
		return Plan{}, err
	}
	if s == nil {
		return plan, nil
	}
	in := r.input()
	p, err := newPlanner(context.Background(), in)
	if err != nil {
		return Plan{}, err
	}
	if s := p.run(); s != nil {
		return Plan{}, in.diagnose(p, s)
	}
	return p.result(), nil
}

// input keeps everything but the holes.
func (r *replanner) input() Input {
	in := r.in
	in.Keep, in.rough, in.open = nil, r.rough, r.open
	for i := range r.prev.Items {
		if _, goes := r.why[r.prev.Items[i].ID]; goes || r.win[i] < 0 {
			continue
		}
		if r.fixed[i] || !r.loose && !r.inHole(i) {
			in.Keep = append(in.Keep, r.prev.Items[i])
		}
	}
	return in
}

func (r *replanner) inHole(i int) bool {
	for _, h := range r.groups {
		if i >= h.first-h.left && i <= h.last+h.right {
			return true
		}
	}
	return false
}

func (r *replanner) try() (Plan, *stuck, error) {
	p, err := newPlanner(context.Background(), r.input())
	if err != nil {
		return Plan{}, nil, err
	}
	if s := p.run(); s != nil {
		return Plan{}, s, nil
	}
	return p.result(), nil, nil
}

// widen lets one more neighbour give way at the hole that could not be filled; it is false when none can.
func (r *replanner) widen(s *stuck) bool {
	if s.stretch == nil {
		return false
	}
	for g := range r.groups {
		h := &r.groups[g]
		first, last := h.first-h.left, h.last+h.right
		from := r.prev.Items[first].StartAt.UnixMilli()
		to := r.prev.Items[last].EndAt().UnixMilli()
		if s.stretch.start >= to || s.stretch.end <= from || h.left+h.right >= maxGive {
			continue
		}
		if h.right <= h.left && r.free(last+1, h) {
			h.right++
		} else if r.free(first-1, h) {
			h.left++
		} else if r.free(last+1, h) {
			h.right++
		} else {
			continue
		}
		r.wholeChains(h)
		return true
	}
	return false
}

// leave gives up filling exactly the hole between items that must stay, and then filling it at all; it is false when
// the day is stuck at no such hole.
func (r *replanner) leave(s *stuck) bool {
	if s.stretch == nil {
		return false
	}
	for g := range r.groups {
		h := &r.groups[g]
		first, last := h.first-h.left, h.last+h.right
		from, to := r.prev.Items[first].StartAt.UnixMilli(), r.prev.Items[last].EndAt().UnixMilli()
		if s.stretch.start >= to || s.stretch.end <= from || r.free(first-1, h) || r.free(last+1, h) {
			continue
		}
		time := [2]int64{s.stretch.start, s.stretch.end}
		if slices.Contains(r.rough, time) {
			r.open = append(r.open, time)
		} else {
			r.rough = append(r.rough, time)
		}
		return true
	}
	return false
}

// free reports whether an item may give way to a hole.
func (r *replanner) free(i int, h *hole) bool {
	return i >= 0 && i < len(r.prev.Items) && !r.fixed[i] && r.win[i] == r.win[h.first]
}

// wholeChains widens the hole over the rest of any chain that it cuts.
func (r *replanner) wholeChains(h *hole) {
	items := r.prev.Items
	for first := h.first - h.left; first > 0 && items[first].Chain != "" && items[first-1].Chain == items[first].Chain; first-- {
		h.left++
	}
	for last := h.last + h.right; last+1 < len(items) && items[last].Chain != "" && items[last+1].Chain == items[last].Chain; last++ {
		h.right++
	}
}

// polish looks, hole by hole, whether one neighbour more giving way makes for fewer changes in all.
func (r *replanner) polish(best Plan) Plan {
	least := len(Diff(r.prev, best.Rundown))
	for g := range r.groups {
		before := r.groups[g]
		keep := before
		for _, side := range [...]int{0, 1} {
			h := &r.groups[g]
			*h = before
			if side == 0 && r.free(h.last+h.right+1, h) {
				h.right++
			} else if side == 1 && r.free(h.first-h.left-1, h) {
				h.left++
			} else {
				continue
			}
			r.wholeChains(h)
			if plan, s, err := r.try(); err == nil && s == nil {
				if n := len(Diff(r.prev, plan.Rundown)); n < least {
					best, least, keep = plan, n, *h
				}
			}
		}
		r.groups[g] = keep
	}
	return best
}

// explain gives each change its reason.
func (r *replanner) explain(changes []ItemChange, plan Plan) {
	reason := map[string]string{}
	for _, x := range plan.Explanations {
		reason[x.Item] = x.Why
	}
	for i := range changes {
		c := &changes[i]
		switch {
		case c.Before == nil:
			c.Why = "fills what became free: " + reason[c.After.ID]
		case r.why[c.Before.ID] != "" && c.After != nil:
			c.Why = fmt.Sprintf("%s; instead: %s", r.why[c.Before.ID], reason[c.After.ID])
		case r.why[c.Before.ID] != "":
			c.Why = r.why[c.Before.ID]
		default:
			c.Why = "gives way, so that its neighbours fill their time exactly"
		}
	}
}
