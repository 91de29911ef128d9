package control

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"lifeline/internal/fault"
	"lifeline/internal/store"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// Keeper does the work that nobody asks for: it analyses what is behind, takes recalled segments out of published
// queues, and issues fallback lists. It is level-triggered: it compares what is with what should be, so that work
// lost in a crash is found again.
type Keeper struct {
	library   *Library
	scheduler *Scheduler
	log       *slog.Logger
	every     time.Duration
	running   atomic.Bool
	swept     time.Time
}

// NewKeeper looks after l and s at every change, and at least as often as every.
func NewKeeper(l *Library, s *Scheduler, log *slog.Logger, every time.Duration) *Keeper {
	return &Keeper{library: l, scheduler: s, log: log, every: every}
}

// Run works until ctx ends. What fails is logged and tried again.
func (k *Keeper) Run(ctx context.Context) error {
	k.running.Store(true)
	defer k.running.Store(false)
	for {
		signal := k.scheduler.mirror.signals.on(anyChange)
		for name, work := range map[string]func(context.Context) error{
			"analyse": k.library.AnalyseBehind, "repair": k.scheduler.Repair, "fallback": k.scheduler.IssueFallbacks,
			"sweep": k.sweep,
		} {
			if err := work(ctx); err != nil && ctx.Err() == nil {
				k.log.Error("background work failed and will be tried again", "work", name, "error", err)
			}
		}
		k.scheduler.mirror.forgetQueues(schedules.DateOf(k.scheduler.now()).AddDays(-queueDaysKept))
		select {
		case <-ctx.Done():
			return nil
		case <-signal:
			select { // changes come in crowds: one look serves those of a moment
			case <-ctx.Done():
				return nil
			case <-time.After(keeperPause):
			}
		case <-time.After(k.every):
		}
	}
}

// sweepEvery is how often audio that belongs to nobody is looked for: it lists all there is.
const sweepEvery = time.Hour

func (k *Keeper) sweep(ctx context.Context) error {
	now := k.scheduler.now()
	if now.Sub(k.swept) < sweepEvery {
		return nil
	}
	k.swept = now
	n, err := k.library.SweepOrphans(ctx, now.Add(-orphanAge))
	if n > 0 {
		k.log.Info("removed audio that interrupted uploads had left behind", "recordings", n)
	}
	return err
}

// Alive fails while no background work is done.
func (k *Keeper) Alive(context.Context) error {
	if !k.running.Load() {
		return errors.New("control: the background work is not running")
	}
	return nil
}

// keeperPause is the least time between a change and the look at what it left to do.
const keeperPause = 50 * time.Millisecond

// queueDaysKept is how many past days of queues stay in memory.
const queueDaysKept = 3

// Repair publishes anew every queue of today and later in which something still to come may not air any more, such
// as a recalled segment. Frozen or not, nothing else in it changes if that can be helped.
func (s *Scheduler) Repair(ctx context.Context) error {
	var failed error
	now := s.now()
	for id, row := range s.mirror.queues.after("", "") {
		q := row.value.Value
		if !q.ExpiresAt.After(now) || !slices.ContainsFunc(q.Items, func(i wire.QueueItem) bool { return s.mustGo(i.SegmentID, i.StartAt.Time, now) }) {
			continue
		}
		if err := s.repairDay(ctx, q.Station, q.Date); err != nil {
			failed = errors.Join(failed, fmt.Errorf("repair %s: %w", id, err))
		}
	}
	return failed
}

// mustGo reports whether a published item that has not begun may not air any more.
func (s *Scheduler) mustGo(segment string, start, now time.Time) bool {
	if start.Before(now) {
		return false
	}
	seg, ok := s.segment(segment)
	return !ok || seg.State == schedules.Recalled || seg.State == schedules.Rejected
}

// repairDay replans a published day around the items that must go and publishes the result: first with everything
// else in its place, then with the windows that they leave open to change. Where no plan is found the items go all the
// same, and the station airs its fallback in their place.
func (s *Scheduler) repairDay(ctx context.Context, station string, date schedules.Date) error {
	return retry(func() error {
		latest, err := s.latest(ctx, station, date)
		if err != nil {
			return err
		}
		base, err := s.published(ctx, station, date)
		if err != nil {
			return err
		}
		in, err := s.input(ctx, station, date)
		if err != nil {
			return err
		}
		in.Seed = base.Seed
		now := s.now()
		gone := s.goneFrom(base, now)
		rest := slices.DeleteFunc(slices.Clone(base.Items), gone)
		open := map[string]bool{}
		for _, i := range base.Items {
			open[i.Window] = open[i.Window] || gone(i)
		}
		untouched := slices.DeleteFunc(slices.Clone(rest), func(i schedules.Item) bool {
			return open[i.Window] && !i.Locked && i.StartAt.After(now)
		})
		next := base
		next.Items = rest
		for _, keep := range [][]schedules.Item{rest, untouched} {
			in.Keep = keep
			plan, planErr := in.Plan()
			if planErr == nil {
				next = plan.Rundown
				err = nil
				break
			}
			err = planErr
		}
		if err != nil {
			next.Warnings = append(slices.Clone(base.Warnings), schedules.Warning{Code: "gap",
				Message: "a segment was taken off the air and nothing could take its place: the station airs its fallback there: " + err.Error()})
		}
		_, err = s.publishNext(ctx, System, latest, next, "queue.repair", "something in it may not air any more")
		return err
	})
}

// goneFrom tells which items of a rundown must go: what may not air any more, and its whole chain.
func (s *Scheduler) goneFrom(r schedules.Rundown, now time.Time) func(schedules.Item) bool {
	items, chains := map[string]bool{}, map[string]bool{}
	for _, i := range r.Items {
		if s.mustGo(i.SegmentID, i.StartAt.Time, now) {
			items[i.ID] = true
			if i.Chain != "" {
				chains[i.Chain] = true
			}
		}
	}
	return func(i schedules.Item) bool { return items[i.ID] || chains[i.Chain] }
}

// fallbackDays is how far ahead a fallback list names the windows, so that a station without a queue knows its hours.
const fallbackDays = 14

// IssueFallbacks seals each station's fallback list anew where it has changed, and once a day.
func (s *Scheduler) IssueFallbacks(ctx context.Context) error {
	var failed error
	for id, row := range s.mirror.stations.after("", "") {
		if err := s.issueFallback(ctx, row.value); err != nil && !errors.Is(err, errRace) {
			failed = errors.Join(failed, fmt.Errorf("fallback of %s: %w", id, err))
		}
	}
	return failed
}

func (s *Scheduler) issueFallback(ctx context.Context, st schedules.Station) error {
	today := s.now().UTC().Truncate(24 * time.Hour)
	windows, err := st.Occurrences(today.AddDate(0, 0, -1), today.AddDate(0, 0, fallbackDays))
	if err != nil {
		return err
	}
	before, _ := s.mirror.fallback.get(st.ID)
	next := wire.Fallback{Schema: wire.FallbackSchema, Station: st.ID, Revision: before.revision + 1, IssuedAt: schedules.At(today),
		ExpiresAt: schedules.At(today.AddDate(0, 0, fallbackDays)), Windows: windows,
		Items: s.fallbackItems(st, s.now()), Recalled: s.recalledIDs()}
	if next.Windows == nil {
		next.Windows = []schedules.Occurrence{}
	}
	same := next
	same.Revision = before.revision
	payload, err := encode(same)
	if err != nil || bytes.Equal(payload, before.value.Payload) {
		return err
	}
	body, err := sealJSON(s.sealer, wire.FallbackType, next)
	if err != nil {
		return err
	}
	return s.mirror.Commit(ctx, store.Commit{
		Writes: []store.Write{{Kind: kindFallback, ID: st.ID, Expect: before.revision, Body: body}},
		Origin: System.origin(s.now(), "fallback.issue", "")})
}

// Fallback is a station's sealed fallback list. It fails with NotFound until the first is issued.
func (s *Scheduler) Fallback(station string) (Sealed[wire.Fallback], error) {
	row, ok := s.mirror.fallback.get(station)
	if !ok {
		return row.value, fault.New(fault.NotFound, "no fallback is issued for station %q yet", station)
	}
	return row.value, nil
}
