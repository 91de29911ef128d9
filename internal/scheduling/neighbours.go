package scheduling

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"lifeline/schedules"
)

// neighbours warns of days that resemble adjacent days.
type neighbours struct {
	*core
	summaries *rundownSummaries
}

// The codes of warnings about a day's relation to other days.
const (
	warnSameDay   = "same_day"   // it airs the same items in the same order as an adjacent day
	warnLaterDays = "later_days" // drafts of later days were planned before this day became what it is
	warnOutdated  = "outdated"   // an earlier day has changed since this one was planned
)

// neighbourDays is how many days before and after are compared; laterDays is how many later days are checked for
// outdated drafts.
const (
	neighbourDays = 7
	laterDays     = 28
)

// ofDraft returns warnings if a planned day airs the same as an adjacent day, and if drafts of later days were planned
// before it.
func (s *neighbours) ofDraft(ctx context.Context, in schedules.Input, r, latest schedules.Rundown, o PlanOptions) (
	[]schedules.Warning, error) {
	out, err := s.warnAlike(ctx, in, r, o.Drafts)
	if err != nil {
		return nil, err
	}
	var stale []schedules.Date
	for n := 1; n <= laterDays; n++ {
		date := r.Date.AddDays(n)
		later, err := s.summaries.of(ctx, r.Station, date)
		if err != nil {
			return nil, err
		}
		known := latest.Station != "" && sameItems(latest.Items, r.Items) && later.planned > plannedIn(latest)
		if later.draft && !known && !slices.Contains(o.Together, date) {
			stale = append(stale, date)
		}
	}
	if len(stale) > 0 {
		out = append(out, schedules.Warning{Code: warnLaterDays,
			Message: fmt.Sprintf("%s planned before this day and may repeat it: plan %s anew, the earliest first.",
				werePlanned(stale), them(stale))})
	}
	return out, nil
}

// outdated returns a warning if a draft was planned before an earlier day took its present form.
func (s *neighbours) outdated(ctx context.Context, st schedules.Station, r schedules.Rundown) ([]schedules.Warning,
	error) {
	today, err := st.DateAt(s.now())
	if err != nil {
		return nil, err
	}
	var changed []schedules.Date
	for n := neighbourDays; n > 0; n-- {
		date := r.Date.AddDays(-n)
		if date.Before(today) {
			continue
		}
		before, err := s.summaries.of(ctx, r.Station, date)
		if err != nil {
			return nil, err
		}
		if before.planned > plannedIn(r) {
			changed = append(changed, date)
		}
	}
	if len(changed) == 0 {
		return nil, nil
	}
	return []schedules.Warning{{Code: warnOutdated,
		Message: fmt.Sprintf("%s planned after this day, which may repeat %s: plan this day anew.", werePlanned(changed),
			them(changed))}}, nil
}

// atPublication returns the warnings of a draft, with those about adjacent days computed again. Who publishes it knows
// what it airs: it stands in for nothing any more.
func (s *neighbours) atPublication(ctx context.Context, in schedules.Input, r schedules.Rundown) ([]schedules.Warning,
	error) {
	out := slices.DeleteFunc(slices.Clone(r.Warnings), func(w schedules.Warning) bool {
		return w.OfEdits() ||
			slices.Contains([]string{warnSameDay, warnLaterDays, warnOutdated, schedules.WarnStandsIn}, w.Code)
	})
	same, err := s.warnAlike(ctx, in, r, nil)
	if err != nil {
		return nil, err
	}
	changed, err := s.outdated(ctx, in.Station, r)
	return append(out, slices.Concat(same, changed)...), err
}

func werePlanned(dates []schedules.Date) string {
	names := make([]string, len(dates))
	for i, d := range dates {
		names[i] = d.String()
	}
	if len(names) == 1 {
		return names[0] + " was"
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last] + " were"
}

func them(dates []schedules.Date) string {
	if len(dates) == 1 {
		return "it"
	}
	return "them"
}

// warnAlike returns a warning if the nearest planned day before or after airs the same or nearly the same segments in
// the same order. Segments named by the clocks do not count.
func (s *neighbours) warnAlike(ctx context.Context, in schedules.Input, r schedules.Rundown,
	request []schedules.Rundown) ([]schedules.Warning, error) {
	own := unnamedSegments(in.Clocks, summarizeRundown(r))
	today, err := in.Station.DateAt(s.now())
	if err != nil {
		return nil, err
	}
	var out []schedules.Warning
	for _, step := range [...]int{-1, 1} {
		for n := 1; n <= neighbourDays; n++ {
			date := r.Date.AddDays(n * step)
			beside, err := s.summaries.of(ctx, r.Station, date)
			if err != nil {
				return nil, err
			}
			for _, d := range request {
				if d.Station == r.Station && d.Date == date {
					beside = summarizeRundown(d)
				}
			}
			if len(beside.items) == 0 || beside.draft && date.Before(today) { // a draft of a past day does not air
				continue
			}
			same, nearly := schedules.Nearly(own, unnamedSegments(in.Clocks, beside))
			switch {
			case nearly && same == len(own):
				out = append(out, schedules.Warning{Code: warnSameDay,
					Message: fmt.Sprintf("This day airs the same %s in the same order as %s. Plan one of them anew, or approve more "+
						"segments.", items(same), date)})
			case nearly:
				out = append(out, schedules.Warning{Code: warnSameDay,
					Message: fmt.Sprintf("This day airs %d of its %s in the same order as %s. Plan one of them anew, or approve "+
						"more segments.", same, items(len(own)), date)})
			}
			break
		}
	}
	return out, nil
}

func items(n int) string {
	if n == 1 {
		return "item"
	}
	return fmt.Sprintf("%d items", n)
}

// unnamedSegments returns the segments of a day in order, except for those that the clocks name.
func unnamedSegments(clocks map[string]schedules.Clock, k rundownSummary) (out []string) {
	for _, i := range k.items {
		if schedules.Free(clocks, i.position) {
			out = append(out, i.airing.SegmentID)
		}
	}
	return out
}
