package schedules

import (
	"fmt"
	"slices"
	"time"
)

// Removals returns the items of a published rundown that must be removed, by id, with the reason: items that have not
// started by now and may no longer air, and the other items of their chains that have not started. It checks the
// language only of an item whose segment's language has changed, because the window allowed the item's own language
// when it was published.
func (l *Library) Removals(r Rundown, now time.Time) map[string]string {
	zone, _ := Zone(r.Timezone)
	var out map[string]string
	chains := map[string]string{}
	for i := range r.Items {
		item := &r.Items[i]
		if item.StartAt.Before(now) {
			continue
		}
		place := Place{Zone: zone, StartAt: item.StartAt.Time, EndAt: item.EndAt().Time, SHA256: item.SHA256}
		if s, ok := l.Segment(item.SegmentID); ok && s.Language != item.Language {
			if slot, ok := r.SlotOf(*item); ok {
				place.Languages = slot.Languages
			}
		}
		u := l.Airable(item.SegmentID, place)
		if u == nil {
			continue
		}
		if out == nil {
			out = map[string]string{}
		}
		out[item.ID] = u.Error()
		if item.Chain != "" {
			chains[item.Chain] = u.Error()
		}
	}
	for i := range r.Items {
		item := &r.Items[i]
		if why := chains[item.Chain]; why != "" && out[item.ID] == "" && !item.StartAt.Before(now) {
			out[item.ID] = "its chain airs whole or not at all: " + why
		}
	}
	return out
}

// orderBack is how far back a published item is held against what is newer. It is less than the 28 days that planning
// looks back: else what is removed here would be planned again, and removed again, without end.
const orderBack = 26 * 24 * time.Hour

// Outdated returns the items of a published rundown that must be removed because something newer is on before them, in
// the last 26 days: by id, with the reason, those that have not started by now and whose clock has a hard rule about
// that. on are airings of all stations.
func (l *Library) Outdated(r Rundown, clocks map[string]Clock, on []Airing, now time.Time) map[string]string {
	zone, _ := Zone(r.Timezone)
	out := map[string]string{}
	for _, item := range r.Items {
		slot, _ := r.SlotOf(item)
		s, ok := l.Segment(item.SegmentID)
		if !ok || item.StartAt.Before(now) {
			continue
		}
		for _, rule := range clocks[slot.Clock].Rules {
			if !rule.Hard || rule.InOrder != ByNewest || !rule.Only.Matches(&s) {
				continue
			}
			for _, a := range on {
				if newer, ok := l.Segment(a.SegmentID); ok && a.StartAt.Before(item.StartAt.Time) &&
					item.StartAt.Sub(a.StartAt.Time) <= orderBack &&
					newer.Ordered() && newer.Language == s.Language && newer.ValidFrom.After(s.ValidFrom.Time) &&
					(rule.Across || a.Station == r.Station) && rule.Only.Matches(&newer) {
					out[item.ID] = fmt.Sprintf("%s: is older than %s, which is on at %s on station %s", s.ID, newer.ID,
						Place{Zone: zone}.time(a.StartAt), a.Station)
				}
			}
		}
	}
	for _, item := range r.Items {
		if why := out[item.Chain]; why != "" && out[item.ID] == "" && !item.StartAt.Before(now) {
			out[item.ID] = "its chain airs whole or not at all: " + why
		}
	}
	return out
}

// WithoutItems returns the rundown without the items with those ids, and otherwise unchanged. Warnings mark the open
// time that is still to come at now, in which the station airs its fallback.
func (r Rundown) WithoutItems(ids map[string]string, now time.Time) Rundown {
	r.Items = slices.DeleteFunc(slices.Clone(r.Items), func(i Item) bool { return ids[i.ID] != "" })
	r.SumWindows()
	r.WarnOpen(now)
	return r
}

// warnOver returns one warning about all windows that were over before they were published.
func warnOver(zone string, late []Slot) Warning {
	w := Warning{Code: WarnOver, Window: late[0].Window}
	if len(late) == 1 {
		w.Message = fmt.Sprintf("The window of %s was over before it was published, and is not in the queue.",
			WallTime(zone, late[0].StartAt))
		return w
	}
	if slices.ContainsFunc(late, func(s Slot) bool { return s.Window != w.Window }) {
		w.Window = ""
	}
	w.Message = fmt.Sprintf("%d windows, from that of %s to that of %s, were over before they were published, and are "+
		"not in the queue.",
		len(late), WallTime(zone, late[0].StartAt), WallTime(zone, late[len(late)-1].StartAt))
	return w
}

// Onto returns the rundown as it can be published at now over the published one, which may be empty. The past does not
// change: an item or window that is over stays as published, or is left out if it was not. Windows that were over
// before anything was published were never promised, so nothing in them is missed or owed.
func (r Rundown) Onto(published Rundown, now time.Time) Rundown {
	var windows []Slot
	var items []Item
	var late []Slot // over, and never published
	over := func(end Instant) bool { return !end.After(now) }
	for _, s := range published.Windows {
		if over(s.EndAt) {
			windows = append(windows, s)
		}
	}
	for _, s := range r.Windows {
		if !over(s.EndAt) {
			windows = append(windows, s)
		} else if !slices.ContainsFunc(windows, func(p Slot) bool {
			return p.Window == s.Window &&
				p.StartAt.Equal(s.StartAt.Time)
		}) {
			late = append(late, s)
		}
	}
	if len(late) > 0 {
		r.Warnings = append(slices.Clone(r.Warnings), warnOver(r.Timezone, late))
	}
	for _, i := range published.Items {
		if over(i.EndAt()) {
			items = append(items, i)
		}
	}
	for _, i := range r.Items {
		if !over(i.EndAt()) {
			items = append(items, i)
		}
	}
	slices.SortStableFunc(windows, func(a, b Slot) int { return a.StartAt.Compare(b.StartAt.Time) })
	slices.SortStableFunc(items, func(a, b Item) int { return a.StartAt.Compare(b.StartAt.Time) })
	r.Windows, r.Items = windows, items
	r.SumWindows()
	return r
}

// Open returns the intervals [from, to) of the windows that no item fills, in order. It omits time at a window's end
// that the tolerance covers.
func (r Rundown) Open() []Occurrence {
	var out []Occurrence
	for _, s := range r.Windows {
		at := s.StartAt
		open := func(until Instant, least time.Duration) {
			if until.Sub(at.Time) > least {
				o := s.Occurrence
				o.StartAt, o.EndAt = at, until
				out = append(out, o)
			}
		}
		for _, i := range r.Items {
			if i.Window == s.Window && s.Contains(i.StartAt.Time) {
				open(i.StartAt, 0)
				at = later(at, i.EndAt())
			}
		}
		open(s.EndAt, s.Tolerance.Duration)
	}
	return out
}

// SumWindows computes the air time of each window's items.
func (r *Rundown) SumWindows() {
	r.Windows = slices.Clone(r.Windows)
	for k := range r.Windows {
		s := &r.Windows[k]
		s.Planned = Millis{}
		for _, i := range r.Items {
			if i.Window == s.Window && s.Contains(i.StartAt.Time) {
				s.Planned.Duration += i.Duration.Duration
			}
		}
	}
}

// WarnOpen replaces the warnings about open time by those for the time that is still to come, and removes warnings
// about items that are gone.
func (r *Rundown) WarnOpen(now time.Time) {
	there := map[string]bool{}
	for _, i := range r.Items {
		there[i.ID] = true
	}
	r.Warnings = slices.DeleteFunc(slices.Clone(r.Warnings), func(w Warning) bool {
		return w.Item != "" && !there[w.Item] || w.Item == "" && (w.Code == WarnGap || w.Code == WarnStopped)
	})
	for _, o := range r.Open() {
		if o.EndAt.After(now) {
			r.Warnings = append(r.Warnings, Warning{Code: WarnGap, Window: o.Window,
				Message: fmt.Sprintf("No item fills the time from %s to %s: the station airs its fallback there.",
					WallTime(r.Timezone, o.StartAt), WallTime(r.Timezone, o.EndAt))})
		}
	}
}
