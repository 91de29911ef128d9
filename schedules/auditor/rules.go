package auditor

import (
	"slices"
	"time"

	"lifeline/schedules"
)

// airing is one airing that rules examine: an item, or an airing of the history.
type airing struct {
	segment    *schedules.Segment
	start, end time.Time
	station    string
	item       *schedules.Item // nil for history
	clock      string          // of the item's window; for history, of its window if known
	window     *window
	repeat     bool // it repeats an item of another window
	place      int  // index among the station's own airings
}

// rules checks every rule of every clock against all pairs and counts.
func (a *audit) rules() {
	a.all = a.airings()
	home := 0
	for i := range a.all {
		a.all[i].place = home
		if a.all[i].station == a.in.Station.ID {
			home++
		}
	}
	done := map[string]bool{}
	for i := range a.windows {
		w := &a.windows[i]
		rules := w.Clock.Rules
		if len(rules) == 0 {
			rules = []schedules.Rule{{ID: schedules.DefaultRule, Separate: "segment", Items: 1}}
		}
		for _, r := range rules {
			if a.ctx.Err() != nil {
				return
			}
			if r.Per == "window" && (r.AtMost != nil || r.AtLeast != nil || r.Share != nil) {
				a.count(r, w)
				continue
			}
			if !done[w.Clock.ID] {
				a.rule(r, w)
			}
		}
		done[w.Clock.ID] = true
	}
}

// between returns the airings that start in [from, until).
func (a *audit) between(from, until time.Time) []airing {
	at := func(t time.Time) int {
		i, _ := slices.BinarySearchFunc(a.all, t, func(x airing, t time.Time) int { return x.start.Compare(t) })
		return i
	}
	return a.all[at(from):max(at(from), at(until))]
}

// day returns the interval from the start of the first window to the end of the last. The day must have windows.
func (a *audit) day() (from, until time.Time) {
	from, until = a.windows[0].StartAt.Time, a.windows[0].EndAt.Time
	for i := range a.windows {
		from, until = earliest(from, a.windows[i].StartAt.Time), latest(until, a.windows[i].EndAt.Time)
	}
	return from, until
}

func (a *audit) airings() []airing {
	if len(a.windows) == 0 {
		return nil
	}
	var all []airing
	from, until := a.day()
	segments := map[string]*schedules.Segment{}
	for _, s := range a.in.Library.Segments() {
		segments[s.ID] = &s
	}
	for _, h := range a.in.History {
		s, ok := segments[h.SegmentID]
		if !ok {
			continue
		}
		own := false
		for i := 0; i < len(a.windows) && !own && !h.StartAt.Before(from) && h.StartAt.Before(until); i++ {
			own = h.Station == a.in.Station.ID && !h.StartAt.Before(a.windows[i].StartAt.Time) &&
				h.StartAt.Before(a.windows[i].EndAt.Time)
		}
		if !own {
			x := airing{segment: s, start: h.StartAt.Time, end: h.EndAt.Time, station: h.Station}
			for _, w := range a.in.Station.Windows {
				if w.ID == h.Window {
					x.clock = w.Clock
				}
			}
			all = append(all, x)
		}
	}
	for i := range a.windows {
		w := &a.windows[i]
		for k := range w.items {
			if s, ok := segments[w.items[k].SegmentID]; ok {
				all = append(all, airing{segment: s, start: w.items[k].StartAt.Time,
					end:     w.items[k].StartAt.Add(w.items[k].Duration.Duration),
					station: a.in.Station.ID, item: &w.items[k], clock: w.Clock.ID, window: w, repeat: w.repeated(w.items[k])})
			}
		}
	}
	slices.SortStableFunc(all, func(x, y airing) int { return x.start.Compare(y.start) })
	return slices.CompactFunc(all, func(x, y airing) bool {
		return x.item == nil && y.item == nil && x.segment.ID == y.segment.ID && x.station == y.station &&
			x.start.Equal(y.start) && x.end.Equal(y.end)
	})
}

func (a *audit) rule(r schedules.Rule, w *window) {
	switch {
	case r.Separate != "":
		a.separate(r, w.Clock.ID)
	case r.AtMost != nil || r.AtLeast != nil || r.Share != nil:
		a.count(r, w)
	case !r.After.IsZero():
		a.follow(r, w.Clock.ID)
	case r.FreshFor.Duration > 0:
		a.age(r, w.Clock.ID)
	case r.InOrder == schedules.ByNewest:
		a.newest(r, w.Clock.ID)
	case r.InOrder == schedules.ByEpisode:
		a.episodes(r, w.Clock.ID)
	case r.KeepTo != nil:
		for i := range a.all {
			if x := &a.all[i]; x.item != nil && !a.final(*x.item) && x.clock == w.Clock.ID && r.Only.Matches(x.segment) &&
				!r.KeepTo.Contains(x.start, x.end, a.zone) {
				a.add(r.Hard, r.Name(), x.item.Window, x.item.ID, "%s airs outside %s", x.segment.ID, r.KeepTo)
			}
		}
	}
}

// separate checks every pair of airings of which at least one is in a window of the clock.
func (a *audit) separate(r schedules.Rule, clock string) {
	var mine []int
	var longest time.Duration
	for i := range a.all {
		x := &a.all[i]
		longest = max(longest, x.end.Sub(x.start))
		if x.item != nil && x.clock == clock && r.Only.Matches(x.segment) {
			mine = append(mine, i)
		}
	}
	settled := func(x *airing) bool { return x.item == nil || a.final(*x.item) }
	for _, i := range mine {
		if a.ctx.Err() != nil {
			return
		}
		x := &a.all[i]
		judge := func(j int) bool { // false means that airings further away in time and items need no check
			y := &a.all[j]
			between := max(x.place, y.place) - min(x.place, y.place) - 1
			if apart := y.start.Sub(x.start); abs(apart) > r.For.Duration+longest && between >= r.Items {
				return false
			}
			if j < i && y.item != nil && y.clock == clock && r.Only.Matches(y.segment) || y.station != a.in.Station.ID &&
				!r.Across ||
				(x.repeat || y.repeat) && x.window != y.window ||
				!r.Only.Matches(y.segment) || !shares(x.segment, y.segment, r.Separate) ||
				y.item != nil && x.item.Chain != "" && x.item.Chain == y.item.Chain || settled(x) && settled(y) {
				return true
			}
			if g := gap(x, y); g < r.For.Duration {
				a.add(r.Hard, r.Name(), x.item.Window, x.item.ID, "%s airs %s from %s; they share a %s", x.segment.ID, plainTime(g),
					y.segment.ID, r.Separate)
			}
			if r.Items > 0 && y.station == a.in.Station.ID && between < r.Items {
				a.add(r.Hard, r.Name(), x.item.Window, x.item.ID, "%d items are between %s and %s; they share a %s", between,
					x.segment.ID, y.segment.ID, r.Separate)
			}
			return true
		}
		for j := i - 1; j >= 0 && judge(j); j-- {
		}
		for j := i + 1; j < len(a.all) && judge(j); j++ {
		}
	}
}

// shares reports whether the segments have a common value of the attribute.
func shares(x, y *schedules.Segment, attribute string) bool {
	for _, v := range values(x, attribute) {
		if slices.Contains(values(y, attribute), v) {
			return true
		}
	}
	return false
}

func values(s *schedules.Segment, attribute string) []string {
	v := ""
	switch attribute {
	case "segment":
		v = s.ID
	case "series":
		v = s.Series
	case "voice":
		v = s.Voice
	case "kind":
		v = string(s.Kind)
	case "language":
		v = s.Language
	case "script":
		if s.Script != nil {
			v = s.Script.ID
		}
	case "tag":
		return s.Tags
	}
	if v == "" {
		return nil
	}
	return []string{v}
}

func matches(s *schedules.Segment, o schedules.Of) bool {
	for k, v := range o.Match {
		if !slices.Contains(values(s, k), v) {
			return false
		}
	}
	return len(o.Match) > 0
}

// follow checks that Only airs only after one of After has ended, and in time.
func (a *audit) follow(r schedules.Rule, clock string) {
	for i := range a.all {
		x := &a.all[i]
		if x.item == nil || a.final(*x.item) || x.clock != clock || !r.Only.Matches(x.segment) {
			continue
		}
		led := false
		for j := i - 1; j >= 0 && !led; j-- {
			y := &a.all[j]
			since := x.start.Sub(y.end)
			led = y.station == a.in.Station.ID && since >= 0 && (r.Within.Duration == 0 || since <= r.Within.Duration) &&
				matches(y.segment, r.After)
		}
		if !led {
			a.add(r.Hard, r.Name(), x.item.Window, x.item.ID, "%s does not follow %s in time", x.segment.ID, r.After)
		}
	}
}
