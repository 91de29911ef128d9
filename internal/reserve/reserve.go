package reserve

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"lifeline/internal/fault"
)

// Place is where room can run out.
type Place interface {
	// Fit is how much of size bytes the place can keep back without harm; 0 where it has no bounds.
	Fit(ctx context.Context, size int64) (int64, error)
	// Free is how many bytes may be written beside what is held.
	Free(ctx context.Context) (int64, error)
	// Held is how much is held, by whomever.
	Held(ctx context.Context) (int64, error)
	// Hold makes n what is held, more or less than before, and answers how much is. It fails with Full when there is
	// no room for more.
	Hold(ctx context.Context, n int64) (int64, error)
}

// Unbounded is the free room of a place that has no bounds, or does not tell them.
const Unbounded = math.MaxInt64

// steps is in how many steps what is held is given out, so that others on the same disk do not take all of it at once.
const steps = 4

// Reserve is the room that is kept back in one place.
type Reserve struct {
	place Place
	name  string // of the place, for people
	size  int64  // that should be held
	log   *slog.Logger

	mu    sync.Mutex // one change of what is held at a time
	held  atomic.Int64
	spent atomic.Int64 // counts the steps that were given out
}

// Open takes size bytes of the place, or as many as fit. A place that is full already is no failure: whatever can be
// held then is, and Run takes the rest later.
func Open(ctx context.Context, place Place, name string, size int64, log *slog.Logger) (*Reserve, error) {
	fits, err := place.Fit(ctx, size)
	if err != nil {
		return nil, fmt.Errorf("reserve: %s: %w", name, err)
	}
	r := &Reserve{place: place, name: name, size: min(size, fits), log: log}
	held, err := place.Hold(ctx, r.size)
	if err != nil && !fault.Is(err, fault.Full) {
		return nil, fmt.Errorf("reserve: %s: %w", name, err)
	}
	r.held.Store(held)
	if held < r.size {
		log.Warn("there is little room: uploads are refused until there is more", "place", name, "kept_bytes", held,
			"wanted_bytes", r.size)
	}
	return r, nil
}

// lookEvery is how often it is looked whether what was given out can be taken again.
const lookEvery = 2 * time.Second

// Run takes again what was given out, once there is room, until ctx ends.
func (r *Reserve) Run(ctx context.Context) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			r.Refill(ctx)
		}
	}
}

// Refill takes what was given out, if there is room for it and for as much again as uploads leave.
func (r *Reserve) Refill(ctx context.Context) {
	if held, err := r.place.Held(ctx); err == nil {
		r.held.Store(min(held, r.size))
	}
	missing := r.size - r.held.Load()
	if missing <= 0 {
		return
	}
	if free, err := r.place.Free(ctx); err != nil || free < missing+r.margin() {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	held, err := r.place.Hold(ctx, r.size)
	if err != nil {
		r.log.Warn("room for what is urgent could not be taken again", "place", r.name, "error", err)
		return
	}
	r.held.Store(held)
	r.log.Info("there is room again", "place", r.name)
}

// margin is what uploads leave free beside what is held, so that everyday writes need not touch that.
func (r *Reserve) margin() int64 { return r.size / 2 }

// Bulk fails with Full unless there is room for n bytes that can wait, beside what is kept for what cannot.
func (r *Reserve) Bulk(ctx context.Context, n int64) error {
	free, err := r.place.Free(ctx)
	if err != nil {
		return nil // the write itself says what is wrong
	}
	missing := r.size - r.held.Load()
	if free-missing-r.margin() >= n {
		return nil
	}
	return fault.New(fault.Full, "there is no room for this: it needs %s, and %s of %s are free, of which %s are kept "+
		"for recalls, publications and reports. "+
		"Free some space, and send it again", megabytes(n), megabytes(free), r.name, megabytes(missing+r.margin()))
}

// ordinary fails with Full while what is kept for what is urgent is not whole.
func (r *Reserve) ordinary(ctx context.Context) error {
	if r.held.Load() >= r.size {
		return nil
	}
	free, err := r.place.Free(ctx)
	if err != nil {
		return nil
	}
	return fault.New(fault.Full, "there is no room: %s of %s are left, and only recalls, publications, reports and "+
		"tokens may use them. "+
		"Free some space, and try again", megabytes(free+r.held.Load()), r.name)
}

// spend gives out a step of what is held, unless somebody has since the count was taken. It answers false when nothing
// is left.
func (r *Reserve) spend(ctx context.Context, counted int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.spent.Load() > counted {
		return true
	}
	held := r.held.Load()
	if held == 0 {
		return false
	}
	left, err := r.place.Hold(ctx, max(held-(r.size+steps-1)/steps, 0))
	if err != nil && !fault.Is(err, fault.Full) { // full: somebody else has given it out, and nothing is left
		r.log.Error("room for what is urgent could not be given out", "place", r.name, "error", err)
		return false
	}
	r.held.Store(left)
	r.spent.Add(1)
	r.log.Warn("there is no room: what is urgent uses what was kept for it", "place", r.name, "left_bytes", left)
	return true
}

// State is how much room there is.
type State struct {
	Free int64 // beside what is held
	Held int64 // for what is urgent
	Size int64 // that should be held
}

// State looks.
func (r *Reserve) State(ctx context.Context) (State, error) {
	free, err := r.place.Free(ctx)
	return State{Free: free, Held: r.held.Load(), Size: r.size}, err
}

// Ready says in words what is short; nothing when nothing is. It fails with Full when there is not even room for what
// is urgent.
func (r *Reserve) Ready(ctx context.Context) (short string, err error) {
	s, err := r.State(ctx)
	switch {
	case err != nil:
		return "", err
	case s.Held == 0 && s.Free <= 0:
		return "", fault.New(fault.Full, "%s is full: not even a recall can be stored", r.name)
	case s.Held < s.Size:
		return fmt.Sprintf("short: %s of %s are left, for recalls, publications, reports and tokens alone",
			megabytes(s.Free+s.Held), r.name), nil
	case s.Free < r.margin() || s.Free <= 0:
		return fmt.Sprintf("short: %s of %s are free beside %s that are kept for recalls, publications and reports; "+
			"uploads are refused",
			megabytes(s.Free), r.name, megabytes(s.Held)), nil
	}
	return "", nil
}

func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(max(n, 0))/1e6) }
