package planner

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"lifeline/schedules"
)

// Repeat brings the windows of a rundown that repeat others up to date: those whose source has other segments than when
// it was copied. Windows that start by the input's Frozen stay as they are, and so does everything else. It returns the
// rundown with the reasons of its new items. A rundown that needs nothing is returned as it is.
func (c *Catalogue) Repeat(ctx context.Context, in schedules.Input, r schedules.Rundown) (schedules.Rundown,
	[]schedules.Explanation, error) {
	j, err := c.job(in.ForPublished(r))
	if err != nil {
		return r, nil, err
	}
	x := repeater{in: j, cur: r, why: map[string]schedules.Explanation{}}
	if err := x.layAll(ctx, x.outdated); err != nil || len(x.laid) == 0 {
		return r, nil, err
	}
	var why []schedules.Explanation
	for _, i := range x.cur.Items {
		if e, ok := x.why[i.ID]; ok {
			why = append(why, e)
		}
	}
	return x.cur, why, nil
}

// repeat fills the windows of a plan that repeat others.
func (j job) repeat(ctx context.Context, plan Plan) (Plan, error) {
	x := repeater{in: j, cur: plan.Rundown, plans: true, why: map[string]schedules.Explanation{}}
	all := func(schedules.DayWindow, schedules.Rundown, schedules.Slot) bool { return true }
	if err := x.layAll(ctx, all); err != nil {
		return plan, err
	}
	known := map[string]schedules.Explanation{}
	for _, e := range plan.Explanations {
		known[e.Item] = e
	}
	plan.Rundown, plan.Explanations = x.cur, make([]schedules.Explanation, 0, len(x.cur.Items))
	for _, i := range x.cur.Items {
		e, ok := x.why[i.ID]
		if !ok {
			e = known[i.ID]
		}
		plan.Explanations = append(plan.Explanations, e)
	}
	return plan, nil
}

// repeater lays the items of other windows into the windows that repeat them.
type repeater struct {
	in    job
	cur   schedules.Rundown
	plans bool                             // the day is planned, not followed
	why   map[string]schedules.Explanation // of the items that it placed
	laid  []schedules.Occurrence
}

// layAll lays the windows that repeat others and for which needs returns true, in the order of the day.
func (x *repeater) layAll(ctx context.Context,
	needs func(w schedules.DayWindow, of schedules.Rundown, source schedules.Slot) bool) error {
	windows, err := x.in.DisjointWindows()
	if err != nil {
		return err
	}
	for _, w := range windows {
		of, source, ok := x.in.Source(w, x.cur)
		switch {
		case w.Repeats == nil || w.Published && !w.StartAt.After(x.in.Frozen):
		case !ok && !x.plans:
		case !ok:
			x.warn(schedules.WarnRepeatMissing, w, "Window %s, which the window of %s repeats, is not planned%s: the clock of "+
				"the window fills it.", w.Repeats.Window, x.wall(w.StartAt), before(w.Repeats.DaysBack))
		case needs(w, of, source):
			if err := x.lay(ctx, w, of, source); err != nil {
				return err
			}
		}
	}
	if len(x.laid) > 0 {
		x.cur.SumWindows()
		x.cur.WarnOpen(time.Time{})
	}
	return nil
}

// before says how many days before a window is meant.
func before(days int) string {
	switch days {
	case 0:
		return " before it on this day"
	case 1:
		return " on the day before"
	}
	return fmt.Sprintf(" %d days before", days)
}

// outdated reports whether a window that follows another has to be laid anew.
func (x *repeater) outdated(w schedules.DayWindow, of schedules.Rundown, source schedules.Slot) bool {
	return w.RepeatOf != nil && schedules.RepeatHash(of.ItemsOf(source)) != w.RepeatOf.Items
}

func (x *repeater) wall(at schedules.Instant) string { return schedules.WallTime(x.cur.Timezone, at) }

func (x *repeater) warn(code string, w schedules.DayWindow, format string, args ...any) {
	x.cur.Warnings = append(slices.Clone(x.cur.Warnings), schedules.Warning{Code: code, Window: w.Window,
		Message: fmt.Sprintf(format, args...)})
}

// repeatUnit is what is repeated as a whole: an item, or a chain.
type repeatUnit struct {
	items   []schedules.Item
	elastic bool // it filled time, and may be left out where the repeat is shorter
}

func (c repeatUnit) ms() (ms int64) {
	for _, i := range c.items {
		ms += i.Duration.Milliseconds()
	}
	return ms
}

// move gives the items of the unit their times from an instant on, and their ids.
func (c repeatUnit) move(station string, w schedules.Occurrence, at int64) {
	chain := ""
	lead := c.items[0].Chain
	for n := range c.items {
		i := &c.items[n]
		reading := i.Chain != "" && i.ID == i.Chain
		i.StartAt = instant(at)
		i.ID = schedules.ItemID(station, w.StartAt, i.Position, schedules.Ms(at-w.StartAt.UnixMilli()), i.SegmentID)
		if reading {
			chain = i.ID
		}
		at += i.Duration.Milliseconds()
	}
	for n := range c.items {
		if lead != "" {
			c.items[n].Chain = chain
		}
	}
}

// units returns what an occurrence airs, as the library has it now, and why segments are left out that it has not.
func (x *repeater) units(w schedules.DayWindow, of schedules.Rundown, source schedules.Slot) (out []repeatUnit,
	gone []string) {
	clock := of.Clocks[source.Clock]
	items := of.ItemsOf(source)
	for n := 0; n < len(items); {
		end := unitEnd(items, n)
		var u repeatUnit
		lost := ""
		for _, i := range items[n:end] {
			seg, known := x.in.catalogue.index(i.SegmentID)
			if !known || x.in.catalogue.entries[seg].Recording == nil {
				lost = fmt.Sprintf("%q is not in the library any more", i.Title)
				continue
			}
			e := x.in.catalogue.entries[seg]
			at := slices.IndexFunc(clock.Positions, func(p schedules.Position) bool { return p.ID == i.Position })
			u.elastic = at >= 0 && clock.Positions[at].Fill != nil
			own := schedules.Item{ID: i.ID, Window: w.Window, Position: i.Position, SegmentID: e.ID,
				SHA256: e.Recording.SHA256, Kind: e.Kind, Language: e.Language, Title: e.Title, Voice: e.Voice,
				StartAt: i.StartAt, Start: schedules.Follow, Duration: schedules.Ms(e.ms), CueIn: e.Recording.CueIn,
				CueOut: e.Recording.CueOut, Chain: i.Chain, Repeats: cmp.Or(i.Repeats, i.ID)}
			if i.SHA256 == own.SHA256 && i.CueIn == own.CueIn { // it ends where its source does
				own.Duration, own.CueOut, own.FadeOut = i.Duration, i.CueOut, i.FadeOut
			}
			u.items = append(u.items, own)
		}
		if lost != "" {
			gone = append(gone, lost)
		} else {
			out = append(out, u)
		}
		n = end
	}
	return out, gone
}

// maxRepeatGive is how many units that filled time a repeat leaves out so that its clock can fill what is open.
const maxRepeatGive = 6

// lay copies what an occurrence airs into a window, without what may not air there, and fills the rest by the window's
// clock. If nothing fills it, further units that filled time give way, or else the time stays open.
func (x *repeater) lay(ctx context.Context, w schedules.DayWindow, of schedules.Rundown, source schedules.Slot) error {
	kept := x.keep(w)
	units, gone := x.units(w, of, source)
	judge, err := x.judge(ctx, w)
	if err != nil {
		return err
	}
	when := x.wall(source.StartAt)
	if of.Date != x.cur.Date {
		when = of.Date.String() + " " + when
	}
	x.laid = append(x.laid, w.Occurrence)
	without, shortened := x.cur, 0
	var first schedules.Rundown
	for given := 0; ; given++ {
		fit, late, refused := x.settle(judge, w, units, kept)
		x.place(judge, fit, fmt.Sprintf("It repeats what window %s airs at %s.", source.Window, when))
		if err := x.fill(ctx, w, len(kept) == 0); err != nil {
			return err
		}
		x.tell(w, source, when, append(slices.Clip(gone), refused...), shortened+late)
		if given == 0 {
			first = x.cur
		}
		if !x.open(w) {
			break
		}
		least := slices.Clone(fit)
		slices.Reverse(least)
		n := slices.IndexFunc(least, func(u repeatUnit) bool { return u.elastic })
		if n < 0 || given == maxRepeatGive || len(kept) > 0 {
			x.cur = first
			break
		}
		gone, shortened = append(gone, refused...), shortened+late+len(least[n].items)
		units = slices.Delete(fit, len(fit)-1-n, len(fit)-n)
		x.cur = without
	}
	x.cur.Windows = slices.Clone(x.cur.Windows)
	for k := range x.cur.Windows {
		if s := &x.cur.Windows[k]; s.Window == w.Window && s.StartAt.Equal(w.StartAt.Time) {
			s.Repeats = &schedules.RepeatOf{Window: source.Window, DaysBack: w.Repeats.DaysBack, StartAt: source.StartAt,
				Items: schedules.RepeatHash(of.ItemsOf(source))}
		}
	}
	return nil
}

// open reports whether some time of a window is open.
func (x *repeater) open(w schedules.DayWindow) bool {
	return slices.ContainsFunc(x.cur.Open(), func(o schedules.Occurrence) bool {
		return o.Window == w.Window && w.Contains(o.StartAt.Time)
	})
}

// settle gives the units their times until each may air at its own. It returns those that stay, how many items the
// window has no room for, and why the others may not air.
func (x *repeater) settle(g *judge, w schedules.DayWindow, units []repeatUnit, kept []schedules.Item) (out []repeatUnit,
	late int, refused []string) {
	for {
		placed, more := x.arrange(w, units, kept)
		fit, why := g.fit(placed, kept)
		late, refused = late+more, append(refused, why...)
		if len(fit) == len(placed) {
			return fit, late, refused
		}
		units = fit
	}
}

// place adds units to the rundown.
func (x *repeater) place(g *judge, units []repeatUnit, why string) {
	for _, u := range units {
		for _, i := range u.items {
			seg, _ := x.in.catalogue.index(i.SegmentID)
			i.NotAfter = g.notAfter(seg)
			x.why[i.ID] = schedules.Explanation{Item: i.ID, Window: i.Window, Position: i.Position, SegmentID: i.SegmentID,
				Why: why, Choice: &schedules.Choice{Method: schedules.MethodRepeat, StartAt: i.StartAt,
					Candidates: []schedules.Candidate{}, Aired: []string{i.SegmentID}}}
			x.cur.Items = append(slices.Clip(x.cur.Items), i)
		}
	}
	x.sort()
}

// keep removes the items of a window that do not have to stay, with the warnings of earlier repeats, and returns the
// others.
func (x *repeater) keep(w schedules.DayWindow) (kept []schedules.Item) {
	x.cur.Items = slices.DeleteFunc(slices.Clone(x.cur.Items), func(i schedules.Item) bool {
		if i.Window != w.Window || !w.Contains(i.StartAt.Time) {
			return false
		}
		stays := i.Locked || slices.ContainsFunc(x.in.Keep, func(k schedules.Item) bool { return k.ID == i.ID })
		if stays {
			kept = append(kept, i)
		}
		return !stays
	})
	x.cur.Warnings = slices.DeleteFunc(slices.Clone(x.cur.Warnings), func(y schedules.Warning) bool {
		return y.Window == w.Window && (y.Code == schedules.WarnRepeatDropped || y.Code == schedules.WarnRepeatShorter)
	})
	return kept
}

func (x *repeater) sort() {
	x.cur.Items = slices.Clone(x.cur.Items)
	slices.SortStableFunc(x.cur.Items, func(a, b schedules.Item) int { return a.StartAt.Compare(b.StartAt.Time) })
}

// tell warns of what is not repeated.
func (x *repeater) tell(w schedules.DayWindow, source schedules.Slot, when string, gone []string, shortened int) {
	if n := len(gone); n > 0 {
		const told = 3
		more := ""
		if n > told {
			more = fmt.Sprintf("; and %d more", n-told)
		}
		x.warn(schedules.WarnRepeatDropped, w, "The window of %s repeats window %s of %s without %s, which may not air in "+
			"it: %s%s.", x.wall(w.StartAt), source.Window, when, counted(n, "item"), join(gone[:min(n, told)]), more)
	}
	if shortened > 0 {
		x.warn(schedules.WarnRepeatShorter, w, "The window of %s repeats window %s of %s without %s, to end on time.",
			x.wall(w.StartAt), source.Window, when, counted(shortened, "item"))
	}
}

func join(list []string) string {
	out := ""
	for n, s := range list {
		if n > 0 {
			out += "; "
		}
		out += s
	}
	return out
}

// arrange gives the units of a window their times, and leaves out those for which it has no room: first the last of
// those that filled time. What follows the last of these in the source ends the window, as it did there, and time that
// is left stays open before it. Where items must stay, the units keep their distances from the start, and those that
// would overlap such an item are left out.
func (x *repeater) arrange(w schedules.DayWindow, units []repeatUnit, kept []schedules.Item) (out []repeatUnit,
	late int) {
	start, end, most := w.StartAt.UnixMilli(), w.EndAt.UnixMilli(), w.EndAt.UnixMilli()+w.Tolerance.Milliseconds()
	if len(kept) > 0 {
		return x.around(w, units, kept)
	}
	out = slices.Clone(units)
	var sum int64
	for _, u := range out {
		sum += u.ms()
	}
	tail := len(out)
	for tail > 0 && !out[tail-1].elastic {
		tail--
	}
	if tail == 0 {
		tail = len(out)
	}
	for start+sum > most && len(out) > 0 {
		n := max(tail-1, 0)
		for k := n; k >= 0 && k < tail; k-- {
			if out[k].elastic {
				n = k
				break
			}
		}
		sum -= out[n].ms()
		late += len(out[n].items)
		out = slices.Delete(out, n, n+1)
		tail = max(min(tail-1, len(out)), 0)
	}
	at := start
	for n, u := range out {
		if n == tail && end-start-sum > w.Tolerance.Milliseconds() {
			at += end - start - sum
		}
		u.move(x.cur.Station, w.Occurrence, at)
		at += u.ms()
	}
	return out, late
}

// around places the units around items that must stay.
func (x *repeater) around(w schedules.DayWindow, units []repeatUnit, kept []schedules.Item) (out []repeatUnit,
	late int) {
	at, end := w.StartAt.UnixMilli(), w.EndAt.UnixMilli()
	for _, u := range units {
		ms := u.ms()
		taken := at+ms > end || slices.ContainsFunc(kept, func(k schedules.Item) bool {
			return k.StartAt.UnixMilli() < at+ms && k.EndAt().UnixMilli() > at
		})
		if taken {
			late += len(u.items)
		} else {
			u.move(x.cur.Station, w.Occurrence, at)
			out = append(out, u)
		}
		at += ms
	}
	return out, late
}

// fill fills the open times of a window by its clock. If what follows an open time may shift, it ends where its new
// items end.
func (x *repeater) fill(ctx context.Context, w schedules.DayWindow, shifts bool) error {
	fitted := w.FittedClock(x.in.Library)
	var named []string
	for _, p := range fitted.Positions {
		if p.Fill == nil {
			named = append(named, p.ID)
		}
	}
	for _, o := range x.cur.Open() {
		if o.Window != w.Window || !w.Contains(o.StartAt.Time) {
			continue
		}
		x.sort()
		r := replanner{in: x.in, cur: x.cur}
		asked := w
		asked.Clock = fitted
		mode := repairMode{ignoreDemands: true, skipPositions: named, shifts: shifts}
		found := r.try(ctx, &asked, widenedTime{open: o}, mode)
		if found == nil {
			mode.mayCutEnd, mode.shifts = true, false
			found = r.try(ctx, &asked, widenedTime{open: o}, mode)
		}
		if ctx.Err() != nil {
			return fmt.Errorf("planner: repeat %s %s: %w", x.cur.Station, x.cur.Date, ctx.Err())
		}
		if found == nil || len(found.items) == 0 {
			continue
		}
		for _, e := range found.why {
			x.why[e.Item] = e
		}
		x.cur.Warnings = append(slices.Clone(x.cur.Warnings), found.warnings...)
		x.shift(w, o.EndAt, found.items[len(found.items)-1].EndAt().Sub(o.EndAt.Time))
		x.cur.Items = append(x.cur.Items, found.items...)
		x.sort()
	}
	return nil
}

// shift moves the items of a window from an instant on.
func (x *repeater) shift(w schedules.DayWindow, from schedules.Instant, by time.Duration) {
	if by == 0 {
		return
	}
	var items []schedules.Item
	for n := range x.cur.Items {
		if i := x.cur.Items[n]; i.Window == w.Window && w.Contains(i.StartAt.Time) && !i.StartAt.Before(from.Time) {
			items = append(items, i)
		}
	}
	for n := 0; n < len(items); {
		end := unitEnd(items, n)
		u := repeatUnit{items: slices.Clone(items[n:end])}
		u.move(x.cur.Station, w.Occurrence, items[n].StartAt.Add(by).UnixMilli())
		for k, i := range items[n:end] {
			at := slices.IndexFunc(x.cur.Items, func(y schedules.Item) bool { return y.ID == i.ID })
			x.cur.Items[at] = u.items[k]
			if e, ok := x.why[i.ID]; ok {
				delete(x.why, i.ID)
				e.Item = u.items[k].ID
				x.why[e.Item] = e
			}
		}
		n = end
	}
}

// judge tells which items may be repeated in a window.
type judge struct {
	*planner
	win  int32
	w    *window
	lang []string
	own  *airingIndex // what airs in the window
}

func (x *repeater) judge(ctx context.Context, w schedules.DayWindow) (*judge, error) {
	in := x.in
	in.Keep, in.open = x.cur.Items, &repairMode{window: w.Occurrence}
	p, err := newPlanner(ctx, in)
	if err != nil {
		return nil, err
	}
	layoutPass{p}.placeKept()
	win := slices.IndexFunc(p.day.windows, func(y window) bool {
		return y.Window == w.Window && y.StartAt.Equal(w.StartAt.Time)
	})
	if win < 0 {
		return nil, fmt.Errorf("planner: repeat %s %s: no window %s", x.cur.Station, x.cur.Date, w.Window)
	}
	return &judge{planner: p, win: int32(win), w: &p.day.windows[win], lang: w.Languages}, p.stopped()
}

func (g *judge) notAfter(seg int32) schedules.Instant { return resultPass{g.planner}.notAfter(seg) }

// fit returns the units that may air at their times, and says why the others may not.
func (g *judge) fit(units []repeatUnit, kept []schedules.Item) (out []repeatUnit, refused []string) {
	var all [schedules.AttributeTag + 1]bool
	for n := range all {
		all[n] = true
	}
	g.own = newAiringIndex(g.lib, all)
	for _, k := range kept {
		if seg, ok := g.lib.index(k.SegmentID); ok {
			g.own.add(span{k.StartAt.UnixMilli(), k.EndAt().UnixMilli(), seg, g.win, false})
		}
	}
	var added []span
	for _, u := range units {
		why := ""
		for _, i := range u.items {
			why = cmp.Or(why, g.refusal(i))
		}
		if why != "" {
			refused = append(refused, why)
			continue
		}
		out = append(out, u)
		for _, i := range u.items {
			seg, _ := g.lib.index(i.SegmentID)
			s := span{i.StartAt.UnixMilli(), i.EndAt().UnixMilli(), seg, g.win, false}
			g.own.add(s)
			g.airings.add(s)
			added = append(added, s)
		}
	}
	for _, s := range added {
		g.airings.remove(s)
	}
	return out, refused
}

// refusal says why an item may not air in the window, or nothing. Rules about separation and counts look at the window
// alone, since a repeat is meant to air again what aired elsewhere.
func (g *judge) refusal(i schedules.Item) string {
	place := schedules.Place{Languages: g.lang, Zone: g.day.loc, StartAt: i.StartAt.Time, EndAt: i.EndAt().Time,
		SHA256: i.SHA256}
	if u := g.lib.library.Airable(i.SegmentID, place); u != nil {
		return fmt.Sprintf("%q %s", i.Title, u.Message)
	}
	seg, _ := g.lib.index(i.SegmentID)
	if until := g.notAfter(seg); !until.IsZero() && i.EndAt().After(until.Time) {
		return fmt.Sprintf("the campaign of %q is over", i.Title)
	}
	t := trial{seg: seg, start: i.StartAt.UnixMilli(), end: i.EndAt().UnixMilli(), ms: i.Duration.Milliseconds(),
		win: g.win}
	for n := range g.w.rules.rules {
		r := &g.w.rules.rules[n]
		within := g.own
		switch r.form {
		case formFresh, formKeepTo, formAfter:
			within = g.airings
		case formOrder:
			if within = g.airings; r.order.by != schedules.ByNewest {
				continue
			}
		case formSeparate, formItems:
			if r.foreign != nil {
				continue
			}
		default:
			if r.per != "window" {
				continue
			}
		}
		if r.hard && g.w.rules.apply(r, t, within).broken {
			return fmt.Sprintf("%q breaks rule %s of clock %s", i.Title, r.name, g.w.clock.ID)
		}
	}
	return ""
}

// fills reports whether the job fills an open time of the window, or plans it anew.
func (j *job) fills(w *window) bool {
	same := func(o schedules.Occurrence) bool { return o.Window == w.Window && o.StartAt.Equal(w.StartAt.Time) }
	return j.open != nil && same(j.open.window) || j.anew != nil && same(*j.anew)
}
