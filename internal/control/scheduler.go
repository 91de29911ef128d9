package control

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"lifeline/internal/fault"
	"lifeline/internal/store"
	"lifeline/schedules"
	"lifeline/schedules/planner"
)

// Scheduler keeps stations, clocks and rundowns, and publishes queues.
type Scheduler struct {
	mirror *Mirror
	store  Store
	sealer Sealer
	now    func() time.Time
	url    string        // of the service, in front of media paths
	lease  time.Duration // how long one lasts

	accounts *accounts
	prepared *prepared

	mu       sync.Mutex
	owing    map[string]owing         // by station
	refilled map[string]int64         // revision of a day's queue up to which its open times were looked at
	sealing  map[string]time.Time     // when the next day of a station is to be sealed
	sketches map[string]sketch        // of latest rundowns, by document id
	sketched int                      // items in them
	overlaps map[string]knownOverlaps // by station
}

// NewScheduler plans from what m holds. publicURL is where stations reach the service; lease is for how long they may air
// what is sensitive without asking again.
func NewScheduler(m *Mirror, s Store, sealer Sealer, now func() time.Time, publicURL string, lease time.Duration) *Scheduler {
	sch := &Scheduler{mirror: m, store: s, sealer: sealer, now: now, url: strings.TrimRight(publicURL, "/"), lease: lease,
		owing: map[string]owing{}, refilled: map[string]int64{}, sealing: map[string]time.Time{}, sketches: map[string]sketch{},
		overlaps: map[string]knownOverlaps{}, prepared: &prepared{mirror: m}}
	sch.accounts = &accounts{mirror: m, store: s, now: now, library: sch.prepare}
	return sch
}

// Rundown is one revision of a station's day, or the latest with revision 0. It fails with NotFound.
func (s *Scheduler) Rundown(ctx context.Context, station string, date schedules.Date, revision int64) (schedules.Rundown, error) {
	kind, id := kindRundown, dayID(station, date)
	if revision != 0 {
		kind, id = kindRevision, revisionID(station, date, revision)
	}
	d, err := s.store.Get(ctx, kind, id)
	if fault.Is(err, fault.NotFound) {
		if revision != 0 {
			return schedules.Rundown{}, fault.New(fault.NotFound, "station %q has no revision %d of its rundown for %s", station, revision, date)
		}
		return schedules.Rundown{}, fault.New(fault.NotFound, "station %q has no rundown for %s: plan it first", station, date)
	}
	if err != nil {
		return schedules.Rundown{}, err
	}
	return decode[schedules.Rundown](d)
}

func dayID(station string, date schedules.Date) string { return station + "/" + date.String() }

func revisionID(station string, date schedules.Date, revision int64) string {
	return fmt.Sprintf("%s/%s/%012d", station, date, revision)
}

// PlanOptions steer a plan.
type PlanOptions struct {
	Seed     uint64
	Keep     []string // ids of items of the latest rundown that stay
	Revision *int64   // of the latest rundown that the caller knows; nil: any
	DryRun   bool
	Together []schedules.Date    // the days that the same request plans
	Drafts   []schedules.Rundown // what it has planned before, but not stored
}

// Plan drafts a station's day after the drafts and publications of the days before it. What is published and frozen, locked, or asked for stays as it is. It fails with
// Unsatisfiable when the rules cannot all hold.
func (s *Scheduler) Plan(ctx context.Context, a Actor, station string, date schedules.Date, o PlanOptions) (schedules.Rundown, error) {
	var out schedules.Rundown
	err := s.mirror.retry(ctx, func() error {
		latest, err := s.latest(ctx, station, date)
		if err != nil {
			return err
		}
		if err := checkRevision(o.Revision, latest.rundown.Revision); err != nil {
			return err
		}
		before, err := s.counter(ctx, station)
		if err != nil {
			return err
		}
		in, err := s.input(ctx, station, date, outlook{request: o.Drafts})
		if err != nil {
			return err
		}
		in.Seed = o.Seed
		if in.Keep, err = s.kept(ctx, latest.rundown, o.Keep); err != nil {
			return err
		}
		plan, err := s.prepared.catalogue(in.Library).Plan(ctx, in)
		if err != nil {
			return unsatisfiable(err)
		}
		out = plan.Rundown
		beside, err := s.beside(ctx, in, out, latest.rundown, o)
		if err != nil {
			return err
		}
		out.Warnings = append(out.Warnings, beside...)
		if o.DryRun {
			return nil
		}
		if len(in.Owed) > 0 {
			latest.counter = &before // another day planned meanwhile may make the same good
		}
		out, err = s.saveDraft(ctx, a, latest, out, plan.Explanations, "rundown.plan")
		return err
	})
	return out, err
}

// latestRundown is the latest rundown of a day as it is stored. Its zero value stands for none.
type latestRundown struct {
	rundown  schedules.Rundown
	document int64           // revision of the document
	counter  *store.Document // of the station's revisions, where no other day may have changed since; nil: any may
}

func (s *Scheduler) latest(ctx context.Context, station string, date schedules.Date) (latestRundown, error) {
	d, err := s.store.Get(ctx, kindRundown, dayID(station, date))
	if fault.Is(err, fault.NotFound) {
		return latestRundown{}, nil
	}
	if err != nil {
		return latestRundown{}, err
	}
	r, err := decode[schedules.Rundown](d)
	return latestRundown{rundown: r, document: d.Revision}, err
}

// kept are the items that a new plan leaves where they are: of the published rundown what is frozen now, of the
// latest what is locked or asked for.
func (s *Scheduler) kept(ctx context.Context, latest schedules.Rundown, asked []string) ([]schedules.Item, error) {
	if latest.Station == "" {
		if len(asked) > 0 {
			return nil, fault.Fields(fault.Field{Field: "keep", Message: "names items, but there is no rundown yet"})
		}
		return nil, nil
	}
	keep := map[string]schedules.Item{}
	for _, i := range latest.Items {
		if i.Locked {
			keep[i.ID] = i
		}
	}
	for n, id := range asked {
		i, ok := latest.Item(id)
		if !ok {
			return nil, fault.Fields(fault.Field{Field: fmt.Sprintf("keep[%d]", n), Message: fmt.Sprintf("there is no item %q in the latest rundown", id)})
		}
		keep[id] = i
	}
	frozen, err := s.frozen(ctx, latest.Station, latest.Date)
	if err != nil {
		return nil, err
	}
	for _, i := range frozen {
		keep[i.ID] = i
	}
	return slices.SortedFunc(maps.Values(keep), func(a, b schedules.Item) int { return a.StartAt.Compare(b.StartAt.Time) }), nil
}

// frozen are the published items of windows that start within the station's freeze, or have started.
func (s *Scheduler) frozen(ctx context.Context, station string, date schedules.Date) ([]schedules.Item, error) {
	r, err := s.published(ctx, station, date)
	if err != nil || r.Station == "" {
		return nil, err
	}
	st, err := s.Station(station)
	if err != nil {
		return nil, err
	}
	return frozenItems(r, s.now().Add(st.Freeze.Duration)), nil
}

func frozenItems(r schedules.Rundown, horizon time.Time) []schedules.Item {
	frozen := map[string]bool{}
	for _, w := range r.Windows {
		frozen[w.Window+w.StartAt.String()] = !w.StartAt.After(horizon)
	}
	var out []schedules.Item
	for _, i := range r.Items {
		if slot, ok := r.SlotOf(i); ok && frozen[slot.Window+slot.StartAt.String()] {
			out = append(out, i)
		}
	}
	return out
}

// published is the rundown that a station's queue was made of, or the zero Rundown.
func (s *Scheduler) published(ctx context.Context, station string, date schedules.Date) (schedules.Rundown, error) {
	q, err := s.Queue(ctx, station, date)
	if fault.Is(err, fault.NotFound) {
		return schedules.Rundown{}, nil
	}
	if err != nil {
		return schedules.Rundown{}, err
	}
	return s.Rundown(ctx, station, date, q.Value.Revision)
}

// input gathers what planning a day depends on.
func (s *Scheduler) input(ctx context.Context, station string, date schedules.Date, o outlook) (schedules.Input, error) {
	st, err := s.Station(station)
	if err != nil {
		return schedules.Input{}, err
	}
	in := schedules.Input{Station: st, Date: date, Clocks: map[string]schedules.Clock{}, Library: s.prepare()}
	for _, w := range st.Windows {
		if c, ok := clocksIn(s.mirror).get(w.Clock); ok {
			in.Clocks[w.Clock] = c.value
		}
	}
	if in.Published, err = s.published(ctx, station, date); err != nil {
		return in, err
	}
	in.Over = s.now()
	in.Frozen = in.Over.Add(st.Freeze.Duration)
	in.Campaigns = s.campaigns()
	if in.Owed, err = s.owed(ctx, st, date, o.request); err != nil {
		return in, err
	}
	in.History, err = s.history(ctx, in, o)
	return in, err
}

// prepare answers the library for planning.
func (s *Scheduler) prepare() *schedules.Library { return s.prepared.library() }

// unsatisfiable tells a scheduler why there is no plan: the rules conflict, or none was found. It passes on any other
// error.
func unsatisfiable(err error) error {
	var conflict *planner.Unsatisfiable
	var none *planner.NotFound
	if errors.As(err, &conflict) || errors.As(err, &none) {
		return &fault.Error{Kind: fault.Unsatisfiable, Public: err.Error()}
	}
	return err
}
