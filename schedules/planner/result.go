package planner

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"lifeline/schedules"
)

// resultPass writes the planned day with its explanations, warnings and report.
type resultPass struct{ *planner }

// result returns the settled units as a rundown with its explanations.
func (p resultPass) result() Plan {
	slices.SortStableFunc(p.placed, func(a, b placed) int { return cmp.Compare(a.start, b.start) })
	r := schedules.Rundown{Station: p.in.Station.ID, Date: p.in.Date, Timezone: p.in.Station.Timezone,
		Status: schedules.Draft, Seed: p.in.Seed,
		Windows: make([]schedules.Slot, len(p.day.windows)), Clocks: map[string]schedules.Clock{},
		Items: make([]schedules.Item, 0, len(p.placed)+len(p.placed)/4), Warnings: []schedules.Warning{}}
	explanations := make([]schedules.Explanation, 0, cap(r.Items))
	var bent bending
	for i := range p.day.windows {
		w := &p.day.windows[i]
		r.Windows[i] = schedules.Slot{Occurrence: w.Occurrence, Tolerance: schedules.Ms(w.tolerance), Languages: w.languages,
			Clock: w.clock.ID, Repeats: w.repeatOf}
		if w.clock.ID != "" {
			r.Clocks[w.clock.ID] = w.definedClock
		}
	}
	for i := range p.placed {
		first := len(r.Items)
		r.Items, explanations = p.write(&p.placed[i], r.Items, explanations)
		bent.add(int(p.placed[i].win), p.day.windows[p.placed[i].win].rules, explanations[first:])
		for _, item := range r.Items[first:] {
			slot := &r.Windows[p.placed[i].win]
			slot.Planned.Duration += item.Duration.Duration
		}
	}
	p.warnings = append(append(p.warnings, p.short.warnings()...), bent.warnings()...)
	p.warnPosts(r.Items)
	p.warnClockChanges()
	p.tellExceptions()
	r.Warnings = append(r.Warnings, p.warnings...)
	p.in.MarkMakeGoods(r.Items)
	return Plan{Rundown: r, Explanations: explanations, Report: p.report(r.Items, explanations)}
}

// write appends the unit's items and their explanations.
func (p resultPass) write(pl *placed, items []schedules.Item, explanations []schedules.Explanation) ([]schedules.Item,
	[]schedules.Explanation) {
	w := &p.day.windows[pl.win]
	x := schedules.Explanation{Window: w.Window, Choice: pl.choice, Place: pl.place, DueRank: pl.rank,
		LastAired: instant(pl.since)}
	if pl.kept != nil {
		x.Item, x.Position, x.SegmentID, x.Why = pl.kept.ID, pl.kept.Position, pl.kept.SegmentID,
			"The plan had to keep this item."
		return append(items, *pl.kept), append(explanations, x)
	}
	at := pl.start
	chain := ""
	if pl.unit.n > 1 {
		lead := at
		for _, m := range pl.unit.members[:pl.unit.n] {
			if m == pl.unit.main {
				chain = schedules.ItemID(p.in.Station.ID, w.StartAt, pl.position.ID, schedules.Ms(lead-w.start), p.name(m))
			}
			lead += p.lib.entries[m].ms
		}
	}
	for k, m := range pl.unit.members[:pl.unit.n] {
		e := p.lib.entries[m]
		item := schedules.Item{ID: schedules.ItemID(p.in.Station.ID, w.StartAt, pl.position.ID, schedules.Ms(at-w.start),
			e.ID), Window: w.Window, Position: pl.position.ID,
			SegmentID: e.ID, SHA256: e.Recording.SHA256, Kind: e.Kind, Language: e.Language, Title: e.Title, Voice: e.Voice,
			StartAt: instant(at), Start: schedules.Follow, Duration: schedules.Ms(e.ms), CueIn: e.Recording.CueIn,
			CueOut:   e.Recording.CueOut,
			NotAfter: p.notAfter(m), Chain: chain}
		if k == 0 && pl.position.At != nil {
			item.Start, item.Grace = cmp.Or(pl.position.Start, schedules.Hard), pl.position.Grace
		}
		if k == pl.unit.n-1 && pl.trim > 0 {
			item.Duration = schedules.Ms(e.ms - pl.trim)
			item.CueOut = schedules.Ms(item.CueOut.Milliseconds() - pl.trim)
			item.FadeOut = schedules.Ms(min(item.Duration.Milliseconds(), max(pl.position.FadeMax.Milliseconds(), pl.trim)))
			if pl.trim > pl.position.FadeMax.Milliseconds() {
				p.warn(schedules.WarnCutAtPost, w.Window, item.ID,
					"The item after %s starts at a fixed time and cuts off its last %s.", e.ID, length(pl.trim))
			}
		}
		x.Item, x.Position, x.SegmentID, x.Chain = item.ID, item.Position, e.ID, nil
		if pl.unit.n > 1 {
			for _, o := range pl.unit.members[:pl.unit.n] {
				x.Chain = append(x.Chain, p.name(o))
			}
		}
		x.Airings = int(p.airingCounts[m])
		if pl.queue != nil {
			x.Deficit = pl.queue.mean - float64(p.airingCounts[m])
		}
		p.figures(pl, w, m, at, &x)
		x.Why = p.why(pl, &x) + episode(e, x.LastAired)
		if pl.fallback {
			p.short.add(pl.win, pl.position.ID, item)
		}
		items, explanations = append(items, item), append(explanations, x)
		at += e.ms
	}
	return items, explanations
}

// notAfter returns when the segment must have ended: the earliest of its own limits, including those of its passages,
// and the ends of its campaigns.
func (p resultPass) notAfter(m int32) schedules.Instant {
	until := p.lib.entries[m].Life.Until
	for _, k := range p.campaignEnds {
		if k.members.has(m) {
			if until.IsZero() || k.until < until.UnixMilli() {
				until = instant(k.until)
			}
		}
	}
	return until
}

// figures records how far each rule is from refusing the item in the finished day.
func (p resultPass) figures(pl *placed, w *window, m int32, at int64, x *schedules.Explanation) {
	own := span{at, at + p.lib.entries[m].ms, m, pl.win, false}
	p.removeAirings(pl.unit, pl.start, pl.win)
	t := trial{seg: m, start: own.start, end: own.end, ms: own.end - own.start, win: pl.win}
	for i := range w.rules.rules {
		r := &w.rules.rules[i]
		f := w.rules.apply(r, t, p.airings)
		if f == (finding{}) || f.has == maxTime {
			continue
		}
		s := schedules.Slack{Rule: r.name, Unit: r.unit(), Need: f.need, Has: f.has}
		if f.broken && !r.hard {
			x.Bent = append(x.Bent, s)
		} else {
			x.Slacks = append(x.Slacks, s)
		}
	}
	p.addAirings(pl.unit, pl.start, pl.win)
}

// why says in sentences why the item is in its place.
func (p resultPass) why(pl *placed, x *schedules.Explanation) string {
	c := pl.choice
	since := "It has never aired."
	if !x.LastAired.IsZero() {
		since = "It last aired at " + x.LastAired.Wall(p.day.loc) + "."
	}
	switch c.Method {
	case schedules.MethodFixed:
		return "The clock names this segment."
	case schedules.MethodDemand:
		return fmt.Sprintf("It meets the demand %q. %s", c.For, since)
	case schedules.MethodClosing:
		return first(pl.position.Prefer, x.DueRank) + " " + since + " " + closes(c)
	}
	return first(pl.position.Prefer, x.DueRank) + " " + since
}

// episode says which episode an item is, and whether it has aired before. It is empty for other segments.
func episode(e *entry, before schedules.Instant) string {
	switch {
	case e.Episode == 0:
		return ""
	case before.IsZero():
		return fmt.Sprintf(" It is episode %d of %s.", e.Episode, e.Series)
	}
	return fmt.Sprintf(" It repeats episode %d of %s.", e.Episode, e.Series)
}

// first says how many candidates came before one of that rank.
func first(prefer string, rank int) string {
	best, more := "the most overdue segment", "more overdue"
	switch prefer {
	case schedules.ByNewest:
		best, more = "the newest segment", "newer"
	case schedules.ByOldest:
		best, more = "the oldest segment", "older"
	case schedules.ByEpisode:
		best, more = "the episode whose turn it was", "before it in order"
	}
	switch rank {
	case 0:
		return "It was " + best + "."
	case 1:
		return "1 segment was " + more + "."
	}
	return strconv.Itoa(rank) + " segments were " + more + "."
}

// closes says what time the set of a closing fills, and how exactly.
func closes(c *schedules.Choice) string {
	with := "Alone it"
	if others := len(c.Aired) - 1; others > 0 {
		with = "With " + counted(others, "other segment") + " it"
	}
	off := "exactly"
	switch ms := (c.Residual.Duration - c.Faded.Duration).Milliseconds(); {
	case ms > 0:
		off = "and is " + length(ms) + " too long"
	case ms < 0:
		off = "and is " + length(-ms) + " too short"
	}
	return fmt.Sprintf("%s fills %s %s.", with, schedules.FormatLength(c.Target.Duration), off)
}

// length returns a number of milliseconds as minutes and seconds.
func length(ms int64) string { return schedules.FormatLength(schedules.Ms(ms).Duration) }

// lateness returns by how much something is late or early.
func lateness(ms int64) string {
	if ms < 0 {
		return length(-ms) + " early"
	}
	return length(ms) + " late"
}

// warnPosts warns of hard posts that start early or late because no segments fill the time before them exactly.
func (p resultPass) warnPosts(items []schedules.Item) {
	for i := range p.placed {
		pl := &p.placed[i]
		if pl.kept != nil || pl.position.At == nil || pl.position.Start == schedules.Soft {
			continue
		}
		w := &p.day.windows[pl.win]
		if off := pl.start - w.start - pl.position.At.Milliseconds(); off != 0 {
			p.warn(schedules.WarnPostOff, w.Window, "", "Post %s starts %s, within the window's tolerance: no segments fill "+
				"the time before it exactly.", pl.position.ID, lateness(off))
		}
	}
}

// tellExceptions tells what is different on this day.
func (p resultPass) tellExceptions() {
	for _, e := range p.in.Station.ExceptionsOn(p.in.Date) {
		p.warn(schedules.WarnException, e.Window, "", "%s.", e.Say())
	}
}

// warnClockChanges warns of each window that a change of clocks affects.
func (p resultPass) warnClockChanges() {
	changes, err := p.in.Station.ClockChanges(instant(p.day.start).Time, instant(p.day.end).Time)
	if err != nil {
		return // planning would have failed
	}
	for _, c := range changes {
		p.warn(schedules.WarnClockChange, c.Window, "", "%s.", c.Say(p.day.loc))
	}
}
