package auditor

import (
	"slices"
	"time"

	"lifeline/schedules"
)

// positions checks that the items follow the clock: in its order, each position that is not elastic once, each with a
// segment that the position accepts, and posts at their time.
func (a *audit) positions(w *window) {
	reached := -1
	count := map[string]int{}
	for n, i := range w.items {
		if w.repeated(i) {
			continue
		}
		loose := i.Locked || a.kept(i) || a.refitted(w)
		at := slices.IndexFunc(w.Clock.Positions, func(p schedules.Position) bool { return p.ID == i.Position })
		if at < 0 {
			a.add(!loose, "position", w.Window, i.ID, "clock %s has no position %q", w.Clock.ID, i.Position)
			continue
		}
		p := w.Clock.Positions[at]
		if at < reached && !w.repeats {
			a.add(!loose, "position", w.Window, i.ID, "position %s comes after a later one of the clock", p.ID)
		}
		reached = max(reached, at)
		if n == 0 || i.Chain == "" || w.items[n-1].Chain != i.Chain {
			count[p.ID]++
		}
		if p.At != nil && (n == 0 || w.items[n-1].Position != p.ID) {
			a.post(w, i, p)
		}
		if i.Chain == "" || i.ID == i.Chain {
			a.asked(w, i, p, loose)
		}
	}
	if w.repeats {
		return
	}
	for _, p := range w.Clock.Positions {
		switch n := count[p.ID]; {
		case p.Fill != nil:
		case n == 0 && !p.Optional:
			a.add(!a.edited(w), "position", w.Window, "", "position %s of the window of %s is empty", p.ID, a.wall(w.StartAt))
		case n > 1:
			a.add(!a.edited(w), "position", w.Window, "", "position %s of the window of %s airs %d segments", p.ID,
				a.wall(w.StartAt), n)
		}
	}
}

// kept reports whether the item had to stay as it is.
func (a *audit) kept(i schedules.Item) bool { return a.keep[i.ID] || a.past(i) }

// edited reports whether the window was edited by hand.
func (a *audit) edited(w *window) bool {
	return w.Published || a.refitted(w) || slices.ContainsFunc(w.items, func(i schedules.Item) bool {
		return i.Locked ||
			a.kept(i)
	})
}

func (a *audit) post(w *window, i schedules.Item, p schedules.Position) {
	if a.final(i) {
		return
	}
	late := i.StartAt.Sub(w.StartAt.Add(p.At.Duration))
	var most time.Duration // zero for a hard post, which cuts the playing item and is always on time
	if p.Start == schedules.Soft {
		most = p.Grace.Duration
	}
	if late < 0 || late > most {
		a.add(true, "post", w.Window, i.ID, "post %s starts %s off its instant", p.ID, plainTime(late))
	}
	if i.Start == schedules.Follow {
		a.add(true, "post", w.Window, i.ID, "post %s does not start at its time but follows", p.ID)
	}
}

// asked checks the segment against its position. The station's fallback may replace a fill.
func (a *audit) asked(w *window, i schedules.Item, p schedules.Position, loose bool) {
	s, ok := a.in.Library.Segment(i.SegmentID)
	if !ok {
		return
	}
	switch {
	case p.Segment != "":
		if p.Segment != s.ID {
			a.add(!loose, "position", w.Window, i.ID, "position %s airs %s, not %s", p.ID, s.ID, p.Segment)
		}
	case p.Pick != nil:
		if !p.Pick.Matches(&s) {
			a.add(!loose, "position", w.Window, i.ID, "position %s asks for %s, and %s is not such a segment", p.ID,
				p.Pick, s.ID)
		}
	case p.Fill != nil:
		if !p.Fill.Matches(&s) {
			spare := slices.Contains(a.in.Station.Fallback, s.ID)
			a.add(!loose && !spare, "position", w.Window, i.ID, "position %s asks for %s, and %s is not such a segment",
				p.ID, p.Fill, s.ID)
		}
	}
}

// chains checks that every chain is complete, in order, contiguous and in one language, and that a position that asks
// for chains airs no reading without its companions.
func (a *audit) chains(w *window) {
	for n, i := range w.items {
		s, ok := a.in.Library.Segment(i.SegmentID)
		if !ok || a.final(i) {
			continue
		}
		at := slices.IndexFunc(w.Clock.Positions, func(p schedules.Position) bool { return p.ID == i.Position })
		asks := at >= 0 && w.Clock.Positions[at].Chain && (s.Intro != "" || s.BackAnnounce != "") &&
			(i.Chain == "" || i.Chain == i.ID)
		if i.Chain == "" {
			if asks && !w.repeated(i) {
				a.add(!i.Locked && !a.kept(i), "chain", w.Window, i.ID, "%s airs without its intro and back-announce", s.ID)
			}
			continue
		}
		if i.Chain != i.ID {
			if !slices.ContainsFunc(w.items, func(x schedules.Item) bool { return x.ID == i.Chain }) {
				a.add(true, "chain", w.Window, i.ID, "belongs to a chain whose reading is not there")
			}
			continue
		}
		var want []string
		for _, id := range []string{s.Intro, s.ID, s.BackAnnounce} {
			if id != "" {
				want = append(want, id)
			}
		}
		first := n
		for first > 0 && w.items[first-1].Chain == i.Chain {
			first--
		}
		var have []string
		for _, x := range w.items[first:] {
			if x.Chain != i.Chain {
				break
			}
			have = append(have, x.SegmentID)
			if x.Language != s.Language && x.Language != "zxx" {
				a.add(true, "chain", w.Window, x.ID, "is in %s, its reading in %s", x.Language, s.Language)
			}
		}
		if !slices.Equal(want, have) {
			a.add(true, "chain", w.Window, i.ID, "the chain of %s airs %v, not %v", s.ID, have, want)
		}
	}
}

// gap returns the time between two airings; it is negative if they overlap.
func gap(a, b *airing) time.Duration {
	if b.start.Before(a.start) {
		a, b = b, a
	}
	return b.start.Sub(a.end)
}
