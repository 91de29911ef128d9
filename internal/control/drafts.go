package control

import (
	"context"
	"fmt"
	"slices"

	"lifeline/internal/fault"
	"lifeline/internal/store"
	"lifeline/schedules"
	"lifeline/schedules/auditor"
)

// Edit changes the latest rundown by hand and answers it re-timed, with its warnings. Whether it may change what is
// frozen is seen when it is published.
func (s *Scheduler) Edit(ctx context.Context, a Actor, station string, date schedules.Date, revision *int64, edits []schedules.Edit) (schedules.Rundown, error) {
	var out schedules.Rundown
	err := s.mirror.retry(ctx, func() error {
		latest, err := s.drafted(ctx, station, date, revision)
		if err != nil {
			return err
		}
		in, err := s.input(ctx, station, date, outlook{})
		if err != nil {
			return err
		}
		edited, problems := in.Apply(latest.rundown, edits)
		if err := invalid(problems); err != nil {
			return err
		}
		found, err := judged(ctx, in, latest.rundown, edited)
		if err != nil {
			return err
		}
		edited.Warnings = append(edited.Warnings, found...)
		beside, err := s.beside(ctx, in, edited, latest.rundown, PlanOptions{})
		if err != nil {
			return err
		}
		edited.Warnings = append(edited.Warnings, beside...)
		out, err = s.saveDraft(ctx, a, latest, edited, nil, "rundown.edit")
		return err
	})
	return out, err
}

// judged are the warnings of an edited rundown beside those of its times: the hard rules that it breaks, for which its
// publication will be refused, the soft ones that bend, and what the plan before it warned of and still stands.
func judged(ctx context.Context, in schedules.Input, before, edited schedules.Rundown) ([]schedules.Warning, error) {
	violations, err := auditor.Audit(ctx, in, edited)
	if err != nil {
		return nil, err
	}
	var out []schedules.Warning
	soft := map[[2]string]int{} // rule and window, and where its warning is
	for _, v := range violations {
		w := schedules.Warning{Code: "rule_bent", Window: v.Window, Item: v.Item, Message: v.Rule + ": " + placed(edited, v.Item) + v.Message}
		if v.Hard {
			w.Code, w.Message = "hard", w.Message+". Publication will refuse this day until it is put right."
			out = append(out, w)
			continue
		}
		at, known := soft[[2]string{v.Rule, v.Window}]
		if !known {
			soft[[2]string{v.Rule, v.Window}] = len(out)
			out = append(out, w)
			continue
		}
		if first := &out[at]; v.Item != "" {
			if first.Items == nil {
				first.Items = []string{first.Item}
			}
			first.Items = append(first.Items, v.Item)
		}
	}
	for i := range out {
		if more := len(out[i].Items) - 1; more > 0 {
			out[i].Message += fmt.Sprintf(" (and %d more)", more)
		}
	}
	for _, w := range before.Warnings {
		switch w.Code {
		case "hard", "rule_bent", "demand_unmet", "gap", "overrun", "not_airable", "residual", warnSameDay, warnLaterDays, warnOutdated:
			continue // found anew, if it stands
		}
		if _, there := edited.Item(w.Item); there || w.Item == "" {
			out = append(out, w)
		}
	}
	return out, nil
}

// drafted is the latest rundown of a day. It fails with NotFound when there is none, and with Stale unless it is the
// revision given (nil: any).
func (s *Scheduler) drafted(ctx context.Context, station string, date schedules.Date, revision *int64) (latestRundown, error) {
	latest, err := s.latest(ctx, station, date)
	if err == nil && latest.document == 0 {
		err = fault.New(fault.NotFound, "station %q has no rundown for %s: plan it first", station, date)
	}
	if err == nil {
		err = checkRevision(revision, latest.rundown.Revision)
	}
	return latest, err
}

// checkFrozen fails with Conflict when r differs from the published rundown in a window that is frozen.
func (s *Scheduler) checkFrozen(ctx context.Context, r schedules.Rundown) error {
	frozen, err := s.frozen(ctx, r.Station, r.Date)
	if err != nil {
		return err
	}
	for _, f := range frozen {
		if i, ok := r.Item(f.ID); !ok || !sameAiring(i, f) {
			return fault.New(fault.Conflict, "window %q is frozen: only a recall or a correction changes it now, and %s at %s would change",
				f.Window, f.SegmentID, f.StartAt)
		}
	}
	return nil
}

func sameAiring(a, b schedules.Item) bool {
	return a.SegmentID == b.SegmentID && a.SHA256 == b.SHA256 && a.StartAt.Equal(b.StartAt.Time) &&
		a.CueIn == b.CueIn && a.CueOut == b.CueOut
}

// sameItems reports whether both lists air the same at the same times.
func sameItems(a, b []schedules.Item) bool { return slices.EqualFunc(a, b, sameAiring) }

// saveDraft stores r as the day's next revision.
func (s *Scheduler) saveDraft(ctx context.Context, a Actor, before latestRundown, r schedules.Rundown, why []schedules.Explanation, action string) (schedules.Rundown, error) {
	r.Status, r.PublishedAt = schedules.Draft, schedules.Instant{}
	r, writes, err := s.nextRevision(ctx, before, r)
	if err != nil {
		return r, err
	}
	if why != nil {
		body, err := encode(why)
		if err != nil {
			return r, err
		}
		writes = append(writes, store.Write{Kind: kindExplain, ID: revisionID(r.Station, r.Date, r.Revision), Body: body})
	}
	return r, s.mirror.Commit(ctx, store.Commit{Writes: writes, Origin: a.origin(s.now(), action, "")})
}

// nextRevision numbers r and answers the writes that store it. Revisions count up over all days of a station, so
// that one number names one queue of it.
func (s *Scheduler) nextRevision(ctx context.Context, before latestRundown, r schedules.Rundown) (schedules.Rundown, []store.Write, error) {
	var last int64
	var err error
	counter := before.counter
	if counter == nil {
		latest, err := s.counter(ctx, r.Station)
		if err != nil {
			return r, nil, err
		}
		counter = &latest
	}
	if counter.Revision > 0 {
		if last, err = decode[int64](*counter); err != nil {
			return r, nil, err
		}
	}
	r.Revision = max(last, s.mirror.floor().Above) + 1
	r.Planned = r.Revision
	if before.document > 0 && sameItems(before.rundown.Items, r.Items) {
		r.Planned = plannedIn(before.rundown)
	}
	if r.Items == nil {
		r.Items = []schedules.Item{}
	}
	if r.Windows == nil {
		r.Windows = []schedules.Slot{}
	}
	if r.Warnings == nil {
		r.Warnings = []schedules.Warning{}
	}
	body, err := encode(r)
	if err != nil {
		return r, nil, err
	}
	return r, []store.Write{
		{Kind: kindCounter, ID: r.Station, Expect: counter.Revision, Body: fmt.Appendf(nil, "%d", r.Revision)},
		{Kind: kindRundown, ID: dayID(r.Station, r.Date), Expect: before.document, Body: body},
		{Kind: kindRevision, ID: revisionID(r.Station, r.Date, r.Revision), Body: body},
	}, nil
}

// counter is the document that counts a station's revisions; at revision 0 before the first.
func (s *Scheduler) counter(ctx context.Context, station string) (store.Document, error) {
	d, err := s.store.Get(ctx, kindCounter, station)
	if fault.Is(err, fault.NotFound) {
		return store.Document{}, nil
	}
	return d, err
}

// Explain says why an item of a rundown is where it is. Revision 0 is the latest.
func (s *Scheduler) Explain(ctx context.Context, station string, date schedules.Date, revision int64, item string) (schedules.Explanation, error) {
	r, err := s.Rundown(ctx, station, date, revision)
	if err != nil {
		return schedules.Explanation{}, err
	}
	if _, ok := r.Item(item); !ok {
		return schedules.Explanation{}, fault.New(fault.NotFound, "there is no item %q in revision %d", item, r.Revision)
	}
	docs, err := under(ctx, s.store, kindExplain, dayID(station, date)+"/", revisionID(station, date, r.Revision+1))
	if err != nil {
		return schedules.Explanation{}, err
	}
	for i := len(docs) - 1; i >= 0; i-- { // the latest plan that placed the item
		why, err := decode[[]schedules.Explanation](docs[i])
		if err != nil {
			return schedules.Explanation{}, err
		}
		for _, e := range why {
			if e.Item == item {
				return e, nil
			}
		}
	}
	return schedules.Explanation{}, fault.New(fault.NotFound, "item %q was placed by hand", item)
}

// Diff compares two revisions of a day.
func (s *Scheduler) Diff(ctx context.Context, station string, date schedules.Date, from, to int64) ([]schedules.ItemChange, error) {
	a, err := s.Rundown(ctx, station, date, from)
	if err != nil {
		return nil, err
	}
	b, err := s.Rundown(ctx, station, date, to)
	if err != nil {
		return nil, err
	}
	return schedules.Diff(a, b), nil
}
