package scheduling

import (
	"fmt"
	"slices"
	"time"

	"lifeline/internal/fallback"
	"lifeline/internal/fault"
	"lifeline/internal/replica"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// Lists returns what airs as plain lists, for players that know only lists, and decides which recordings a station may
// fetch.
type Lists struct{ *core }

// StationHears reports whether a station's queues or fallback list name a recording, so that the station may fetch it.
// A station may not fetch a recalled recording, even while the queues are not repaired yet.
func (s *Lists) StationHears(station, sha256 string) bool {
	recalled := s.recalled()
	names := func(items []wire.QueueItem) bool {
		return slices.ContainsFunc(items, func(i wire.QueueItem) bool {
			return i.Audio.SHA256 == sha256 && !recalled(&i)
		})
	}
	if row, ok := replica.FallbacksIn(s.replica).Get(station); ok && names(row.Value.Value.Items) {
		return true
	}
	for _, row := range replica.QueuesIn(s.replica).After(station+"/", "") {
		if names(row.Value.Value.Items) || names(row.Value.Value.Fallback) {
			return true
		}
	}
	return false
}

// Listed returns what a queue airs on a station that holds no lease, for players that know only lists. Items of the
// fallback, chosen by the player's own rule, replace each item that may not air, all items of its chain, and open time
// in a window. A withdrawn day has the windows of the definitions, in which the fallback airs in rotation. The first
// item that replaces another has the other's id, so that a report of it counts for that item. The id of an item in open
// time starts with "open-" and is in no queue, so that a report of it counts as an extra airing.
func (s *Lists) Listed(q wire.Queue) []wire.QueueItem {
	windows := q.Windows
	if q.Withdrawn {
		windows = s.definedOn(q.Station, q.Date)
	}
	l := listing{station: q.Station, planned: !q.Withdrawn, bars: s.barred(), fallbackItems: s.fallbackOf(q)}
	in := make([][]wire.QueueItem, len(windows))
	for _, i := range q.Items {
		w := slices.IndexFunc(windows, func(w schedules.Slot) bool {
			return i.Window == w.Window && !i.StartAt.Before(w.StartAt.Time) && i.StartAt.Before(w.EndAt.Time)
		})
		if w < 0 { // players do not air it, but it was published
			l.out = append(l.out, i)
			continue
		}
		in[w] = append(in[w], i)
	}
	for n, w := range windows {
		l.window(w.Occurrence, in[n])
	}
	slices.SortStableFunc(l.out, func(a, b wire.QueueItem) int { return a.StartAt.Compare(b.StartAt.Time) })
	return withAirGain(l.out)
}

// withAirGain sets the gain of each item to the one with which it airs.
func withAirGain(items []wire.QueueItem) []wire.QueueItem {
	for n := range items {
		items[n].GainDB = items[n].AirGain()
	}
	return items
}

// FallbackListed returns the items of a fallback list that may air on a station that holds no lease.
func (s *Lists) FallbackListed(f wire.Fallback) []wire.QueueItem {
	barred, now := s.barred(), s.now()
	return withAirGain(slices.DeleteFunc(slices.Clone(f.Items), func(i wire.QueueItem) bool { return barred(&i, now) }))
}

// barred returns a function that reports whether an item that ends at an instant may not air on a station that holds no
// lease. A segment may have become sensitive after the item was published.
func (s *Lists) barred() func(i *wire.QueueItem, end time.Time) bool {
	recalled, segments := s.recalled(), replica.SegmentsIn(s.replica)
	return func(i *wire.QueueItem, end time.Time) bool {
		row, _ := segments.Get(i.SegmentID)
		return i.Sensitive || row.Value.Sensitive || recalled(i) || !i.NotAfter.IsZero() && end.After(i.NotAfter.Time)
	}
}

// recalled returns a function that reports whether the segment or the recording of an item is recalled.
func (s *Lists) recalled() func(*wire.QueueItem) bool {
	row, _ := replica.RecallsIn(s.replica).Get(replica.RecallsID)
	off := make(map[string]bool, 2*len(row.Value.Value.Segments))
	for _, r := range row.Value.Value.Segments {
		off[r.SegmentID] = true
		if r.SHA256 != "" {
			off[r.SHA256] = true
		}
	}
	return func(i *wire.QueueItem) bool { return off[i.SegmentID] || off[i.Audio.SHA256] }
}

// fallbackOf returns the list that fills the gaps of a queue: the station's fallback list, or the queue's own if the
// station's has no items.
func (s *Lists) fallbackOf(q wire.Queue) []wire.QueueItem {
	if f, ok := replica.FallbacksIn(s.replica).Get(q.Station); ok && len(f.Value.Value.Items) > 0 {
		return f.Value.Value.Items
	}
	return q.Fallback
}

// listing collects the items that air in the windows of a day.
type listing struct {
	station       string
	planned       bool // the windows come from a queue that is not withdrawn
	bars          func(i *wire.QueueItem, end time.Time) bool
	fallbackItems []wire.QueueItem
	last          string // segment that last filled a gap in the window
	out           []wire.QueueItem
}

// window appends the items of a window and the fallback items that fill its gaps.
func (l *listing) window(w schedules.Occurrence, items []wire.QueueItem) {
	l.last = ""
	slices.SortStableFunc(items, func(a, b wire.QueueItem) int { return a.StartAt.Compare(b.StartAt.Time) })
	broken := map[string]bool{}
	for n := range items {
		if i := &items[n]; i.Chain != "" && l.bars(i, endOf(*i)) {
			broken[i.Chain] = true
		}
	}
	at := w.StartAt.Time
	for _, i := range items {
		l.open(w, at, i.StartAt.Time)
		end := endOf(i)
		if broken[i.Chain] || l.bars(&i, end) {
			l.fill(w, i, end)
		} else {
			l.out = append(l.out, i)
		}
		if end.After(at) {
			at = end
		}
	}
	l.open(w, at, w.EndAt.Time)
}

// open fills the open time [from, to).
func (l *listing) open(w schedules.Occurrence, from, to time.Time) {
	start := schedules.At(from)
	id := "open-" + schedules.ItemID(l.station, start, w.Window, schedules.Millis{}, "")
	l.fill(w, wire.QueueItem{ID: id, Window: w.Window, StartAt: &start, Start: schedules.Follow}, to)
}

// fill appends the fallback items that replace item until the given instant.
func (l *listing) fill(w schedules.Occurrence, item wire.QueueItem, until time.Time) {
	at := item.StartAt.Time
	for n := 1; ; n++ {
		gap := fallback.Gap{At: at, End: until, Planned: l.planned, Window: w.StartAt.Time, Last: l.last}
		picked, _ := gap.Pick(l.fallbackItems, func(i *wire.QueueItem, lasts time.Duration) bool {
			return !l.bars(i, at.Add(lasts))
		})
		if picked == nil {
			return
		}
		next, start := *picked, schedules.At(at)
		l.last = next.SegmentID
		if over := next.Duration.Duration - until.Sub(at); over > 0 {
			next.Duration.Duration -= over
			next.CueOut.Duration -= over
			next.FadeOut.Duration = min(fallback.Fade, next.Duration.Duration)
		}
		next.ID, next.Window, next.Position, next.Start = item.ID, item.Window, item.Position, schedules.Follow
		next.StartAt, next.StartMs = &start, start.UnixMilli()
		if n == 1 {
			next.Start, next.Grace = item.Start, item.Grace
		} else {
			next.ID = fmt.Sprintf("%s.%d", item.ID, n)
		}
		l.out = append(l.out, next)
		at = endOf(next)
	}
}

// Next returns the item that follows the item after in the station's published days, as Listed returns them, or, if
// after is empty, the item that airs now or next. ok is false at the end of the published days. It fails with NotFound
// if no published day has the item after, which may have been recalled since.
func (s *Lists) Next(station, after string) (item wire.QueueItem, ok bool, err error) {
	if _, err := s.network.Station(station); err != nil {
		return item, false, err
	}
	var items []wire.QueueItem
	for _, row := range replica.QueuesIn(s.replica).After(station+"/", "") {
		items = append(items, s.Listed(row.Value.Value)...)
	}
	slices.SortStableFunc(items, func(a, b wire.QueueItem) int { return a.StartAt.Compare(b.StartAt.Time) })
	now := s.now()
	at := slices.IndexFunc(items, func(i wire.QueueItem) bool { return now.Before(endOf(i)) })
	if after != "" {
		if at = slices.IndexFunc(items, func(i wire.QueueItem) bool { return i.ID == after }); at < 0 {
			return item, false, fault.New(fault.NotFound, "no published day has an item %q: ask without after for what airs now",
				after)
		}
		at++
	}
	if at < 0 || at == len(items) {
		return item, false, nil
	}
	return items[at], true, nil
}

func endOf(i wire.QueueItem) time.Time { return i.StartAt.Add(i.Duration.Duration) }

// definedOn returns the windows of a day by the definitions, or none if they cannot be read.
func (s *Lists) definedOn(station string, date schedules.Date) (out []schedules.Slot) {
	st, err := s.network.Station(station)
	if err != nil {
		return nil
	}
	occurrences, err := st.OccurrencesOn(date)
	if err != nil {
		return nil
	}
	for _, o := range occurrences {
		out = append(out, schedules.Slot{Occurrence: o})
	}
	return out
}
