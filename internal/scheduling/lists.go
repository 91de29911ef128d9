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

// Lists tells what airs, for players that know only lists, and what a station may fetch.
type Lists struct{ *core }

// StationHears reports whether a station's queues or fallback name a recording, so that it may fetch it. What is
// recalled it may not, though the queues are still to be repaired.
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

// Listed is what a queue airs on a station that holds no lease, for players that know only lists: its items and, in the
// place of each that may not air, of all of its chain, and of the time of a window that no item fills, items of the
// fallback by the player's own rule. A withdrawn day has the windows of the definitions, in which the fallback airs in
// rotation. The first item in another's place has that one's id, so that a report of it is one of that item. The id of
// one in open time starts with "open-" and is in no queue, so that a report of it is one of something extra.
func (s *Lists) Listed(q wire.Queue) []wire.QueueItem {
	windows := q.Windows
	if q.Withdrawn {
		windows = s.definedOn(q.Station, q.Date)
	}
	l := listing{station: q.Station, planned: !q.Withdrawn, bars: s.barred(), spare: s.fallbackOf(q)}
	in := make([][]wire.QueueItem, len(windows))
	for _, i := range q.Items {
		w := slices.IndexFunc(windows, func(w schedules.Slot) bool {
			return i.Window == w.Window && !i.StartAt.Before(w.StartAt.Time) && i.StartAt.Before(w.EndAt.Time)
		})
		if w < 0 { // no player airs it, but it is what was published
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

// withAirGain gives each of items the gain with which it airs.
func withAirGain(items []wire.QueueItem) []wire.QueueItem {
	for n := range items {
		items[n].GainDB = items[n].AirGain()
	}
	return items
}

// FallbackListed is a fallback list without what may not air on a station that holds no lease.
func (s *Lists) FallbackListed(f wire.Fallback) []wire.QueueItem {
	barred, now := s.barred(), s.now()
	return withAirGain(slices.DeleteFunc(slices.Clone(f.Items), func(i wire.QueueItem) bool { return barred(&i, now) }))
}

// barred tells whether an item that ends at an instant may not air on a station that holds no lease.
func (s *Lists) barred() func(i *wire.QueueItem, end time.Time) bool {
	recalled := s.recalled()
	return func(i *wire.QueueItem, end time.Time) bool {
		return i.Sensitive || recalled(i) || !i.NotAfter.IsZero() && end.After(i.NotAfter.Time)
	}
}

// recalled tells of an item whether its segment, or its recording, is recalled.
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

// fallbackOf is the list that fills the gaps of a queue: the station's, or the queue's own while that has no items.
func (s *Lists) fallbackOf(q wire.Queue) []wire.QueueItem {
	if f, ok := replica.FallbacksIn(s.replica).Get(q.Station); ok && len(f.Value.Value.Items) > 0 {
		return f.Value.Value.Items
	}
	return q.Fallback
}

// listing puts together what airs in the windows of a day.
type listing struct {
	station string
	planned bool // a valid queue has the windows
	bars    func(i *wire.QueueItem, end time.Time) bool
	spare   []wire.QueueItem
	last    string // segment that last filled a gap of the window
	out     []wire.QueueItem
}

// window lists a window with its items.
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

// open fills a time that no item has.
func (l *listing) open(w schedules.Occurrence, from, to time.Time) {
	start := schedules.At(from)
	id := "open-" + schedules.ItemID(l.station, start, w.Window, schedules.Millis{}, "")
	l.fill(w, wire.QueueItem{ID: id, Window: w.Window, StartAt: &start, Start: schedules.Follow}, to)
}

// fill lists what airs in an item's place until an instant.
func (l *listing) fill(w schedules.Occurrence, item wire.QueueItem, until time.Time) {
	at := item.StartAt.Time
	for n := 1; ; n++ {
		gap := fallback.Gap{At: at, End: until, Planned: l.planned, Window: w.StartAt.Time, Last: l.last}
		picked, _ := gap.Pick(l.spare, func(i *wire.QueueItem, lasts time.Duration) bool { return !l.bars(i, at.Add(lasts)) })
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

// Next is the item that follows the item after in the station's published days, as Listed has them, or, without after,
// the one that airs now or next. ok is false at the end of what is published. It fails with NotFound when no published
// day has the item: it may have been recalled since.
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

// definedOn are the windows that the definitions give a day, as far as they can be read.
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
