package planner

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"lifeline/schedules"
)

// Replan changes a published rundown as little as possible after a recall, a new recording, a ruling or an expiry. The
// day keeps the windows that it was published with, even if the definitions have changed. Items that have not started
// and may no longer air are removed, with their chains; no other item must go. Then each open time is filled: exactly,
// if possible, and with as few neighbours giving way as possible. A neighbour may give way if its position is a fill or
// a pick, it has not started and is not locked, and its window does not start within the station's freeze of now.
// Between items that must stay, a new item may be cut at its end by at most the window's tolerance. A time that cannot
// be filled stays open, with the warning "gap", and the station airs its fallback there. Where that or such a cut would
// remain in a window that is not within the freeze, all its items that may give way do so, if the window can then be
// planned as its clock says.
//
// Replan always returns a rundown that may air. Once ctx is done it stops searching and adds the warning "stopped".
// Each change has a reason. Replan fails only on an input from which no plan could be made.
func (c *Catalogue) Replan(ctx context.Context, in schedules.Input, prev schedules.Rundown, now time.Time) (Plan,
	[]schedules.ItemChange, error) {
	j, err := c.job(in.ForPublished(prev))
	if err != nil {
		return Plan{}, nil, err
	}
	r := replanner{in: j, now: now, added: map[string]schedules.Explanation{}}
	r.why = c.library.Removals(r.in.Published, now)
	r.cur = r.in.Published.WithoutItems(r.why, now)
	before, err := r.unmet(prev.Items)
	if err != nil {
		return Plan{}, nil, err
	}
	if r.unmetDemands, err = r.unmet(r.cur.Items); err != nil {
		return Plan{}, nil, err
	}
	r.restoreDemands = r.unmetDemands > before
	for _, open := range r.openTimes() {
		if ctx.Err() != nil {
			r.stopped++
			continue
		}
		r.fill(ctx, open)
	}
	for _, o := range r.unfilled {
		r.anew(ctx, o)
	}
	if err := r.repeat(ctx); err != nil {
		return Plan{}, nil, err
	}
	plan, err := r.plan()
	if err != nil {
		return Plan{}, nil, err
	}
	changes := schedules.Diff(prev, plan.Rundown)
	r.explain(changes)
	return plan, changes, nil
}

type replanner struct {
	in           job
	now          time.Time
	cur          schedules.Rundown
	why          map[string]string                // reasons for removed items, by id
	added        map[string]schedules.Explanation // explanations of new items, by id
	stopped      int                              // open times not searched to the end for lack of time
	unfilled     []schedules.Occurrence           // windows with a time that nothing fills as the clock says
	unmetDemands int                              // unmet hard demands of the day
	// set if the removals left more demands unmet: the fillers should meet them again, if possible
	restoreDemands bool
}

// repeats reports whether a window follows another, and lies behind the freeze: its items are copied anew then.
func (r *replanner) repeats(w *schedules.DayWindow) bool {
	_, _, ok := r.in.Source(*w, r.cur)
	return ok && w.RepeatOf != nil && w.StartAt.After(r.frozen())
}

// frozen returns the instant by which windows that start are frozen.
func (r *replanner) frozen() time.Time {
	if at := r.now.Add(r.in.Station.Freeze.Duration); at.After(r.in.Frozen) {
		return at
	}
	return r.in.Frozen
}

// repeat lays the windows that repeat others, where these have changed or an item had to go.
func (r *replanner) repeat(ctx context.Context) error {
	x := repeater{in: r.in, cur: r.cur, why: map[string]schedules.Explanation{}}
	x.in.Frozen = r.frozen()
	err := x.layAll(ctx, func(w schedules.DayWindow, of schedules.Rundown, source schedules.Slot) bool {
		return r.repeats(&w) && (x.outdated(w, of, source) || x.open(w))
	})
	if err != nil && ctx.Err() == nil {
		return err
	}
	if ctx.Err() != nil {
		r.stopped++
		return nil
	}
	r.cur = x.cur
	maps.Copy(r.added, x.why)
	return nil
}

// repairMode is one open time of one window, and how a plan fills it between kept items.
type repairMode struct {
	window        schedules.Occurrence
	start, end    int64    // Unix ms
	mayCutEnd     bool     // new items may be cut at their end, by at most the window's tolerance
	skipPositions []string // positions to leave out: only fill takes their time
	ignoreDemands bool     // the demands of the day are ignored
	mayMoveNamed  bool     // segments that the clock names may give way too, with chains; they return slightly shifted
	shifts        bool     // what follows the time moves with its end, by at most the window's tolerance
	mayMovePosts  bool     // items at posts, and those that cut off the end of the item before them, may give way too
}

// fillLead is how long before its airing a new item must be published, so that players fetch it in time.
const fillLead = 10 * time.Second

// openTimes returns the open times that are still to come, cut at the posts of the clocks. Of an open time that has
// begun it returns the rest.
func (r *replanner) openTimes() []schedules.Occurrence {
	var out []schedules.Occurrence
	soon := schedules.At(r.now.Add(fillLead).Truncate(time.Second))
	for _, o := range r.cur.Open() {
		if !o.StartAt.After(r.now) {
			o.StartAt = soon
		}
		w := r.window(o.Window, o.StartAt)
		if w == nil || !o.StartAt.Before(o.EndAt.Time) || r.repeats(w) {
			continue
		}
		for _, p := range w.Clock.Positions {
			if p.At == nil {
				continue
			}
			if post := schedules.At(w.StartAt.Add(p.At.Duration)); post.After(o.StartAt.Time) && post.Before(o.EndAt.Time) {
				first := o
				first.EndAt, o.StartAt = post, post
				out = append(out, first)
			}
		}
		out = append(out, o)
	}
	return out
}

// window returns the day's window of that id that contains an instant, or nil.
func (r *replanner) window(id string, at schedules.Instant) *schedules.DayWindow {
	for _, s := range r.in.Published.Windows {
		if s.Window == id && s.Contains(at.Time) {
			w := r.in.PublishedWindow(s)
			w.Clock = w.FittedClock(r.in.Library)
			return &w
		}
	}
	return nil
}

// maxGive is the largest number of neighbours of one open time that give way.
const maxGive = 8

// fill searches for items for an open time. If the day leaves demands unmet, it first tries items that meet one of
// them.
func (r *replanner) fill(ctx context.Context, open schedules.Occurrence) {
	w := r.window(open.Window, open.StartAt)
	modes := []repairMode{{ignoreDemands: true}, {ignoreDemands: true, mayMoveNamed: true},
		{ignoreDemands: true, mayCutEnd: true}}
	if skip := r.skippable(w, open); len(skip) > 0 {
		modes = append(modes, repairMode{ignoreDemands: true, skipPositions: skip},
			repairMode{ignoreDemands: true, skipPositions: skip, mayMoveNamed: true},
			repairMode{ignoreDemands: true, skipPositions: skip, mayCutEnd: true})
	}
	if r.restoreDemands && r.unmetDemands > 0 {
		modes = append([]repairMode{{mayMoveNamed: true}}, modes...)
	}
	for _, mode := range modes {
		f := r.widen(ctx, w, open, mode)
		if f != nil {
			r.take(f)
			if mode.mayCutEnd || len(mode.skipPositions) > 0 {
				r.incomplete(w)
			}
			return
		}
		if ctx.Err() != nil {
			r.stopped++
			return
		}
	}
	r.incomplete(w)
}

// incomplete notes that a window has a time that nothing fills as its clock says.
func (r *replanner) incomplete(w *schedules.DayWindow) {
	if !slices.Contains(r.unfilled, w.Occurrence) {
		r.unfilled = append(r.unfilled, w.Occurrence)
	}
}

// anew plans a window anew around the items that must stay. It changes nothing if there is no such plan.
func (r *replanner) anew(ctx context.Context, o schedules.Occurrence) {
	w, mode := r.window(o.Window, o.StartAt), repairMode{mayMoveNamed: true, mayMovePosts: true}
	var gone, keep []schedules.Item
	for rest := r.cur.Items; len(rest) > 0; {
		n := unitEnd(rest, 0)
		if w.Contains(rest[0].StartAt.Time) && r.mayGiveWay(w, rest[:n], mode) {
			gone = append(gone, rest[:n]...)
		} else {
			keep = append(keep, rest[:n]...)
		}
		rest = rest[n:]
	}
	if len(gone) == 0 {
		return
	}
	in := r.in
	in.anew, in.Keep = &o, keep
	plan, err := in.plan(ctx)
	if err != nil {
		return
	}
	found := &repairOption{widened: widenedTime{gone: gone}}
	for n, i := range plan.Rundown.Items {
		if !slices.ContainsFunc(keep, func(k schedules.Item) bool { return k.ID == i.ID }) {
			found.items, found.why = append(found.items, i), append(found.why, plan.Explanations[n])
		}
	}
	for _, warning := range plan.Rundown.Warnings {
		ofItem := slices.ContainsFunc(found.items, func(i schedules.Item) bool { return i.ID == warning.Item })
		if ofItem || warning.Item == "" && warning.Window == o.Window {
			found.warnings = append(found.warnings, warning)
		}
	}
	if r.restoreDemands {
		if found.unmetDemands, err = r.unmet(append(keep, found.items...)); err != nil {
			return
		}
	}
	r.take(found)
}

// widen fills an open time alone or together with more and more of its neighbours. Of the first result and those with
// one neighbour more, it returns the one that changes the fewest items, or nil if nothing fills it.
func (r *replanner) widen(ctx context.Context, w *schedules.DayWindow, open schedules.Occurrence,
	mode repairMode) *repairOption {
	g := widenedTime{open: open}
	for range maxGive + 1 {
		wider := r.wider(w, g, mode)
		if best := r.try(ctx, w, g, mode); best != nil {
			for _, more := range wider {
				if other := r.try(ctx, w, more, mode); other != nil && other.changes < best.changes {
					best = other
				}
			}
			return best
		}
		if len(wider) == 0 || ctx.Err() != nil {
			return nil
		}
		g = wider[0]
	}
	return nil
}

// widenedTime is an open time with the neighbours that give way beside it.
type widenedTime struct {
	open        schedules.Occurrence
	gone        []schedules.Item
	left, right int
}

// wider returns the times with one more neighbour, or one more chain, on either side. The side with fewer removed
// neighbours comes first.
func (r *replanner) wider(w *schedules.DayWindow, g widenedTime, mode repairMode) []widenedTime {
	var own []schedules.Item
	for _, i := range r.cur.Items {
		if i.Window == w.Window && w.Contains(i.StartAt.Time) {
			own = append(own, i)
		}
	}
	var left, right []widenedTime
	for n := range own {
		end := unitEnd(own, n)
		if n > 0 && own[n].Chain != "" && own[n-1].Chain == own[n].Chain || !r.mayGiveWay(w, own[n:end], mode) {
			continue
		}
		next := widenedTime{g.open, append(slices.Clone(g.gone), own[n:end]...), g.left, g.right}
		switch {
		case own[n].StartAt.Equal(g.open.EndAt.Time):
			next.open.EndAt = own[end-1].EndAt()
			next.right++
			right = append(right, next)
		case own[end-1].EndAt().Equal(g.open.StartAt.Time):
			next.open.StartAt = own[n].StartAt
			next.left++
			left = append(left, next)
		}
	}
	if g.right > g.left {
		return append(left, right...)
	}
	return append(right, left...)
}

// unitEnd returns the index after the unit that begins at n: an item, or a whole chain.
func unitEnd(items []schedules.Item, n int) int {
	end := n + 1
	for end < len(items) && items[n].Chain != "" && items[end].Chain == items[n].Chain {
		end++
	}
	return end
}

// mayGiveWay reports whether an item, or a whole chain, may give way to an open time beside it.
func (r *replanner) mayGiveWay(w *schedules.DayWindow, unit []schedules.Item, mode repairMode) bool {
	if !w.StartAt.Add(-r.in.Station.Freeze.Duration).After(r.now) || len(unit) > 1 && !mode.mayMoveNamed {
		return false
	}
	for _, i := range unit {
		kept := slices.ContainsFunc(r.in.Keep, func(k schedules.Item) bool { return k.ID == i.ID })
		cut := slices.ContainsFunc(r.cur.Warnings, func(x schedules.Warning) bool { // it cuts the item before it, so it stays
			if x.Code != schedules.WarnCutAtPost || mode.mayMovePosts {
				return false
			}
			before, ok := r.cur.Item(x.Item)
			return ok && before.EndAt().Equal(i.StartAt.Time)
		})
		n := slices.IndexFunc(w.Clock.Positions, func(p schedules.Position) bool { return p.ID == i.Position })
		if n < 0 || kept || cut || i.Locked || i.Repeats != "" || !i.StartAt.After(r.now) {
			return false
		}
		if p := w.Clock.Positions[n]; p.At != nil && !mode.mayMovePosts || p.Fill == nil && !mode.mayMoveNamed &&
			(p.Pick == nil || len(mode.skipPositions) > 0) {
			return false
		}
	}
	return true
}

// skippable returns the positions between the neighbours of the time that are not elastic.
func (r *replanner) skippable(w *schedules.DayWindow, open schedules.Occurrence) (ids []string) {
	at := between(w, r.cur.Items, open.StartAt, open.EndAt)
	for n, p := range w.Clock.Positions {
		if p.Fill == nil && at.takes(n, p) {
			ids = append(ids, p.ID)
		}
	}
	return ids
}

// positionRange holds the positions of a clock to which a time of a window belongs.
type positionRange struct {
	from, until int // those between the items before and after the time
	first, last int // [first, last): those of the stretch between posts that contains the time
}

// between finds the positions to which an open time [start, end) of the window belongs, by the items around it.
func between(w *schedules.DayWindow, items []schedules.Item, start, end schedules.Instant) positionRange {
	positions := w.Clock.Positions
	r := positionRange{until: len(positions), last: len(positions)}
	for n, p := range positions {
		if p.At == nil {
			continue
		}
		switch post := w.StartAt.Add(p.At.Duration); {
		case !post.After(start.Time):
			r.first = n
		case r.last == len(positions):
			r.last = n
		}
	}
	r.from, r.until = r.first, r.last
	for _, i := range items {
		n := slices.IndexFunc(positions, func(p schedules.Position) bool { return p.ID == i.Position })
		if n < 0 || i.Window != w.Window || !w.Contains(i.StartAt.Time) {
			continue
		}
		if i.StartAt.Before(start.Time) {
			r.from = max(r.from, n+1)
		} else if !i.StartAt.Before(end.Time) {
			r.until = min(r.until, n)
		}
	}
	r.from = min(r.from, r.until)
	return r
}

// takes reports whether a position may air in the time: it lies between the neighbours, or is elastic and continues.
func (r positionRange) takes(n int, p schedules.Position) bool {
	inside := n >= r.from && n < r.until
	beside := p.Fill != nil && (n+1 == r.from || n == r.until) && n >= r.first && n < r.last
	return inside || beside
}

// repairOption is a way to fill a time.
type repairOption struct {
	widened      widenedTime
	items        []schedules.Item
	why          []schedules.Explanation
	warnings     []schedules.Warning
	changes      int
	unmetDemands int // see replanner
}

// try plans a time. It returns nil if nothing fills it.
func (r *replanner) try(ctx context.Context, w *schedules.DayWindow, g widenedTime, mode repairMode) *repairOption {
	mode.window, mode.start, mode.end = w.Occurrence, g.open.StartAt.UnixMilli(), g.open.EndAt.UnixMilli()
	in := r.in
	in.open = &mode
	in.Keep = slices.DeleteFunc(slices.Clone(r.cur.Items), func(i schedules.Item) bool {
		return slices.ContainsFunc(g.gone, func(x schedules.Item) bool { return x.ID == i.ID })
	})
	p, err := newPlanner(ctx, in)
	if err != nil || p.settleAll() != nil {
		return nil
	}
	out := &repairOption{widened: g, unmetDemands: demandPass{p}.unmetDemands()}
	if !mode.ignoreDemands && out.unmetDemands >= r.unmetDemands {
		return nil
	}
	for i := range p.placed {
		if p.placed[i].kept == nil {
			out.items, out.why = resultPass{p}.write(&p.placed[i], out.items, out.why)
		}
	}
	out.warnings = append(p.warnings, p.short.warnings()...)
	out.changes = len(g.gone) + len(out.items)
	for _, i := range out.items { // an item that returns to its place has not changed
		if slices.ContainsFunc(g.gone, func(x schedules.Item) bool { return x.ID == i.ID }) {
			out.changes -= 2
		}
	}
	return out
}

// unmet returns how many hard demands a day with these items leaves unmet.
func (r *replanner) unmet(items []schedules.Item) (int, error) {
	in := r.in
	in.Keep, in.open = items, &repairMode{}
	p, err := newPlanner(context.Background(), in)
	if err != nil {
		return 0, err
	}
	layoutPass{p}.placeKept()
	demandPass{p}.openDemands()
	return demandPass{p}.unmetDemands(), nil
}

// unmetDemands returns how many hard demands the day leaves unmet.
func (p demandPass) unmetDemands() (n int) {
	for _, d := range p.demands {
		if d.hard && p.airings.met(d) < d.need {
			n++
		}
	}
	return n
}

// take applies an option to the rundown.
func (r *replanner) take(f *repairOption) {
	gone := map[string]string{}
	for _, i := range f.widened.gone {
		gone[i.ID] = gaveWay
		delete(r.added, i.ID)
	}
	r.cur = r.cur.WithoutItems(gone, r.now)
	r.cur.Items = append(r.cur.Items, f.items...)
	slices.SortStableFunc(r.cur.Items, func(a, b schedules.Item) int { return a.StartAt.Compare(b.StartAt.Time) })
	r.cur.Warnings = append(r.cur.Warnings, f.warnings...)
	for n, i := range f.items {
		r.added[i.ID] = f.why[n]
	}
	if r.restoreDemands {
		r.unmetDemands = f.unmetDemands
	}
}

// plan returns the present rundown as a plan.
func (r *replanner) plan() (Plan, error) {
	in := r.in
	in.Keep, in.open = r.cur.Items, &repairMode{}
	p, err := newPlanner(context.Background(), in)
	if err != nil {
		return Plan{}, err
	}
	layoutPass{p}.placeKept()
	plan := resultPass{p}.result()
	for n := range plan.Explanations {
		if x, ok := r.added[plan.Explanations[n].Item]; ok {
			plan.Explanations[n] = x
		}
	}
	out := r.cur
	out.Status, out.Revision, out.PublishedAt = schedules.Draft, 0, schedules.Instant{}
	out.Items = plan.Rundown.Items // marked with the make-goods that they settle
	out.SumWindows()
	out.WarnOpen(r.now)
	if r.stopped > 0 {
		out.Warnings = append(out.Warnings, schedules.Warning{Code: schedules.WarnStopped,
			Message: fmt.Sprintf("The repair ran out of time: it did not finish the search for items for %s.",
				counted(r.stopped, "open time"))})
	}
	plan.Rundown = out
	return plan, nil
}

// gaveWay is the reason of a change that removes an item which may still air.
const gaveWay = "The repair removed it so that other items fill the time exactly."

// explain adds the reason to each change.
func (r *replanner) explain(changes []schedules.ItemChange) {
	for i := range changes {
		c := &changes[i]
		switch {
		case c.After != nil && c.After.Repeats != "":
			c.Why = r.added[c.After.ID].Why
		case c.Before != nil && c.Before.Repeats != "" && r.why[c.Before.ID] == "":
			c.Why = "What its window repeats has changed."
		case c.Before == nil:
			c.Why = "It fills time that became free. " + r.added[c.After.ID].Why
		case r.why[c.Before.ID] != "" && c.After != nil:
			c.Why = r.why[c.Before.ID] + ". The repair put another item here. " + r.added[c.After.ID].Why
		case r.why[c.Before.ID] != "":
			c.Why = r.why[c.Before.ID]
		default:
			c.Why = gaveWay
		}
	}
}

// openStretch returns the only stretch that an openTime fills.
func (p layoutPass) openStretch(m *repairMode) []stretch {
	win := slices.IndexFunc(p.day.windows, func(w window) bool {
		return w.Window == m.window.Window &&
			w.StartAt.Equal(m.window.StartAt.Time)
	})
	if win < 0 {
		return nil
	}
	w := &p.day.windows[win]
	st := stretch{win: int32(win), start: m.start, end: m.end, lastFill: -1}
	if m.end == w.end || m.shifts {
		st.least, st.most = -w.tolerance, w.tolerance
	}
	for _, k := range p.in.Keep {
		if k.StartAt.UnixMilli() == m.end && m.end < w.end && (m.mayCutEnd || k.Start == schedules.Hard || k.Locked) {
			st.cut = w.tolerance
		}
	}
	asked := schedules.DayWindow{Occurrence: w.Occurrence, Clock: w.clock}
	at := between(&asked, p.in.Keep, instant(m.start), instant(m.end))
	positions := w.clock.Positions
	for j := range positions {
		pos := &positions[j]
		if !at.takes(j, *pos) || slices.Contains(m.skipPositions, pos.ID) || !p.lib.airable(pos, w) {
			continue
		}
		st.places = append(st.places, p.newPlace(w, j))
	}
	p.complete(&st, w, at.from)
	return []stretch{st}
}

// airable reports whether a position can still air something. The segment that the clock names may have been
// recalled.
func (c *Catalogue) airable(pos *schedules.Position, w *window) bool {
	if pos.Segment == "" {
		return true
	}
	seg, ok := c.index(pos.Segment)
	return ok && c.entries[seg].Fit && schedules.Speaks(c.entries[seg].Language, w.languages)
}
