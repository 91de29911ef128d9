package scheduling

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"lifeline/internal/replica"
	"lifeline/internal/store"
	"lifeline/schedules"
)

// rebased returns draft, which is based on base, rebased onto next, the successor of base, with warnings about the
// changes. It keeps the draft's edits, except for items that may no longer air, and takes everything else from next. It
// returns nil if the result equals next and there is nothing to warn of.
func (s *Repairer) rebased(ctx context.Context, draft, base, next schedules.Rundown) (*schedules.Rundown, error) {
	st, err := s.network.Station(draft.Station)
	if err != nil {
		return nil, err
	}
	now := s.now()
	gone := s.planning.Library().Removals(st.Complete(draft), now)
	out, lost := draft.Rebase(base, next, gone, now)
	out = s.bounded(out)
	if len(lost) == 0 && sameDay(out, next) && !slices.ContainsFunc(out.Warnings, schedules.Warning.OfEdits) {
		return nil, nil
	}
	editors, err := s.rundowns.editors(ctx, draft)
	if err != nil {
		return nil, err
	}
	s.recheck(ctx, &out)
	out.Warnings = slices.DeleteFunc(out.Warnings, func(w schedules.Warning) bool {
		return w.Code == schedules.WarnRebased
	})
	kept := "The draft keeps its changes"
	if len(editors) > 0 {
		kept = "The draft keeps what " + named(editors) + " edited by hand"
	}
	cure := ""
	if len(out.Open()) > 0 {
		cure = " To fill the open time, edit the draft or plan the day anew: locked items stay, and edited items are locked."
	}
	out.Warnings = append(out.Warnings, schedules.Warning{Code: schedules.WarnRebased, Message: "A repair changed the " +
		"published day while this draft was not published. " + kept + "; everything else is as it is published now." + cure})
	for _, i := range lost {
		hand := ""
		if i.Locked {
			hand = " It had been put there by hand."
		}
		out.Warnings = append(out.Warnings, schedules.Warning{Code: schedules.WarnTakenOut, Window: i.Window,
			Message: itemPrefix(draft, i.ID) + gone[i.ID] + ". It is taken out of this draft." + hand})
	}
	return &out, nil
}

// recheck computes again which rules a draft breaks. If that fails, the draft keeps its earlier warnings: a repair must
// not wait for them, and publication audits the draft anyway.
func (s *Repairer) recheck(ctx context.Context, draft *schedules.Rundown) {
	in, err := s.inputs.gather(ctx, draft.Station, draft.Date, otherDays{})
	if err != nil {
		return
	}
	found, err := judged(ctx, in, *draft, *draft)
	if err != nil {
		return
	}
	open := slices.DeleteFunc(draft.Warnings, func(w schedules.Warning) bool { return w.Code != schedules.WarnGap })
	draft.Warnings = append(open, found...)
}

// Shown returns a revision of a day as Rundown does, for display. On the latest draft it adds warnings about the items
// that may no longer air, for which publication would refuse it.
func (s *Rundowns) Shown(ctx context.Context, station string, date schedules.Date, revision int64) (schedules.Rundown,
	error) {
	r, err := s.Rundown(ctx, station, date, revision)
	if err != nil || revision != 0 || r.Status != schedules.Draft {
		return r, err
	}
	st, err := s.network.Station(station)
	if err != nil {
		return r, err
	}
	gone := s.planning.Library().Removals(st.Complete(r), s.now())
	for _, i := range r.Items {
		reported := slices.ContainsFunc(r.Warnings, func(w schedules.Warning) bool {
			return w.Code == schedules.WarnNotAirable && w.Item == i.ID
		})
		if why := gone[i.ID]; why != "" && !reported {
			r.Warnings = append(r.Warnings, schedules.Warning{Code: schedules.WarnNotAirable, Window: i.Window, Item: i.ID,
				Message: itemPrefix(r, i.ID) + why + ". Replace it or take it out: publication refuses this draft until then."})
		}
	}
	return r, nil
}

// sameDay reports whether both have the same items and the same number of windows.
func sameDay(a, b schedules.Rundown) bool {
	return len(schedules.Diff(a, b)) == 0 && len(a.Windows) == len(b.Windows)
}

// editors returns the names of the people who edited a draft since its day was last planned, published or withdrawn,
// the latest first.
func (s *Rundowns) editors(ctx context.Context, draft schedules.Rundown) (out []string, err error) {
	changes, err := s.store.Audit(ctx, store.AuditQuery{Kind: replica.KindRundown,
		ID: replica.DayID(draft.Station, draft.Date), Newest: true, Limit: 500})
	for _, c := range changes {
		switch c.Action {
		case "rundown.edit":
			if !slices.Contains(out, c.By) {
				out = append(out, c.By)
			}
		case "rundown.plan", "queue.publish", replica.ActWithdraw:
			return out, err
		}
	}
	return out, err
}

// named joins names for display.
func named(persons []string) string {
	last := len(persons) - 1
	if last < 1 {
		return strings.Join(persons, "")
	}
	return strings.Join(persons[:last], ", ") + " and " + persons[last]
}

// setAside returns a warning if a withdrawal replaces a draft that somebody had edited.
func (s *Publisher) setAside(ctx context.Context, latest schedules.Rundown) ([]schedules.Warning, error) {
	if latest.Status != schedules.Draft {
		return nil, nil
	}
	editors, err := s.rundowns.editors(ctx, latest)
	if err != nil || len(editors) == 0 {
		return nil, err
	}
	return []schedules.Warning{{Code: schedules.WarnPlannedOver, Message: fmt.Sprintf("The day was withdrawn while %s "+
		"had edited it by hand in revision %d, which was not published: diff from that revision shows its items.", named(editors),
		latest.Revision)}}, nil
}
