package schedules

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Reconcile compares a station's reports with its published rundown. An item is aired when its own segment started
// within the tolerance of its planned start and lasted its planned time within the tolerance; late when it started
// later or earlier than that; short when it ended early; substituted when something else aired in its place; missed
// when nothing did. An airing in no item's place is extra. Reconcile returns a make-good for every published item that
// did not air or aired short, unless the station skipped it on purpose because it was recalled or had expired. Entries
// may be in any order and repeated: of several with one sequence, the first counts. Entries that are not the station's
// word do not count, and are listed by themselves.
func Reconcile(r Rundown, entries []AsRun, tolerance time.Duration) Reconciliation {
	out := Reconciliation{Station: r.Station, Date: r.Date, Revision: r.Revision, Tolerance: Millis{tolerance},
		Items: []Discrepancy{}, MakeGoods: []MakeGood{}}
	entries, out.Doubted = Counted(distinct(entries))
	used := make([]bool, len(entries))
	of := make([][]int, len(r.Items))
	byID := map[string]int{}
	for i, item := range r.Items {
		byID[item.ID] = i
	}
	for k, e := range entries {
		if i, ok := byID[e.ItemID]; ok && e.ItemID != "" {
			of[i] = append(of[i], k)
			used[k] = true
		}
	}
	for i := range r.Items {
		if !sounded(entries, of[i]) { // use airings in its place that name no item
			for k, e := range entries {
				if !used[k] && e.sounded() && inPlace(e, r.Items[i], tolerance) {
					of[i] = append(of[i], k)
					used[k] = true
				}
			}
		}
		d, owed := verdictOf(r.Items[i], entries, of[i], tolerance)
		d.Signed = len(of[i]) > 0 &&
			!slices.ContainsFunc(of[i], func(k int) bool { return entries[k].Authenticity != Signed })
		out.Items = append(out.Items, d)
		if owed {
			out.MakeGoods = append(out.MakeGoods, MakeGood{ID: MakeGoodID(r.Items[i].ID), Station: r.Station,
				SegmentID: r.Items[i].SegmentID,
				ItemID:    r.Items[i].ID, MissedAt: r.Items[i].StartAt})
		}
	}
	for k, e := range entries {
		if used[k] || !e.sounded() {
			continue
		}
		same := []AsRun{e} // plus the reports of other players of the station about the same airing
		d := Discrepancy{Verdict: Extra, ItemID: e.ItemID, SegmentID: e.SegmentID, Detail: e.Detail,
			StarvedSince: e.StarvedSince,
			Sequences:    []int64{e.Sequence}}
		for j := k + 1; j < len(entries); j++ {
			if o := entries[j]; !used[j] && o.sounded() && o.SegmentID == e.SegmentID && o.StartedAt.Before(e.EndedAt.Time) &&
				e.StartedAt.Before(o.EndedAt.Time) {
				used[j] = true
				same, d.Sequences = append(same, o), append(d.Sequences, o.Sequence)
			}
		}
		d.air(same, tolerance)
		d.Signed = !slices.ContainsFunc(same, func(e AsRun) bool { return e.Authenticity != Signed })
		out.Items = append(out.Items, d)
	}
	out.arrange()
	return out
}

// arrange sorts the items and counts them by verdict.
func (r *Reconciliation) arrange() {
	slices.SortStableFunc(r.Items, func(a, b Discrepancy) int { return a.start().Compare(b.start().Time) })
	r.Totals = map[Verdict]int{}
	for _, d := range r.Items {
		r.Totals[d.Verdict]++
	}
}

// start returns the planned start, or the actual start of an extra airing.
func (d Discrepancy) start() Instant {
	if d.PlannedAt.IsZero() {
		return d.StartedAt
	}
	return d.PlannedAt
}

// sounded reports whether the report is about audio that was on the air.
func (a AsRun) sounded() bool {
	return !a.StartedAt.IsZero() && a.EndedAt.After(a.StartedAt.Time) && a.Outcome != Skipped && a.Outcome != Failed
}

func distinct(entries []AsRun) []AsRun {
	sorted := slices.Clone(entries)
	slices.SortStableFunc(sorted, func(a, b AsRun) int { return cmp.Compare(a.Sequence, b.Sequence) })
	return slices.CompactFunc(sorted, func(a, b AsRun) bool { return a.Sequence == b.Sequence })
}

func sounded(entries []AsRun, of []int) bool {
	return slices.ContainsFunc(of, func(k int) bool { return entries[k].sounded() })
}

// inPlace reports whether the middle of the airing lies within the item's planned time.
func inPlace(e AsRun, item Item, tolerance time.Duration) bool {
	middle := e.StartedAt.Add(e.EndedAt.Sub(e.StartedAt.Time) / 2)
	return !middle.Before(item.StartAt.Add(-tolerance)) && middle.Before(item.EndAt().Add(tolerance))
}

// verdictOf returns the verdict on one item, and whether a make-good is owed for it.
func verdictOf(item Item, entries []AsRun, of []int, tolerance time.Duration) (Discrepancy, bool) {
	d := Discrepancy{ItemID: item.ID, Window: item.Window, SegmentID: item.SegmentID, Title: item.Title,
		PlannedAt: item.StartAt, Planned: item.Duration}
	var own, other []AsRun
	excused := false
	for _, k := range of {
		e := entries[k]
		d.Sequences = append(d.Sequences, e.Sequence)
		if e.Detail != "" {
			d.Detail = e.Detail
		}
		if !e.StarvedSince.IsZero() {
			d.StarvedSince = e.StarvedSince
		}
		switch {
		case !e.sounded():
			excused = excused || e.Outcome == Skipped
		case e.SegmentID == item.SegmentID:
			own = append(own, e)
		default:
			other = append(other, e)
		}
	}
	slices.Sort(d.Sequences)
	aired := own
	if len(own) == 0 {
		aired = other
	}
	if len(aired) == 0 {
		d.Verdict = Missed
		return d, !excused
	}
	d.air(aired, tolerance)
	d.Drift = Millis{d.StartedAt.Sub(item.StartAt.Time)}
	if len(own) == 0 {
		d.Verdict, d.Substitute = Substituted, other[0].SegmentID
		return d, !excused
	}
	switch short := item.Duration.Duration - d.AiredMs.Duration; {
	case short > tolerance:
		d.Verdict = Short
		if d.Detail == "" {
			d.Detail = fmt.Sprintf("%s of %s did not air", FormatLength(short), FormatLength(item.Duration.Duration))
		}
		return d, true
	case d.Drift.Duration > tolerance || d.Drift.Duration < -tolerance:
		d.Verdict = Late
	default:
		d.Verdict = AsPlanned
	}
	return d, false
}

// air sets the start, end and air time from the reports of one item. A player that was restarted reports an item in
// parts, and two players of a station report it twice; overlapping time counts once.
func (d *Discrepancy) air(reports []AsRun, tolerance time.Duration) {
	sorted := slices.SortedFunc(slices.Values(reports),
		func(a, b AsRun) int { return a.StartedAt.Compare(b.StartedAt.Time) })
	d.StartedAt, d.EndedAt = sorted[0].StartedAt, sorted[0].StartedAt
	twice := time.Duration(0)
	for _, e := range sorted {
		from := later(d.EndedAt, e.StartedAt) // the time before it is already counted
		fresh := max(e.EndedAt.Sub(from.Time), 0)
		d.AiredMs.Duration += fresh
		twice += e.EndedAt.Sub(e.StartedAt.Time) - fresh
		d.EndedAt = later(d.EndedAt, e.EndedAt)
	}
	if twice > tolerance {
		said := fmt.Sprintf("reports overlap for %s: do two players air this station?", FormatLength(twice))
		if d.Detail != "" {
			said = d.Detail + "; " + said
		}
		d.Detail = said
	}
}
