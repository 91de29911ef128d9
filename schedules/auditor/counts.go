package auditor

import (
	"maps"
	"slices"
	"time"

	"lifeline/schedules"
)

// count checks at_most, at_least and share over the rule's period: the given window, or the day, the week or a daypart
// of the windows that follow the same clock.
func (a *audit) count(r schedules.Rule, w *window) {
	if r.Per == "daypart" && r.Daypart != nil {
		for n := -1; n <= 1; n++ {
			from, until := r.Daypart.On(a.in.Date.AddDays(n), a.zone)
			a.tally(r, w, a.between(from, until), func(*airing) bool { return true }, n == 0)
		}
		return
	}
	if r.Per == "window" {
		if w.repeats { // it is not planned to have as much as others, but may not have more
			r.AtLeast = nil
			if r.Share != nil {
				r.Share = &schedules.Share{Most: r.Share.Most}
			}
		}
		a.tally(r, w, a.between(w.StartAt.Time, w.EndAt.Time), func(x *airing) bool { return x.window == w }, true)
		return
	}
	from, until := a.week()
	if r.Per != "week" {
		var err error
		if from, until, err = a.in.Station.DayBounds(a.in.Date); err != nil {
			return
		}
	}
	in := func(x *airing) bool {
		lasts := !x.start.Before(from) && x.start.Before(until)
		return x.item != nil || lasts && (r.Per == "week" || x.station != a.in.Station.ID)
	}
	if r.Per == "week" && r.AtLeast != nil { // the week's later windows may still provide the missing airings
		later := a.stillPossible(r, w.Clock, until)
		if r.Of.Each != "" && later > 0 {
			return
		}
		least := max(*r.AtLeast-later, 0)
		due := r
		due.AtLeast, due.ID = &least, r.Name()
		r = due
	}
	first, last := a.day()
	a.tally(r, w, a.between(earliest(from, first), latest(until, last)), in, true)
}

// stillPossible returns an upper bound of the counted airings that the windows of the clock can still provide, from the
// end of the day to the end of the week. Windows that are already planned count with their actual items.
func (a *audit) stillPossible(r schedules.Rule, clock schedules.Clock, until time.Time) (most int) {
	_, end, err := a.in.Station.DayBounds(a.in.Date)
	if err != nil || !end.Before(until) {
		return 0
	}
	occurrences, err := a.in.Station.AirTimes(end, until)
	if err != nil {
		return 0
	}
	type like struct {
		window string
		length time.Duration
	}
	known := map[like]int{}
	for _, o := range occurrences {
		def := *o.Terms
		planned := slices.ContainsFunc(a.between(o.StartAt.Time, o.EndAt.Time), func(x airing) bool {
			return x.item == nil &&
				x.station == a.in.Station.ID
		})
		if def.Clock != clock.ID || def.Repeats != nil || planned {
			continue
		}
		k := like{o.Occurrence.Window + " " + def.Clock, o.EndAt.Sub(o.StartAt.Time)}
		gives, ok := known[k]
		if !ok {
			for _, p := range clock.Positions {
				gives += a.mostOf(r, p, def, k.length)
			}
			known[k] = gives
		}
		most += gives
	}
	return most
}

// mostOf returns an upper bound of the counted airings that a position can provide.
func (a *audit) mostOf(r schedules.Rule, p schedules.Position, w schedules.Window, length time.Duration) int {
	counted := func(s schedules.Segment) bool {
		return s.State == schedules.Approved && r.Only.Matches(&s) && (r.Of.Each != "" || matches(&s, r.Of)) &&
			s.Recording.AirTime().Duration > 0
	}
	languages := w.Languages
	if len(languages) == 0 {
		languages = a.in.Station.Languages
	}
	shortest, found := time.Duration(0), false
	for _, s := range a.in.Library.Segments() {
		spare := p.Fill != nil && slices.Contains(a.in.Station.Fallback, s.ID)
		if !speaks(s.Language, languages) || !spare && (p.Segment != "" && p.Segment != s.ID || p.Pick != nil &&
			!p.Pick.Matches(&s) || p.Fill != nil && !p.Fill.Matches(&s)) {
			continue
		}
		unit := []schedules.Segment{s}
		for _, id := range []string{s.Intro, s.BackAnnounce} {
			if m, ok := a.in.Library.Segment(id); ok && p.Chain {
				unit = append(unit, m)
			}
		}
		for _, m := range unit {
			if t := m.Recording.AirTime().Duration; counted(m) && (!found || t < shortest) {
				shortest, found = t, true
			}
		}
	}
	switch {
	case !found:
		return 0
	case p.Fill != nil:
		return int((length+w.Tolerance.Duration+p.FadeMax.Duration)/shortest) + 1
	case p.Chain:
		return 3
	}
	return 1
}

// week returns the week around the rundown's day, from Monday to Monday.
func (a *audit) week() (from, until time.Time) {
	d := a.in.Date
	for time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC).Weekday() != time.Monday {
		d = d.AddDays(-1)
	}
	from, _, _ = a.in.Station.DayBounds(d)
	until, _, _ = a.in.Station.DayBounds(d.AddDays(7))
	return from, until
}

// tally counts the airings in the period. Too many airings are a violation only if one of them is an item that can
// still change. Too few are a violation only if due, and a hard one only if a window that follows the clock can still
// change.
func (a *audit) tally(r schedules.Rule, w *window, all []airing, in func(*airing) bool, due bool) {
	closed := a.clockFinal(w.Clock.ID) || r.Per == "window" && (w.over || w.Published)
	number, length, own := map[string]int{}, time.Duration(0), map[string]bool{}
	for i := range all {
		x := &all[i]
		if !in(x) || x.repeat && r.Per != "window" || x.clock != "" && x.clock != w.Clock.ID ||
			x.station != a.in.Station.ID && !r.Across || !r.Only.Matches(x.segment) {
			continue
		}
		keys := []string{""}
		if r.Of.Each != "" {
			keys = values(x.segment, r.Of.Each)
		} else if !matches(x.segment, r.Of) {
			continue
		}
		for _, k := range keys {
			number[k]++
			own[k] = own[k] || x.item != nil && !a.final(*x.item)
		}
		length += x.end.Sub(x.start)
	}
	if r.Of.Each == "" {
		number[""] += 0
	}
	if r.Of.Each != "" && r.AtLeast != nil {
		for _, s := range a.in.Library.Segments() {
			if s.State == schedules.Approved && r.Only.Matches(&s) {
				for _, v := range values(&s, r.Of.Each) {
					number[v] += 0
				}
			}
		}
	}
	for _, k := range slices.Sorted(maps.Keys(number)) {
		if r.AtMost != nil && number[k] > *r.AtMost && own[k] {
			a.add(r.Hard, r.Name(), w.Window, "", "%d of %s %s", number[k], r.Of, k)
		}
		if r.AtLeast != nil && due && number[k] < *r.AtLeast {
			a.add(r.Hard && !closed, r.Name(), w.Window, "", "only %d of %s %s", number[k], r.Of, k)
		}
	}
	if r.Share != nil {
		var hired time.Duration
		for i := range a.windows {
			if x := &a.windows[i]; x.Clock.ID == w.Clock.ID && (r.Per == "window" && x == w || r.Per != "window" && !x.repeats) {
				hired += x.EndAt.Sub(x.StartAt.Time)
			}
		}
		part := float64(length) / float64(hired)
		if part < r.Share.Least-1e-6 || r.Share.Most > 0 && part > r.Share.Most+1e-6 {
			a.add(r.Hard && !closed, r.Name(), w.Window, "", "%s has %.4f of the air time", r.Of, part)
		}
	}
}

// owed returns the number of a day's airings that fall into the campaign's time: proportional to the minutes of the
// windows' air time in the daypart, rounded down. A day without air time owes none.
func (a *audit) owed(c schedules.Campaign, number int, part *schedules.Daypart) int {
	var all, lasts time.Duration
	for i := range a.windows {
		w := &a.windows[i]
		if w.repeats {
			continue
		}
		spans := [][2]time.Time{{w.StartAt.Time, w.EndAt.Time}}
		if part != nil {
			spans = nil
			for n := -1; n <= 2; n++ {
				from, until := part.On(a.in.Date.AddDays(n), a.zone)
				spans = append(spans, [2]time.Time{latest(from, w.StartAt.Time), earliest(until, w.EndAt.Time)})
			}
		}
		for _, s := range spans {
			all += max(s[1].Sub(s[0]), 0)
			if !c.From.IsZero() {
				s[0] = latest(s[0], c.From.Time)
			}
			if !c.Until.IsZero() {
				s[1] = earliest(s[1], c.Until.Time)
			}
			lasts += max(s[1].Sub(s[0]), 0)
		}
	}
	if all == 0 {
		return 0
	}
	return int(int64(number) * lasts.Milliseconds() / all.Milliseconds())
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// campaigns checks the guarantees of campaigns and the make-goods that are owed.
func (a *audit) campaigns() {
	start, end, err := a.in.Station.DayBounds(a.in.Date)
	if err != nil {
		return
	}
	closed := !slices.ContainsFunc(a.windows, func(w window) bool { return !w.over && !w.Published })
	for _, c := range sortedCampaigns(a.in) {
		if !concerns(c, a.in.Station.ID) || !c.From.IsZero() && !c.From.Before(end) || !c.Until.IsZero() &&
			!c.Until.After(start) {
			continue
		}
		count := func(in func(schedules.Item) bool) (n int) {
			for _, i := range a.r.Items {
				lasts := (c.From.IsZero() || !i.StartAt.Before(c.From.Time)) && (c.Until.IsZero() || i.StartAt.Before(c.Until.Time))
				if s, ok := a.in.Library.Segment(i.SegmentID); ok && lasts && i.Repeats == "" && c.Of.Matches(&s) && in(i) {
					n++
				}
			}
			return n
		}
		if n, owed := count(func(schedules.Item) bool { return true }), a.owed(c, c.AtLeast, nil); n < owed {
			a.add(c.Hard && !closed, "campaign "+c.ID, "", "", "airs %d times; %d are guaranteed", n, owed)
		}
		for _, p := range c.Dayparts {
			n := count(func(i schedules.Item) bool {
				return p.Contains(i.StartAt.Time, i.StartAt.Add(time.Millisecond), a.zone)
			})
			if owed := a.owed(c, p.AtLeast, &p.Daypart); n < owed {
				a.add(c.Hard && !closed, "campaign "+c.ID, "", "", "airs %d times in %s; %d are guaranteed", n, p.Daypart, owed)
			}
		}
	}
	for _, m := range a.in.Owed {
		if m.Station == a.in.Station.ID && !slices.ContainsFunc(a.r.Items,
			func(i schedules.Item) bool { return i.SegmentID == m.SegmentID }) {
			a.add(false, "make-good", "", "", "%s, missed at %s, is still owed", m.SegmentID, m.MissedAt)
		}
	}
}
