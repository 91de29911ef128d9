package planner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"lifeline/schedules"
)

// Plan is a planned day: a draft rundown, with the reasons for it.
type Plan struct {
	Rundown      schedules.Rundown       `json:"rundown"`      // a Draft of Revision 0
	Explanations []schedules.Explanation `json:"explanations"` // one per item, in the rundown's order
	Report       Report                  `json:"report"`
}

// Plan plans the day with the catalogue's library, which replaces the input's. The same input and seed give the same
// plan on every machine, whatever the order of the input's lists. It fails with *Unsatisfiable if it can prove that no
// rundown keeps all hard rules, with *NotFound if it finds none and cannot prove that there is none, with the context's
// error once the context is done, and with another error if a definition cannot be read.
func (c *Catalogue) Plan(ctx context.Context, in schedules.Input) (Plan, error) {
	j, err := c.job(in)
	if err != nil {
		return Plan{}, err
	}
	plan, err := j.plan(ctx)
	if err != nil {
		return Plan{}, err
	}
	return j.repeat(ctx, j.vary(ctx, plan))
}

// job is an input with the planner's own parameters.
type job struct {
	schedules.Input
	catalogue *Catalogue
	open      *repairMode           // the only time to plan; nil: the whole day
	anew      *schedules.Occurrence // the only published window to plan as if it were new; nil: none
	order     int                   // number of the alternative order in which the day is planned; 0: due order
}

// job returns a job for an input. It fails if there is no catalogue.
func (c *Catalogue) job(in schedules.Input) (job, error) {
	if c == nil {
		return job{}, fmt.Errorf("planner: plan %s %s: no library", in.Station.ID, in.Date)
	}
	in.Library = c.library
	return job{Input: in, catalogue: c}, nil
}

// plan plans the day in one order.
func (j job) plan(ctx context.Context) (Plan, error) {
	p, err := newPlanner(ctx, j)
	if err != nil {
		return Plan{}, err
	}
	stuck := p.run()
	if err := p.stopped(); err != nil {
		return Plan{}, err
	}
	if stuck != nil {
		return j.search(ctx, p, stuck)
	}
	return resultPass{p}.result(), nil
}

// search plans a day that the passes could not plan, or returns why there is no plan. It looks for conflicts after the
// short first walk, which finds most of the days that have a plan. Last, it plans the day as if there were no soft
// rules. The plan still records which of them bend.
func (j job) search(ctx context.Context, p *planner, s *stuck) (Plan, error) {
	for round, steps := range walkSteps {
		w, err := newPlanner(ctx, j)
		if err != nil {
			return Plan{}, err
		}
		if w.hardOnly = round > 1; round == 2 {
			if w.run() == nil {
				return resultPass{w}.result(), nil
			}
			if w, err = newPlanner(ctx, j); err != nil {
				return Plan{}, err
			}
			w.hardOnly = true
		}
		if w.walk(steps, uint64(round%2)) == nil {
			return resultPass{w}.result(), nil
		}
		if err := w.stopped(); err != nil {
			return Plan{}, err
		}
		if j.order > 0 {
			break
		}
		if round > 0 {
			continue
		}
		var u *Unsatisfiable
		if err := j.diagnose(p, s); errors.As(err, &u) {
			return Plan{}, err
		}
	}
	if j.order == 0 && j.open == nil {
		v, err := newPlanner(ctx, j)
		if err != nil {
			return Plan{}, err
		}
		v.hardOnly = true
		if improve(v) == nil {
			return resultPass{v}.result(), nil
		}
		if err := v.stopped(); err != nil {
			return Plan{}, err
		}
	}
	none := j.notFound(p, s)
	none.Message += fmt.Sprintf(". The planner found no rundown in %d trials, and found no conflict of hard rules",
		walkTrials())
	return Plan{}, none
}

// planner is the state of one plan.
type planner struct {
	ctx             context.Context
	in              *job
	lib             *Catalogue
	day             *day
	airings         *airingIndex
	last            []int64 // per segment: start of its last airing; minTime: none
	airingCounts    []int32 // per segment: number of airings in the history
	queues          map[string]*queue
	queueList       []*queue
	stamp           []int32
	generation      int32
	horizonEnd      int64
	campaignEnds    []campaignEnd
	stretches       []stretch
	hardOnly        bool // soft rules and demands do not guide the plan
	demands         []*demand
	unguided        []*demand // the soft demands while hardOnly is set
	warnings        []schedules.Warning
	short           shortages
	setFinder       setFinder
	filler          filler
	placed          []placed
	searches        int // search steps left for the present stretch
	tables          int // subset-sum tables left for it
	inexactClosings int // closings of the day that found no exact set among all candidates
	sums            sums
	undo            []due // last airings to restore on reset
}

// campaignEnd is the end of a campaign for the segments that it selects.
type campaignEnd struct {
	members bitset
	until   int64
}

// placed is a unit in its place.
type placed struct {
	unit     unit
	start    int64
	win      int32
	position *schedules.Position
	index    int // of the position in the clock
	trim     int64
	kept     *schedules.Item
	choice   *schedules.Choice
	place    int
	rank     int
	since    int64 // the airing before
	fallback bool
	queue    *queue
}

func newPlanner(ctx context.Context, in job) (*planner, error) {
	d, err := in.day()
	if err != nil {
		return nil, err
	}
	p := &planner{ctx: ctx, in: &in, lib: in.catalogue, day: d, queues: map[string]*queue{}}
	n := len(p.lib.entries)
	p.last, p.airingCounts, p.stamp = make([]int64, n), make([]int32, n), make([]int32, n)
	for i := range p.last {
		p.last[i] = minTime
	}
	p.horizonEnd = d.end
	horizon := 24 * time.Hour
	items := 0
	var indexed [schedules.AttributeTag + 1]bool
	for i := range d.windows {
		p.horizonEnd = max(p.horizonEnd, d.windows[i].end)
		d.windows[i].rules.indexes(&indexed)
		horizon = max(horizon, d.windows[i].rules.horizon())
		if d.windows[i].ordersEpisodes() {
			indexed[schedules.AttributeSegment], horizon = true, max(horizon, always*time.Millisecond)
		}
		items = max(items, d.windows[i].rules.items())
	}
	p.airings = newAiringIndex(p.lib, indexed)
	p.load(horizon.Milliseconds(), items)
	for _, c := range in.Campaigns {
		if c.Concerns(in.Station.ID) && !c.Until.IsZero() {
			p.campaignEnds = append(p.campaignEnds, campaignEnd{p.lib.members(&c.Of), c.Until.UnixMilli()})
		}
	}
	return p, nil
}

// load enters the history into the rotation and, as far as the rules look in time and in items, into the index of
// airings.
func (p *planner) load(horizon int64, items int) {
	var near []span
	from, until := p.day.start-horizon, p.horizonEnd+horizon
	if items > 0 {
		before, behind := p.around(items)
		from, until = min(from, before-1), max(until, behind+1)
	}
	for i := range p.in.History {
		a := &p.in.History[i]
		seg, ok := p.lib.index(a.SegmentID)
		if !ok {
			continue
		}
		start := a.StartAt.UnixMilli()
		other := a.Station != p.in.Station.ID
		if !other {
			if start >= p.day.start && start < p.horizonEnd && p.day.own(start) {
				continue
			}
			if start < p.horizonEnd { // rotation depends on earlier airings, rules also on later ones
				p.airingCounts[seg]++
				p.last[seg] = max(p.last[seg], start)
			}
		}
		if start > from && start < until {
			near = append(near, span{start, a.EndAt.UnixMilli(), seg, p.past(a.Window, other), other})
		}
	}
	slices.SortFunc(near, func(a, b span) int {
		side := 0
		if a.other != b.other {
			side = 1
			if a.other {
				side = -1
			}
		}
		return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.seg, b.seg), cmp.Compare(a.end, b.end), side)
	})
	for _, s := range slices.Compact(near) {
		p.airings.add(s)
	}
}

// around returns the starts of the nth airing of the station before the day and of the nth after it, or of the farthest
// ones that there are.
func (p *planner) around(n int) (before, behind int64) {
	var earlier, later []int64
	for i := range p.in.History {
		switch start := p.in.History[i].StartAt.UnixMilli(); {
		case p.in.History[i].Station != p.in.Station.ID:
		case start < p.day.start:
			earlier = append(earlier, start)
		case start >= p.horizonEnd:
			later = append(later, start)
		}
	}
	before, behind = p.day.start, p.horizonEnd
	if slices.Sort(earlier); len(earlier) > 0 {
		before = earlier[max(len(earlier)-n, 0)]
	}
	if slices.Sort(later); len(later) > 0 {
		behind = later[min(n, len(later))-1]
	}
	return before, behind
}

// past returns the window of a span of the history: -2-i for the station's window i, or -1 if it is unknown.
func (p *planner) past(window string, other bool) int32 {
	if window != "" && !other {
		for i := range p.in.Station.Windows {
			if p.in.Station.Windows[i].ID == window {
				return int32(-2 - i)
			}
		}
	}
	return -1
}

// stopped returns the error of a plan whose context is done, or nil.
func (p *planner) stopped() error {
	if err := p.ctx.Err(); err != nil {
		return fmt.Errorf("planner: plan %s %s: %w", p.in.Station.ID, p.in.Date, err)
	}
	return nil
}

// stuck describes where planning cannot continue.
type stuck struct {
	stretch *stretch
	place   int // index in the stretch; -1: its fill
	demand  *demand
}

// run plans the day: first the places that the clocks name and pick, so that a unit that can air in few places gets its
// place; then the demands; then it fills every stretch to its end, in the order of the day.
func (p *planner) run() *stuck {
	if s := p.settleAll(); s != nil {
		return s
	}
	return demandPass{p}.checkDemands()
}

// settleAll does what run does, but does not check the demands at the end.
func (p *planner) settleAll() *stuck {
	p.stretches = layoutPass{p}.layout()
	layoutPass{p}.placeKept()
	if s := (pickPass{p}).pickAll(); s != nil {
		return s
	}
	if s := (demandPass{p}).placeDemands(); s != nil {
		return s
	}
	for i := range p.stretches {
		if p.ctx.Err() != nil {
			return &stuck{stretch: &p.stretches[i]}
		}
		if s := (fillPass{p}).fill(i); s != nil {
			return s
		}
	}
	return nil
}

// addAirings enters a unit into the index of airings at an exact time.
func (p *planner) addAirings(u unit, start int64, win int32) {
	at := start
	for k, m := range u.members[:u.n] {
		end := at + p.lib.entries[m].ms
		if k == u.n-1 {
			end -= u.cut
		}
		p.airings.add(span{at, end, m, win, false})
		at = end
	}
}

func (p *planner) removeAirings(u unit, start int64, win int32) {
	at := start
	for k, m := range u.members[:u.n] {
		end := at + p.lib.entries[m].ms
		if k == u.n-1 {
			end -= u.cut
		}
		p.airings.remove(span{at, end, m, win, false})
		at = end
	}
}

func (p *planner) name(seg int32) string { return p.lib.entries[seg].ID }

func (p *planner) warn(code, window, item, format string, args ...any) {
	for i, arg := range args {
		if at, ok := arg.(schedules.Instant); ok && p.day != nil {
			args[i] = at.Wall(p.day.loc)
		}
	}
	p.warnings = append(p.warnings, schedules.Warning{Code: code, Window: window, Item: item, Message: fmt.Sprintf(format,
		args...)})
}
