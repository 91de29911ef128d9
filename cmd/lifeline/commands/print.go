package commands

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"lifeline/internal/wire"
	"lifeline/schedules"
)

// printRundown prints a day for people, in the station's own time.
func printRundown(w io.Writer, r schedules.Rundown, published int64, zone *time.Location) {
	fmt.Fprintf(w, "%s  %s  revision %d, %s  (%s)\n", r.Station, r.Date, r.Revision, r.Status, r.Timezone)
	if published > 0 && published != r.Revision {
		fmt.Fprintf(w, "revision %d is what is published: lifeline diff %s %s --from %d shows what differs\n", published,
			r.Station, r.Date, published)
	}
	for at, slot := range r.Windows {
		fmt.Fprintf(w, "\n%s  %s to %s, %s planned\n", slot.Window, slot.StartAt.In(zone).Format(time.TimeOnly),
			slot.EndAt.In(zone).Format(time.TimeOnly), span(slot.Planned.Duration))
		for _, i := range r.Items {
			if slotOf(r, i) != at {
				continue
			}
			late := ""
			if !i.StartAt.Before(slot.EndAt.Time) {
				late = "  [after the window]"
			}
			fmt.Fprintf(w, "  %s%s\n", dayLine(i, zone), late)
		}
	}
	tellWarnings(w, r.Warnings)
}

// slotOf returns the index of the window that an item belongs to, or -1. It is the last window of that name that starts
// no later than the item: an edited window may run past its end.
func slotOf(r schedules.Rundown, i schedules.Item) int {
	own := -1
	for at, slot := range r.Windows {
		if slot.Window == i.Window && !i.StartAt.Before(slot.StartAt.Time) &&
			(own < 0 || slot.StartAt.After(r.Windows[own].StartAt.Time)) {
			own = at
		}
	}
	return own
}

// dayLine returns the line of one item: start, duration, segment, and timing.
func dayLine(i schedules.Item, zone *time.Location) string {
	line := fmt.Sprintf("%s %s %s", i.StartAt.In(zone).Format("15:04:05.000"), pad(span(i.Duration.Duration), 9),
		itemLine(i.Kind, i.Language, i.Title))
	if i.SegmentID != "" {
		line += "  (" + i.SegmentID + ")"
	}
	if i.Start != "" && i.Start != schedules.Follow {
		line += fmt.Sprintf("  [%s start]", i.Start)
	}
	if i.Locked {
		line += "  [locked]"
	}
	return line
}

// placedBy names what put an item in its place.
func placedBy(e wire.PlacedItem) string {
	switch e.PlacedBy {
	case wire.ByPlanner:
		return "the planner"
	case wire.ByRepair:
		return "a repair of the published day"
	case wire.ByRepeat:
		return "the standing order, which repeats another day"
	}
	return cmp.Or(e.By, "a person")
}

// printExplanation prints what put an item in its place and, if it was chosen, why and which rules refused more overdue
// segments.
func printExplanation(w io.Writer, e wire.PlacedItem) {
	fmt.Fprintf(w, "%s in %s, position %s: %s\n", e.SegmentID, e.Window, e.Position, e.Why)
	fmt.Fprintf(w, "  placed by %s in revision %d\n", placedBy(e), e.PlacedIn)
	if e.Choice == nil {
		return
	}
	last := "never before"
	if !e.LastAired.IsZero() {
		last = "last at " + instant(e.LastAired)
	}
	fmt.Fprintf(w, "  due rank %d, %d airings, %s\n", e.DueRank, e.Airings, last)
	for _, s := range e.Slacks {
		fmt.Fprintf(w, "  holds  %s\n", schedules.Refusal(s))
	}
	for _, s := range e.Bent {
		fmt.Fprintf(w, "  bends  %s\n", schedules.Refusal(s))
	}
	if e.Choice.Target.Duration > 0 {
		fmt.Fprintf(w, "  to fill %s, off by %d ms\n", span(e.Choice.Target.Duration), e.Choice.Residual.Milliseconds())
	}
	for _, candidate := range e.Choice.Candidates {
		switch {
		case candidate.Segment == e.SegmentID:
			fmt.Fprintf(w, "  chosen %s %s\n", pad(span(candidate.Duration.Duration), 9), candidate.Segment)
			return
		case candidate.Refused.IsZero():
			fmt.Fprintf(w, "  passed %s %s\n", pad(span(candidate.Duration.Duration), 9), candidate.Segment)
		default:
			fmt.Fprintf(w, "  refused%s %s: %s\n", pad(span(candidate.Duration.Duration), 10), candidate.Segment,
				candidate.Refused)
		}
	}
}

// printReconciliation prints the plan beside the as-run report, in the station's own time.
func printReconciliation(w io.Writer, r schedules.Reconciliation, zone *time.Location) {
	fmt.Fprintf(w, "%s  %s  revision %d  (%s)\n", r.Station, r.Date, r.Revision, zone)
	fmt.Fprintf(w, "  %-12s  %-12s  %8s  %9s  %-11s %-7s %-16s %s\n", "planned", "actual", "off by", "aired", "verdict",
		"", "window", "title")
	items := slices.SortedStableFunc(slices.Values(r.Items), func(a, b schedules.Discrepancy) int {
		at := func(d schedules.Discrepancy) time.Time {
			if d.PlannedAt.IsZero() {
				return d.StartedAt.Time
			}
			return d.PlannedAt.Time
		}
		return at(a).Compare(at(b))
	})
	for _, d := range items {
		actual, drift := "-", "-"
		if !d.StartedAt.IsZero() {
			actual = d.StartedAt.In(zone).Format("15:04:05.000")
			drift = fmt.Sprintf("%+d ms", d.Drift.Milliseconds())
		}
		planned := "-"
		if !d.PlannedAt.IsZero() {
			planned = d.PlannedAt.In(zone).Format("15:04:05.000")
		}
		title := d.Title
		if title == "" {
			title = d.SegmentID
		}
		if !d.StarvedSince.IsZero() {
			title += " (starved since " + d.StarvedSince.In(zone).Format(time.DateTime) + ")"
		}
		signed := ""
		if d.Signed {
			signed = "signed"
		}
		fmt.Fprintf(w, "  %-12s  %-12s  %8s  %9s  %-11s %-7s %-16s %s\n", planned, actual, drift, span(d.AiredMs.Duration),
			d.Verdict, signed, d.Window, oneLine(title))
	}
	var totals []string
	for _, v := range []schedules.Verdict{schedules.AsPlanned, schedules.Short, schedules.Late, schedules.Missed,
		schedules.Unreported, schedules.Substituted, schedules.Extra} {
		if n := r.Totals[v]; n > 0 {
			totals = append(totals, fmt.Sprintf("%d %s", n, v))
		}
	}
	fmt.Fprintf(w, "  %s\n", strings.Join(totals, ", "))
	printDoubted(w, r.Doubted, zone)
}

// printDoubted prints the reports that do not count.
func printDoubted(w io.Writer, doubted []schedules.AsRun, zone *time.Location) {
	if len(doubted) > 0 {
		fmt.Fprintln(w, "  These reports do not count, because the station's key did not sign them:")
	}
	for _, e := range doubted {
		started := "-"
		if !e.StartedAt.IsZero() {
			started = e.StartedAt.In(zone).Format("15:04:05.000")
		}
		authenticity := cmp.Or(string(e.Authenticity), string(schedules.Unsigned))
		fmt.Fprintf(w, "    %-12s  sequence %d  %-15s %-8s %s\n", started, cmp.Or(e.ReportedAs, e.Sequence), authenticity,
			e.Outcome, e.SegmentID)
	}
}

func itemLine(kind schedules.Kind, language, title string) string {
	return fmt.Sprintf("%-14s %-9s %s", kind, language, oneLine(title))
}

// oneLine escapes line breaks in text from others, which could otherwise pass for a line of this program.
func oneLine(s string) string { return strings.ReplaceAll(s, "\n", `\n`) }

// span returns a duration as minutes, seconds and milliseconds.
func span(d time.Duration) string {
	d = d.Round(time.Millisecond)
	return fmt.Sprintf("%d:%02d.%03d", int(d.Minutes()), int(d.Seconds())%60, d.Milliseconds()%1000)
}

func pad(s string, n int) string { return strings.Repeat(" ", max(0, n-len(s))) + s }
