package schedules

import (
	"cmp"
	"slices"
	"time"
)

// The verdicts that only an AiringRecord has, because no airing has been reported yet.
const (
	Upcoming   Verdict = "planned"    // its planned time is not over yet
	Unreported Verdict = "unreported" // its planned time is over, but the station has reported nothing since
)

// AiringRecord is one item of a published queue with its outcome, or one airing that was not planned.
type AiringRecord struct {
	Station    string  `json:"station"`
	Date       Date    `json:"date"` // the broadcast day
	Window     string  `json:"window,omitempty"`
	ItemID     string  `json:"item_id,omitempty"`
	SegmentID  string  `json:"segment_id"`
	Title      string  `json:"title,omitempty"`
	Language   string  `json:"language,omitempty"`
	PlannedAt  Instant `json:"planned_at"` // null if it was not planned
	Planned    Millis  `json:"planned_ms"`
	StartedAt  Instant `json:"started_at"` // actual
	EndedAt    Instant `json:"ended_at"`   // actual
	AiredMs    Millis  `json:"aired_ms"`
	Outcome    Verdict `json:"outcome"`
	Substitute string  `json:"substitute,omitempty"` // the segment that aired instead
	MakesGood  string  `json:"makes_good,omitempty"` // the make-good that this airing is for
	Owed       bool    `json:"owed,omitempty"`       // missed or cut short, and not on purpose
	Detail     string  `json:"detail,omitempty"`     // the station's own words
}

// StationDay is one broadcast day [From, To) of a station and the rundown published for it. The rundown has no items if
// none was published.
type StationDay struct {
	Date     Date
	From, To time.Time
	Rundown  Rundown
}

// Outcomes returns, for each day, the outcome of every published item and every unplanned airing. Reconciliations,
// records, reports and make-goods are all computed from it. days must be consecutive days of one station. entries are
// the station's reports for those days, in any order. heard is the time up to which the station has reported anything:
// an item that ends after heard and has no report is unreported rather than missed, and nothing is owed for it. An item
// whose end plus the tolerance is after now is Upcoming, unless the station has already reported it. The result has one
// element per day.
func Outcomes(station string, days []StationDay, entries []AsRun, now, heard time.Time,
	tolerance time.Duration) []Reconciliation {
	counted, doubted := Counted(entries)
	parts, beside := attribute(days, counted), attribute(days, doubted)
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
			ahead = append(ahead, Discrepancy{Verdict: Upcoming, ItemID: i.ID, Window: i.Window, SegmentID: i.SegmentID,
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
		r.Items, r.Doubted = append(r.Items, ahead...), beside[n]
		r.arrange()
		out[n] = r
	}
	return out
}

// Past returns the reconciliation without the items that are still to come. If window is not empty, it keeps only the
// items of that window; slots must include the window's occurrences.
func (r Reconciliation) Past(window string, slots []Slot) Reconciliation {
	in := func(d Discrepancy) bool {
		if window == "" || d.Verdict != Extra {
			return window == "" || d.Window == window
		}
		return slices.ContainsFunc(slots, func(s Slot) bool { return s.Window == window && s.Contains(d.StartedAt.Time) })
	}
	kept := map[string]bool{}
	r.Items = slices.DeleteFunc(slices.Clone(r.Items), func(d Discrepancy) bool {
		if d.Verdict == Upcoming || !in(d) {
			return true
		}
		kept[d.ItemID] = true
		return false
	})
	r.MakeGoods = slices.DeleteFunc(slices.Clone(r.MakeGoods), func(m MakeGood) bool { return !kept[m.ItemID] })
	r.Doubted = slices.DeleteFunc(slices.Clone(r.Doubted), func(e AsRun) bool {
		return window != "" && !in(Discrepancy{Verdict: Extra, StartedAt: e.StartedAt})
	})
	r.arrange()
	return r
}

// Account returns the result of Outcomes as records, ordered by planned start, and unplanned airings by actual start. A
// segment that aired in place of another appears twice: in the record of the substituted item, and as an extra airing.
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
				item = Item{} // an extra airing names an item that it did not air as
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
			return cmp.Or(a.start().Compare(b.start().Time), cmp.Compare(a.SegmentID, b.SegmentID))
		})
	}
	return out
}

// start returns the planned start, or the actual start if the airing was not planned.
func (r AiringRecord) start() Instant {
	if r.PlannedAt.IsZero() {
		return r.StartedAt
	}
	return r.PlannedAt
}

// attribute assigns each report to a day: the day of the item that it names, else the day of the window in which it
// started, else the day in which it started.
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
