package auditor

import (
	"maps"
	"slices"
	"time"

	"lifeline/schedules"
)

// count checks at most, at least and share over the rule's period: the given window, or the day, the week or a
// daypart of the windows that follow the same clock.
func (a *audit) count(r schedules.Rule, w *window, all []airing) {
	if r.Per == "daypart" && r.Daypart != nil {
		for n := -1; n <= 1; n++ {
			from, until := r.Daypart.On(a.in.Date.AddDays(n), a.zone)
			a.tally(r, w, all, func(x airing) bool { return !x.start.Before(from) && x.start.Before(until) },
				func(x airing) bool { return x.item != nil && !x.start.Before(from) && x.start.Before(until) }, n == 0)
		}
		return
	}
	from, until := a.week()
	in := func(x airing) bool {
		switch r.Per {
		case "window":
			return x.window == w
		case "week":
			return x.item != nil || !x.start.Before(from) && x.start.Before(until)
		}
		if x.item == nil { // another station's
			start, end, err := a.in.Station.DayBounds(a.in.Date)
			return err == nil && x.station != a.in.Station.ID && !x.start.Before(start) && x.start.Before(end)
		}
		return true
	}
	last := r.Per != "week" || until.Sub(w.StartAt.Time) <= 25*time.Hour // only on Sunday is a week's count due
	a.tally(r, w, all, in, func(x airing) bool { return x.item != nil }, last)
}

// week is Monday to Monday around the rundown's day.
func (a *audit) week() (from, until time.Time) {
	d := a.in.Date
	for time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC).Weekday() != time.Monday {
		d = d.AddDays(-1)
	}
	from, _, _ = a.in.Station.DayBounds(d)
	until, _, _ = a.in.Station.DayBounds(d.AddDays(7))
	return from, until
}

// tally counts what is in the period. ours tells items of this rundown, without which nothing is said against it; due
// is when a least number must have been reached.
func (a *audit) tally(r schedules.Rule, w *window, all []airing, in, ours func(airing) bool, due bool) {
	number, length, own := map[string]int{}, time.Duration(0), map[string]bool{}
	for _, x := range all {
		if !in(x) || x.clock != "" && x.clock != w.clock.ID || x.station != a.in.Station.ID && !r.Across || !r.Only.Matches(&x.segment) {
			continue
		}
		keys := []string{""}
		if r.Of.Each != "" {
			keys = values(&x.segment, r.Of.Each)
		} else if !matches(&x.segment, r.Of) {
			continue
		}
		for _, k := range keys {
			number[k]++
			own[k] = own[k] || ours(x)
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
			a.say(r.Hard, r.Name(), w.Window, "", "%d of %s %s", number[k], r.Of, k)
		}
		if r.AtLeast != nil && due && number[k] < *r.AtLeast {
			a.say(r.Hard, r.Name(), w.Window, "", "only %d of %s %s", number[k], r.Of, k)
		}
	}
	if r.Share != nil {
		var hired time.Duration
		for i := range a.windows {
			if x := &a.windows[i]; x.clock.ID == w.clock.ID && (r.Per != "window" || x == w) {
				hired += x.EndAt.Sub(x.StartAt.Time)
			}
		}
		part := float64(length) / float64(hired)
		if part < r.Share.Least-1e-6 || r.Share.Most > 0 && part > r.Share.Most+1e-6 {
			a.say(r.Hard, r.Name(), w.Window, "", "%s has %.4f of the air time", r.Of, part)
		}
	}
}

// campaigns checks what campaigns guarantee and what make-goods are owed.
func (a *audit) campaigns() {
	start, end, err := a.in.Station.DayBounds(a.in.Date)
	if err != nil {
		return
	}
	for _, c := range sortedCampaigns(a.in) {
		if !concerns(c, a.in.Station.ID) || !c.From.IsZero() && !c.From.Before(end) || !c.Until.IsZero() && !c.Until.After(start) {
			continue
		}
		count := func(in func(schedules.Item) bool) (n int) {
			for _, i := range a.r.Items {
				if s, ok := a.in.Library.Segment(i.SegmentID); ok && c.Of.Matches(&s) && in(i) {
					n++
				}
			}
			return n
		}
		if n := count(func(schedules.Item) bool { return true }); n < c.AtLeast {
			a.say(c.Hard, "campaign "+c.ID, "", "", "airs %d times; %d are guaranteed", n, c.AtLeast)
		}
		for _, p := range c.Dayparts {
			n := count(func(i schedules.Item) bool {
				return p.Contains(i.StartAt.Time, i.StartAt.Add(time.Millisecond), a.zone)
			})
			if n < p.AtLeast {
				a.say(c.Hard, "campaign "+c.ID, "", "", "airs %d times in %s; %d are guaranteed", n, p.Daypart, p.AtLeast)
			}
		}
	}
	for _, m := range a.in.Owed {
		if m.Station == a.in.Station.ID && !slices.ContainsFunc(a.r.Items, func(i schedules.Item) bool { return i.SegmentID == m.SegmentID }) {
			a.say(false, "make-good", "", "", "%s, missed at %s, is still owed", m.SegmentID, m.MissedAt)
		}
	}
}
