package schedules

import (
	"cmp"
	"slices"
	"time"
)

// The verdicts on a place that only an AiringRecord can have: there is none yet.
const (
	ToCome     Verdict = "planned"    // its turn is not over
	Unreported Verdict = "unreported" // over, and the station has not been heard of since
)

// AiringRecord is one place of a segment in a published queue with what became of it, or an airing without a place.
type AiringRecord struct {
	Station    string  `json:"station"`
	Date       Date    `json:"date"` // the broadcast day
	Window     string  `json:"window,omitempty"`
	ItemID     string  `json:"item_id,omitempty"`
	SegmentID  string  `json:"segment_id"`
	Title      string  `json:"title,omitempty"`
	Language   string  `json:"language,omitempty"`
	PlannedAt  Instant `json:"planned_at"` // null: not planned
	Planned    Millis  `json:"planned_ms"`
	StartedAt  Instant `json:"started_at"` // actual
	EndedAt    Instant `json:"ended_at"`   // actual
	AiredMs    Millis  `json:"aired_ms"`
	Outcome    Verdict `json:"outcome"`
	Substitute string  `json:"substitute,omitempty"` // the segment that aired instead
	MakesGood  string  `json:"makes_good,omitempty"` // the make-good that it is for
	Owed       bool    `json:"owed,omitempty"`       // missed or cut short, and not on purpose
	Detail     string  `json:"detail,omitempty"`     // what the station said
}

// StationDay is one broadcast day [From, To) of a station with the rundown that was published for it; none has no
// items.
type StationDay struct {
	Date     Date
	From, To time.Time
	Rundown  Rundown
}

// Outcomes tells of each day what became of every place in what was published for it, and of every other airing where
// it belongs: it is the one account of what aired, on which reconciliations, records, reports and make-goods rest. days
// are successive ones of one station. entries are what it reported of them, in any order. heard is until when the
// station has reported anything at all: what it says nothing of since is unreported, not missed, and nothing is owed
// for it. Of what is still to come at now, what was reported counts already. The answer has as many parts as there are
// days.
func Outcomes(station string, days []StationDay, entries []AsRun, now, heard time.Time,
	tolerance time.Duration) []Reconciliation {
	parts := attribute(days, entries)
	out := make([]Reconciliation, len(days))
	for n, day := range days {
		reported := map[string]bool{}
		for _, e := range parts[n] {
			reported[e.ItemID] = true
		}
		over, ends := day.Rundown, map[string]Instant{}
		over.Station, over.Date, over.Items = station, day.Date, nil
		var ahead []Discrepancy
		for _, i := range day.Rundown.Items {
			ends[i.ID] = i.EndAt()
			if reported[i.ID] || !i.EndAt().Add(tolerance).After(now) {
				over.Items = append(over.Items, i)
				continue
			}
			ahead = append(ahead, Discrepancy{Verdict: ToCome, ItemID: i.ID, Window: i.Window, SegmentID: i.SegmentID,
				Title: i.Title, PlannedAt: i.StartAt, Planned: i.Duration})
		}
		r := Reconcile(over, parts[n], tolerance)
		unheard := map[string]bool{}
		for k := range r.Items {
			if d := &r.Items[k]; d.Verdict == Missed && len(d.Sequences) == 0 && heard.Before(ends[d.ItemID].Time) {
				d.Verdict, unheard[d.ItemID] = Unreported, true
			}
		}
		r.MakeGoods = slices.DeleteFunc(r.MakeGoods, func(m MakeGood) bool { return unheard[m.ItemID] })
		r.Items = append(r.Items, ahead...)
		r.arrange()
		out[n] = r
	}
	return out
}

// Past is the reconciliation without what is still to come, and, unless window is empty, of what belongs to that window
// alone, whose occurrences are among slots.
func (r Reconciliation) Past(window string, slots []Slot) Reconciliation {
	in := func(d Discrepancy) bool {
		if window == "" || d.Verdict != Extra {
			return window == "" || d.Window == window
		}
		return slices.ContainsFunc(slots, func(s Slot) bool { return s.Window == window && s.Contains(d.StartedAt.Time) })
	}
	kept := map[string]bool{}
	r.Items = slices.DeleteFunc(slices.Clone(r.Items), func(d Discrepancy) bool {
		if d.Verdict == ToCome || !in(d) {
			return true
		}
		kept[d.ItemID] = true
		return false
	})
	r.MakeGoods = slices.DeleteFunc(slices.Clone(r.MakeGoods), func(m MakeGood) bool { return !kept[m.ItemID] })
	r.arrange()
	return r
}

// Account tells, place by place, what Outcomes says, each day by planned start, extras by actual start. What aired in
// another's place is there twice: as the substituted place, and as an extra of what aired.
func Account(station string, days []StationDay, entries []AsRun, now, heard time.Time,
	tolerance time.Duration) [][]AiringRecord {
	out := make([][]AiringRecord, len(days))
	for n, r := range Outcomes(station, days, entries, now, heard, tolerance) {
		items := map[string]Item{}
		for _, i := range days[n].Rundown.Items {
			items[i.ID] = i
		}
		owed := map[string]bool{}
		for _, m := range r.MakeGoods {
			owed[m.ItemID] = true
		}
		for _, d := range r.Items {
			item := items[d.ItemID]
			if d.Verdict == Extra {
				item = Item{} // it names a place that it was not in
			}
			record := AiringRecord{Station: station, Date: r.Date, Window: d.Window, ItemID: d.ItemID, SegmentID: d.SegmentID,
				Title:    d.Title,
				Language: item.Language, PlannedAt: d.PlannedAt, Planned: d.Planned, StartedAt: d.StartedAt, EndedAt: d.EndedAt,
				AiredMs: d.AiredMs,
				Outcome: d.Verdict, Substitute: d.Substitute, MakesGood: item.MakesGood, Owed: owed[item.ID], Detail: d.Detail}
			if d.Verdict == Substituted {
				out[n] = append(out[n], AiringRecord{Station: station, Date: r.Date, Window: d.Window, SegmentID: d.Substitute,
					StartedAt: d.StartedAt,
					EndedAt:   d.EndedAt, AiredMs: d.AiredMs, Outcome: Extra, Detail: d.Detail})
				record.StartedAt, record.EndedAt, record.AiredMs = Instant{}, Instant{}, Millis{}
			}
			out[n] = append(out[n], record)
		}
		slices.SortStableFunc(out[n], func(a, b AiringRecord) int {
			return cmp.Or(a.place().Compare(b.place().Time), cmp.Compare(a.SegmentID, b.SegmentID))
		})
	}
	return out
}

// place is the planned start, and of what was not planned the actual one.
func (r AiringRecord) place() Instant {
	if r.PlannedAt.IsZero() {
		return r.StartedAt
	}
	return r.PlannedAt
}

// attribute gives each report to the day that it belongs to: that of the item that it names, or else that of the window
// in which it started, or else that in which it started.
func attribute(days []StationDay, entries []AsRun) [][]AsRun {
	parts := make([][]AsRun, len(days))
	items := map[string]int{}
	for n, day := range days {
		for _, i := range day.Rundown.Items {
			items[i.ID] = n
		}
	}
	for _, e := range entries {
		n, ok := items[e.ItemID]
		if !ok && !e.StartedAt.IsZero() {
			n = slices.IndexFunc(days, func(d StationDay) bool {
				return slices.ContainsFunc(d.Rundown.Windows, func(s Slot) bool { return s.Contains(e.StartedAt.Time) })
			})
			if n < 0 {
				n = slices.IndexFunc(days, func(d StationDay) bool {
					return !e.StartedAt.Before(d.From) &&
						e.StartedAt.Before(d.To)
				})
			}
			ok = n >= 0
		}
		if ok {
			parts[n] = append(parts[n], e)
		}
	}
	return parts
}

// Contains reports whether t lies in the occurrence.
func (o Occurrence) Contains(t time.Time) bool {
	return !t.Before(o.StartAt.Time) && t.Before(o.EndAt.Time)
}
