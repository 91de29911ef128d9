package scheduling

import (
	"context"
	"fmt"

	"lifeline/internal/access"
	"lifeline/internal/fault"
	"lifeline/internal/replica"
	"lifeline/internal/store"
	"lifeline/schedules"
)

// repeatWeeks is how many weeks back a day of the same weekday is looked for.
const repeatWeeks = 4

// publishRepeat publishes for a day what the newest published day of the same weekday airs, as far as it may air on
// this day and no hard rule refuses it, and returns that day. The draft, if there is one, stays the day's latest
// rundown. why is the reason why the day has no plan of its own. It fails with NotFound if there is nothing to repeat,
// with Stale unless the draft is the latest rundown, and with Conflict if a window overlaps one of another published
// day.
func (s *Publisher) publishRepeat(ctx context.Context, a access.Actor, st schedules.Station, d schedules.Date,
	draft schedules.Rundown, why string, account func(of schedules.Date) func(schedules.Rundown) (store.Write, error)) (
	of schedules.Date, err error) {
	err = s.replica.Retry(ctx, func() error {
		latest, err := s.rundowns.latest(ctx, st.ID, d)
		if err != nil {
			return err
		}
		if err := replica.CheckRevision(&draft.Revision, latest.rundown.Revision); err != nil {
			return err
		}
		in, err := s.inputs.gather(ctx, st.ID, d, otherDays{published: true})
		if err != nil {
			return err
		}
		var next schedules.Rundown
		if next, of, err = s.repeat(ctx, in); err != nil {
			return err
		}
		next = next.Onto(in.Published, s.now())
		if err := s.checkOverlap(in, next); err != nil {
			return err
		}
		next.WarnOpen(s.now())
		next.Warnings = append(next.Warnings, schedules.Warning{Code: schedules.WarnStandsIn,
			Message: fmt.Sprintf("This day repeats %s as far as that may air, since the standing order could not publish it "+
				"in time: %s.", of, why)})
		reasons := []schedules.Explanation{}
		for _, i := range next.Items {
			reasons = append(reasons, schedules.Explanation{Item: i.ID, Window: i.Window, Position: i.Position,
				SegmentID: i.SegmentID, Why: fmt.Sprintf("It repeats %s, since this day could not be published in time: %s",
					of, why)})
		}
		p := publication{before: latest, rundown: next, why: reasons, action: replica.ActionRepeat, account: account(of)}
		if latest.document > 0 {
			p.draft = &latest.rundown
		}
		_, err = s.publishNext(ctx, a, p)
		return err
	})
	return of, err
}

// repeat returns the day of in with the items of the newest published day of the same weekday of which anything may
// air, and that day.
func (s *Publisher) repeat(ctx context.Context, in schedules.Input) (r schedules.Rundown, of schedules.Date,
	err error) {
	windows, err := in.Station.Slots(in.Date)
	if err != nil {
		return r, of, err
	}
	clocks := map[string]schedules.Clock{}
	for _, w := range windows {
		clocks[w.Clock] = in.Clocks[w.Clock]
	}
	for week := 1; week <= repeatWeeks; week++ {
		of = in.Date.AddDays(-7 * week)
		published, err := s.rundowns.published(ctx, in.Station.ID, of)
		if err != nil {
			return r, of, err
		}
		if r, err = s.fit(ctx, in, schedules.Repeat(published, in.Date, windows, clocks)); err != nil || len(r.Items) > 0 {
			return r, of, err
		}
	}
	return r, of, fault.New(fault.NotFound, "of the last %d weeks no day of the same weekday is published of which anything "+
		"may air", repeatWeeks)
}

// fit returns a rundown without the items that may not air, or that a hard rule about what airs refuses. The time that
// this leaves open stays so.
func (s *Publisher) fit(ctx context.Context, in schedules.Input, r schedules.Rundown) (schedules.Rundown, error) {
	r.Station, r.Timezone = in.Station.ID, in.Station.Timezone
	for n := range r.Items {
		life, _ := in.Library.Life(r.Items[n].SegmentID)
		r.Items[n].NotAfter = life.Until
	}
	gone := in.Library.Removals(r, s.now())
	for {
		r = r.WithoutItems(gone, s.now())
		found, err := audited(ctx, in, r, s.now())
		if err != nil {
			return r, err
		}
		gone = map[string]string{}
		for _, v := range found {
			if i, known := r.Item(v.Item); known && v.Hard && !barsByForm(v) {
				gone[i.ID] = v.Message
				for _, other := range r.Items {
					if i.Chain != "" && other.Chain == i.Chain {
						gone[other.ID] = v.Message
					}
				}
			}
		}
		if len(gone) == 0 {
			return r, nil
		}
	}
}
