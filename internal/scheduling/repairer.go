package scheduling

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"sync"

	"lifeline/internal/network"
	"lifeline/internal/replica"
	"lifeline/internal/wire"
	"lifeline/schedules"
	"lifeline/schedules/planner"
)

// Repairer removes items that may no longer air from published queues, and searches for items to fill their time.
type Repairer struct {
	*core
	rundowns  *Rundowns
	inputs    *inputs
	publisher *Publisher

	budget time.Duration // see refillBudget

	mu       sync.Mutex
	refilled map[string]refillSearch        // by day: the last search for items to fill its open times
	removed  map[string]map[string]struct{} // by day: the segments that repairs by this replica took out of it
}

// refillSearch records a search for items to fill a queue's open times.
type refillSearch struct {
	revision int64         // the queue's revision after the search
	library  int64         // libraryChanges before the search
	budget   time.Duration // the longest time that the next search may take, if this one ran out of time
	next     time.Time     // when to search again, if this one ran out of time
}

// stopped reports whether the search ran out of time.
func (r refillSearch) stopped() bool { return !r.next.IsZero() }

// Repair removes from every queue that is not over the items that have not begun and may no longer air, because their
// segment was recalled, its validity or its consent was shortened, its audio was replaced, or something newer is
// published to air before it and a hard rule of order keeps it off the air then. It does not search for
// replacements, so that the removal takes effect at once: the station airs its fallback in the open time, and Refill
// searches afterwards. Nothing else changes, except that an item that may air under closer bounds than the queue
// declares gets those bounds.
func (s *Repairer) Repair(ctx context.Context, lock *replica.WorkLock) error {
	if len(s.broken()) == 0 {
		return nil
	}
	return lock.Do(ctx, "repair", 0, func(ctx context.Context) error {
		return eachDay(ctx, "repair", s.broken(), s.repairDay)
	})
}

// eachDay calls work for the day of each queue and joins the errors. A failure does not stop the rest.
func eachDay(ctx context.Context, name string, queues []wire.Queue, work func(ctx context.Context, station string,
	date schedules.Date) error) error {
	var failed error
	for _, q := range queues {
		if ctx.Err() != nil {
			return errors.Join(failed, ctx.Err())
		}
		if err := work(ctx, q.Station, q.Date); err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s %s %s: %w", name, q.Station, q.Date, err))
		}
	}
	return failed
}

// broken returns the queues that need repair, the soonest first.
func (s *Repairer) broken() []wire.Queue {
	now := s.now()
	clocks, ahead := s.ahead(now)
	return s.coming(func(q wire.Queue) bool {
		return len(s.removals(q, now)) > 0 || s.boundsTooWide(q, now) ||
			len(ahead) > 0 && len(s.planning.Library().Outdated(planOf(q), clocks, ahead, now)) > 0
	})
}

// coming returns the queues that are not over and for which ask returns true, the soonest first.
func (s *Repairer) coming(ask func(wire.Queue) bool) []wire.Queue {
	var out []wire.Queue
	for _, row := range replica.QueuesIn(s.replica).After("", "") {
		if q := row.Value.Value; q.ExpiresAt.After(s.now()) && ask(q) {
			out = append(out, q)
		}
	}
	slices.SortStableFunc(out, func(a, b wire.Queue) int { return a.ExpiresAt.Compare(b.ExpiresAt.Time) })
	return out
}

// removals returns the reasons, by item id, why items of a queue that have not begun may no longer air.
func (s *Repairer) removals(q wire.Queue, now time.Time) map[string]string {
	library := s.planning.Library()
	if !slices.ContainsFunc(q.Items, func(i wire.QueueItem) bool {
		if i.StartAt.Before(now) {
			return false
		}
		seg, known := library.Segment(i.SegmentID)
		return !known || seg.Language != i.Language ||
			library.Airable(i.SegmentID, schedules.Place{StartAt: i.StartAt.Time, EndAt: endOf(i),
				SHA256: i.Audio.SHA256}) != nil
	}) {
		return nil
	}
	r := planOf(q)
	if st, err := s.network.Station(q.Station); err == nil {
		r = st.Complete(r)
	}
	return library.Removals(r, now)
}

// ahead returns the clocks that have a hard rule about what is newer, and what all stations are still to air of the
// segments of such a rule; none if there are no such clocks. What has begun does not count: when it was published, it
// still did, and every later publication was checked against it.
func (s *Repairer) ahead(now time.Time) (clocks map[string]schedules.Clock, out []schedules.Airing) {
	var rules []schedules.Rule
	clocks = map[string]schedules.Clock{}
	for id, row := range replica.ClocksIn(s.replica).After("", "") {
		for _, r := range row.Value.Rules {
			if r.Hard && r.InOrder == schedules.ByNewest {
				clocks[id], rules = row.Value, append(rules, r)
			}
		}
	}
	if len(rules) == 0 {
		return nil, nil
	}
	library := s.planning.Library()
	for _, q := range s.coming(func(wire.Queue) bool { return true }) {
		for _, a := range planOf(q).Airings() {
			segment, known := library.Segment(a.SegmentID)
			if known && !a.StartAt.Before(now) && slices.ContainsFunc(rules, func(r schedules.Rule) bool {
				return r.Only.Matches(&segment)
			}) {
				out = append(out, a)
			}
		}
	}
	return clocks, out
}

// planOf returns the parts of a queue's rundown that determine when each item airs.
func planOf(q wire.Queue) schedules.Rundown {
	r := schedules.Rundown{Station: q.Station, Date: q.Date, Timezone: q.Timezone, Revision: q.Revision,
		Windows: q.Windows,
		Items:   make([]schedules.Item, len(q.Items))}
	for n, i := range q.Items {
		r.Items[n] = schedules.Item{ID: i.ID, Window: i.Window, SegmentID: i.SegmentID, SHA256: i.Audio.SHA256,
			Language: i.Language,
			StartAt:  *i.StartAt, Duration: i.Duration, Chain: i.Chain}
	}
	return r
}

// boundsTooWide reports whether the queue declares bounds that are too wide for an item that has not begun: a later end
// than its segment's, or no need of a lease although the segment is sensitive.
func (s *Repairer) boundsTooWide(q wire.Queue, now time.Time) bool {
	library := s.planning.Library()
	return slices.ContainsFunc(q.Items, func(i wire.QueueItem) bool {
		seg, known := library.Segment(i.SegmentID)
		life, _ := library.Life(i.SegmentID)
		return known && !i.StartAt.Before(now) && (seg.Sensitive && !i.Sensitive || i.NotAfter.Outlasts(life.Until))
	})
}

// repairDay publishes a day again without the items that may no longer air.
func (s *Repairer) repairDay(ctx context.Context, station string, date schedules.Date) error {
	return s.replica.Retry(ctx, func() error {
		latest, q, base, err := s.rundowns.publishedDay(ctx, station, date)
		if err != nil {
			return err
		}
		now := s.now()
		leaving := s.removals(q, now)
		if clocks, ahead := s.ahead(now); len(ahead) > 0 {
			// Refill follows the clocks that the day was published with, and would put back what only others bar.
			maps.DeleteFunc(clocks, func(id string, c schedules.Clock) bool { return base.Clocks[id].Revision != c.Revision })
			outdated := s.planning.Library().Outdated(base, clocks, ahead, now)
			maps.Copy(outdated, leaving)
			leaving = outdated
		}
		if len(leaving) == 0 && !s.boundsTooWide(q, now) {
			return nil // another replica was faster
		}
		_, err = s.publishRepaired(ctx, latest, base, s.bounded(base.WithoutItems(leaving, now)),
			takenOut(base, func(i schedules.Item) string { return leaving[i.ID] }), "something in it may not air any more")
		if err == nil {
			s.noteRemoved(base, leaving)
		}
		return err
	})
}

// noteRemoved remembers the segments of the items that left a day, for which Refill searches again when they return.
func (s *Repairer) noteRemoved(base schedules.Rundown, leaving map[string]string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	day := replica.DayID(base.Station, base.Date)
	if s.removed[day] == nil {
		s.removed[day] = map[string]struct{}{}
	}
	for _, i := range base.Items {
		if leaving[i.ID] != "" {
			s.removed[day][i.SegmentID] = struct{}{}
		}
	}
}

// returned returns the segments that a repair took out of a day and that may air again.
func (s *Repairer) returned(day string) (ids []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id := range s.removed[day] {
		if s.mayAir(id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// mayAir reports whether a segment may air at all.
func (s *Repairer) mayAir(id string) bool {
	library := s.planning.Library()
	e, known := library.Segment(id)
	life, alive := library.Life(id)
	return known && alive && e.State == schedules.Approved && life.BlockedBecause == ""
}

// takenOut returns explanations of the items of base that a repair takes out: those with a reason.
func takenOut(base schedules.Rundown, why func(schedules.Item) string) []schedules.Explanation {
	out := []schedules.Explanation{}
	for _, i := range base.Items {
		if reason := why(i); reason != "" {
			out = append(out, schedules.Explanation{Item: i.ID, Window: i.Window, Position: i.Position,
				SegmentID: i.SegmentID, Why: reason})
		}
	}
	return out
}

// refilledWith returns the explanations of what a search placed and of what gave way to it.
func refilledWith(base schedules.Rundown, plan planner.Plan, changes []schedules.ItemChange) []schedules.Explanation {
	gave := map[string]string{}
	for _, c := range changes {
		if c.Before != nil {
			gave[c.Before.ID] = c.Why
		}
	}
	out := takenOut(base, func(i schedules.Item) string {
		if _, stays := plan.Rundown.Item(i.ID); stays {
			return ""
		}
		return gave[i.ID]
	})
	for _, e := range plan.Explanations {
		if _, was := base.Item(e.Item); !was {
			out = append(out, e)
		}
	}
	return out
}

// publishRepaired publishes next in place of base, with the explanations of what it took out and placed. If there is a
// draft over base, it rebases the draft onto next.
func (s *Repairer) publishRepaired(ctx context.Context, latest latestRundown, base, next schedules.Rundown,
	why []schedules.Explanation, reason string) (schedules.Rundown, error) {
	p := publication{before: latest, base: base, rundown: next, why: why, action: "queue.repair", reason: reason}
	if latest.rundown.Status == schedules.Draft {
		draft, err := s.rebased(ctx, latest.rundown, base, next)
		if err != nil {
			return next, err
		}
		p.draft = draft
	}
	return s.publisher.publishAsService(ctx, p)
}

// bounded returns r with the present limits of the segments as NotAfter of the items that have not begun, where those
// are earlier.
func (s *Repairer) bounded(r schedules.Rundown) schedules.Rundown {
	library, now := s.planning.Library(), s.now()
	r.Items = slices.Clone(r.Items)
	for n := range r.Items {
		i := &r.Items[n]
		if life, _ := library.Life(i.SegmentID); !i.StartAt.Before(now) && i.NotAfter.Outlasts(life.Until) {
			i.NotAfter = life.Until
		}
	}
	return r
}

// refillBudget is the longest time for the first search for items to fill the open times of one day. A search that ran
// out of time is followed by another after refillPause, with twice the time, up to mostRefillBudget: on a machine that
// is busy or slow, the first may have filled nothing.
const (
	refillBudget     = 20 * time.Second
	mostRefillBudget = 8 * refillBudget
	refillPause      = time.Minute
)

// Refill searches for items to fill the open times that a repair left in published queues, once for each revision of a
// queue, and publishes the result. Windows that repeat others follow what these air now. A search that ran out of time
// is followed by a longer one. If so much of a window is open that it raises an alarm, Refill searches again after each
// change of the library, and if a segment that was taken out of the day may air again, once more. It keeps the windows
// that the day was published with, and changes nothing that has started or is frozen.
func (s *Repairer) Refill(ctx context.Context, lock *replica.WorkLock) error {
	if len(s.open()) == 0 {
		return nil
	}
	return lock.Do(ctx, "refill", 0, func(ctx context.Context) error {
		return eachDay(ctx, "refill", s.open(), s.refillDay)
	})
}

// open returns the queues with open times to come that need a search.
func (s *Repairer) open() []wire.Queue {
	now := s.now()
	return s.coming(func(q wire.Queue) bool {
		s.mu.Lock()
		last := s.refilled[replica.DayID(q.Station, q.Date)]
		s.mu.Unlock()
		back := len(s.returned(replica.DayID(q.Station, q.Date))) > 0
		again := back || last.stopped() && !now.Before(last.next) ||
			last.library != s.libraryChanges() && slices.ContainsFunc(q.Windows, func(w schedules.Slot) bool {
				_, tooOpen := network.TooOpen(q, w, now)
				return tooOpen
			})
		return s.behind(q, now) || (last.revision < q.Revision || again) && slices.ContainsFunc(planOf(q).Open(),
			func(o schedules.Occurrence) bool { return o.EndAt.After(now) })
	})
}

// behind reports whether a window of a queue repeats a published one whose items have changed since, and is not frozen.
func (s *Repairer) behind(q wire.Queue, now time.Time) bool {
	for _, w := range q.Windows {
		if w.Repeats == nil {
			continue
		}
		of, there := replica.QueuesIn(s.replica).Get(replica.DayID(q.Station, q.Date.AddDays(-w.Repeats.DaysBack)))
		st, err := s.network.Station(q.Station)
		if there && err == nil && w.StartAt.After(now.Add(st.Freeze.Duration)) &&
			w.Repeats.Outdated(planOf(of.Value.Value)) {
			return true
		}
	}
	return false
}

// libraryChanges counts the changes of segments and scripts, on which it depends what may air.
func (s *Repairer) libraryChanges() int64 {
	return replica.SegmentsIn(s.replica).Changes() + replica.ScriptsIn(s.replica).Changes()
}

// sameRepeats reports whether the windows of both repeat the same.
func sameRepeats(a, b schedules.Rundown) bool {
	return slices.EqualFunc(a.Windows, b.Windows, func(x, y schedules.Slot) bool {
		return x.Repeats == y.Repeats || x.Repeats != nil && y.Repeats != nil && x.Repeats.Items == y.Repeats.Items
	})
}

func (s *Repairer) refillDay(ctx context.Context, station string, date schedules.Date) error {
	return s.replica.Retry(ctx, func() error {
		latest, q, base, err := s.rundowns.publishedDay(ctx, station, date)
		if err != nil {
			return err
		}
		day, known, budget := replica.DayID(station, date), s.libraryChanges(), s.budget
		s.mu.Lock()
		if last := s.refilled[day]; last.stopped() {
			budget = last.budget
		}
		s.mu.Unlock()
		back := s.returned(day)
		in, err := s.inputs.gather(ctx, station, date, otherDays{published: true})
		if err != nil {
			return err
		}
		in.Seed = base.Seed
		in.Owed = slices.DeleteFunc(in.Owed, func(m schedules.MakeGood) bool { // start no new make-good
			return !slices.ContainsFunc(base.Items, func(i schedules.Item) bool { return i.MakesGood == m.ID })
		})
		searching, cancel := context.WithTimeout(ctx, budget)
		defer cancel()
		plan, changes, err := s.planning.Catalogue(in.Library).Replan(searching, in, base, s.now())
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		search := refillSearch{revision: q.Revision, library: known}
		if slices.ContainsFunc(plan.Rundown.Warnings, func(w schedules.Warning) bool {
			return w.Code == schedules.WarnStopped
		}) {
			search.budget, search.next = min(2*budget, mostRefillBudget), s.now().Add(refillPause)
		}
		if len(changes) > 0 || !sameRepeats(base, plan.Rundown) {
			next, err := s.publishRepaired(ctx, latest, base, s.bounded(plan.Rundown),
				refilledWith(base, plan, changes), "fills the open time")
			if err != nil {
				return err
			}
			search.revision = next.Revision
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.refilled[day] = search
		for _, id := range back {
			delete(s.removed[day], id)
		}
		return nil
	})
}
