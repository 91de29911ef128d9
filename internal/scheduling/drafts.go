package scheduling

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"lifeline/internal/access"
	"lifeline/internal/fault"
	"lifeline/internal/replica"
	"lifeline/internal/store"
	"lifeline/schedules"
)

// Drafts plans and edits days.
type Drafts struct {
	*core
	rundowns   *Rundowns
	inputs     *inputs
	neighbours *neighbours
}

// Edit applies edits to the latest rundown and returns the result with new times and warnings. Publication, not Edit,
// checks whether the result changes frozen windows.
func (s *Drafts) Edit(ctx context.Context, a access.Actor, station string, date schedules.Date, revision *int64,
	edits []schedules.Edit) (schedules.Rundown, error) {
	var out schedules.Rundown
	err := s.replica.Retry(ctx, func() error {
		latest, err := s.rundowns.drafted(ctx, station, date, revision)
		if err != nil {
			return err
		}
		in, err := s.inputs.gather(ctx, station, date, otherDays{})
		if err != nil {
			return err
		}
		edited, problems := in.Apply(latest.rundown, edits)
		if err := replica.Invalid(problems); err != nil {
			return err
		}
		edited, why, err := s.planning.Catalogue(in.Library).Repeat(ctx, in, edited)
		if err != nil {
			return err
		}
		if reflect.DeepEqual(edited.Items, latest.rundown.Items) { // without a change there is no new revision
			out = latest.rundown
			return nil
		}
		found, err := judged(ctx, in, latest.rundown, edited)
		if err != nil {
			return err
		}
		edited.Warnings = append(edited.Warnings, found...)
		beside, err := s.neighbours.ofDraft(ctx, in, edited, latest.rundown, PlanOptions{})
		if err != nil {
			return err
		}
		edited.Warnings = append(edited.Warnings, beside...)
		out, err = s.save(ctx, a, latest, edited, why, "rundown.edit", nil)
		return err
	})
	return out, err
}

// judged returns the warnings of an edited rundown other than those about its times: the hard rules that it still
// breaks, for which publication will refuse it, the soft rules that it bends, and the warnings of the previous plan
// that still apply.
func judged(ctx context.Context, in schedules.Input, before, edited schedules.Rundown) ([]schedules.Warning, error) {
	violations, err := audited(ctx, in, edited, in.Over)
	if err != nil {
		return nil, err
	}
	var out []schedules.Warning
	soft := map[[2]string]int{} // rule and window -> index of its warning in out
	for _, v := range violations {
		w := schedules.Warning{Code: schedules.WarnRuleBent, Window: v.Window, Item: v.Item, Message: v.Rule + ": " +
			itemPrefix(edited, v.Item) + v.Message}
		if v.Hard {
			w.Code, w.Message = schedules.WarnHard, w.Message+". Publication will refuse this day until it is put right."
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
		if stillApplies(w, before, edited) {
			out = append(out, w)
		}
	}
	return out, nil
}

// stillApplies reports whether a warning of a rundown applies to its edited form as it did before: the edits did not
// change its item, or the items of its window. It reports false for warnings that every edit computes again.
func stillApplies(w schedules.Warning, before, edited schedules.Rundown) bool {
	switch w.Code {
	case schedules.WarnHard, schedules.WarnRuleBent, schedules.WarnDemandUnmet, schedules.WarnGap, schedules.WarnOverrun,
		schedules.WarnNotAirable, warnSameDay, warnLaterDays, warnOutdated:
		return false
	case schedules.WarnStopped:
		return len(edited.Open()) > 0
	case schedules.WarnClockChange, schedules.WarnException, schedules.WarnOver: // these do not depend on the items
		return true
	}
	if w.OfEdits() {
		return true
	}
	if w.Item != "" {
		of := w.Items
		if len(of) == 0 {
			of = []string{w.Item}
		}
		return !slices.ContainsFunc(of, func(id string) bool {
			was, known := before.Item(id)
			is, there := edited.Item(id)
			return !there || known && !sameAiring(was, is)
		})
	}
	in := func(r schedules.Rundown) []schedules.Item {
		return slices.DeleteFunc(slices.Clone(r.Items), func(i schedules.Item) bool { return i.Window != w.Window })
	}
	return sameItems(in(before), in(edited))
}

func sameAiring(a, b schedules.Item) bool {
	return a.SegmentID == b.SegmentID && a.SHA256 == b.SHA256 && a.StartAt.Equal(b.StartAt.Time) &&
		a.CueIn == b.CueIn && a.CueOut == b.CueOut
}

// sameItems reports whether both lists air the same recordings at the same times.
func sameItems(a, b []schedules.Item) bool { return slices.EqualFunc(a, b, sameAiring) }

// save stores r as the day's next revision. account, if there is one, adds a write to the same commit.
func (s *Drafts) save(ctx context.Context, a access.Actor, before latestRundown, r schedules.Rundown,
	why []schedules.Explanation, action string, account func(schedules.Rundown) (store.Write, error)) (schedules.Rundown,
	error) {
	r.Status, r.PublishedAt = schedules.Draft, schedules.Instant{}
	next, writes, err := s.rundowns.nextRevisions(ctx, before, schedules.Rundown{}, r)
	if err != nil {
		return r, err
	}
	r = next[0]
	if why != nil {
		reasons, err := explanationsWrite(r, why)
		if err != nil {
			return r, err
		}
		writes = append(writes, reasons)
	}
	if account != nil {
		kept, err := account(r)
		if err != nil {
			return r, err
		}
		writes = append(writes, kept)
	}
	return r, s.replica.Commit(ctx, store.Commit{Writes: writes, Origin: a.Origin(s.now(), action, "")})
}

// Plan drafts a station's day, given the drafts and publications of the days before it. Items that are published and
// frozen, locked, or named by o.Keep stay unchanged. It fails with Unsatisfiable if there is no plan that keeps all
// rules, or none was found.
func (s *Drafts) Plan(ctx context.Context, a access.Actor, station string, date schedules.Date, o PlanOptions) (
	schedules.Rundown, error) {
	var out schedules.Rundown
	err := s.replica.Retry(ctx, func() error {
		latest, err := s.rundowns.latest(ctx, station, date)
		if err != nil {
			return err
		}
		if err := replica.CheckRevision(o.Revision, latest.rundown.Revision); err != nil {
			return err
		}
		before, err := s.queues.Counter(ctx, station)
		if err != nil {
			return err
		}
		in, err := s.inputs.gather(ctx, station, date, otherDays{request: o.Drafts})
		if err != nil {
			return err
		}
		in.Seed = o.Seed
		var gone []schedules.Warning
		if in.Keep, gone, err = s.kept(ctx, in.Station, latest.rundown, o.Keep); err != nil {
			return err
		}
		plan, err := s.planning.Catalogue(in.Library).Plan(ctx, in)
		if err != nil {
			return unsatisfiable(err)
		}
		out = plan.Rundown
		beside, err := s.neighbours.ofDraft(ctx, in, out, latest.rundown, o)
		if err != nil {
			return err
		}
		over, err := s.plannedOver(ctx, latest.rundown, out)
		if err != nil {
			return err
		}
		out.Warnings = append(out.Warnings, slices.Concat(beside, gone, over)...) // never nil, as the contract lists it
		if o.DryRun {
			return nil
		}
		if len(in.Owed) > 0 {
			latest.counter = &before // planning another day meanwhile may settle the same make-good
		}
		out, err = s.save(ctx, a, latest, out, plan.Explanations, "rundown.plan", o.account)
		return err
	})
	return out, err
}

// kept returns the items that a new plan must not move: the frozen items of the published rundown, and the locked or
// requested items of the latest one. For a locked item that may no longer air it returns a warning instead.
func (s *Drafts) kept(ctx context.Context, st schedules.Station, latest schedules.Rundown, asked []string) (
	[]schedules.Item, []schedules.Warning, error) {
	if latest.Station == "" {
		if len(asked) > 0 {
			return nil, nil, fault.Fields(fault.Field{Field: "keep", Message: "names items, but there is no rundown yet"})
		}
		return nil, nil, nil
	}
	var warnings []schedules.Warning
	gone := s.planning.Library().Removals(st.Complete(latest), s.now())
	keep := map[string]schedules.Item{}
	for _, i := range latest.Items {
		if i.Locked && gone[i.ID] != "" {
			warnings = append(warnings, schedules.Warning{Code: schedules.WarnTakenOut, Window: i.Window,
				Message: itemPrefix(latest, i.ID) + gone[i.ID] + ". It was locked; the plan leaves it out."})
		} else if i.Locked {
			keep[i.ID] = i
		}
	}
	for n, id := range asked {
		i, ok := latest.Item(id)
		if !ok {
			return nil, nil, fault.Fields(fault.Field{Field: fmt.Sprintf("keep[%d]", n),
				Message: fmt.Sprintf("%q is no item of the latest rundown", id)})
		}
		keep[id] = i
	}
	frozen, err := s.rundowns.frozen(ctx, latest.Station, latest.Date)
	if err != nil {
		return nil, nil, err
	}
	for _, i := range frozen {
		keep[i.ID] = i
	}
	return slices.SortedFunc(maps.Values(keep), func(a, b schedules.Item) int {
		return a.StartAt.Compare(b.StartAt.Time)
	}), warnings, nil
}

// plannedOver returns a warning if a plan with other items replaces a draft that somebody had edited.
func (s *Drafts) plannedOver(ctx context.Context, latest, plan schedules.Rundown) ([]schedules.Warning, error) {
	if latest.Status != schedules.Draft || sameItems(latest.Items, plan.Items) {
		return nil, nil
	}
	editors, err := s.rundowns.editors(ctx, latest)
	if err != nil || len(editors) == 0 {
		return nil, err
	}
	return []schedules.Warning{{Code: schedules.WarnPlannedOver, Message: fmt.Sprintf("This plan replaces "+
		"revision %d, which %s had edited by hand and nobody had published. Locked items stay in their places; items that "+
		"were taken out may be back: diff from revision %d shows the differences.", latest.Revision, named(editors),
		latest.Revision)}}, nil
}
