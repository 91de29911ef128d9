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

// Place is a resource with limited space.
type Place interface {
	// Fit returns how many of size bytes the place can reserve without harm; 0 if it is unlimited.
	Fit(ctx context.Context, size int64) (int64, error)
	// Free returns how many bytes can be written besides the reserved ones.
	Free(ctx context.Context) (int64, error)
	// Held returns the number of reserved bytes, whoever reserved them.
	Held(ctx context.Context) (int64, error)
	// Hold sets the number of reserved bytes to n, and returns the resulting number. It fails with Full if there is no
	// space for more.
	Hold(ctx context.Context, n int64) (int64, error)
}

// Unbounded is the free space of a place that is unlimited or does not report its limits.
const Unbounded = math.MaxInt64

// steps is the number of steps in which the reserve is released, so that other users of the disk do not take all of it
// at once.
const steps = 4

// Reserve is the space reserved in one place.
type Reserve struct {
	place Place
	name  string // of the place, for messages
	size  int64  // desired number of reserved bytes
	log   *slog.Logger

	mu    sync.Mutex // serialises changes of the reserve
	held  atomic.Int64
	spent atomic.Int64 // number of released steps
}

// Open reserves size bytes of the place, or as many as fit. A full place is not an error: Open reserves as much as
// possible, and Run the rest later.
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

// refillInterval is the interval at which Run tries to reserve released bytes again.
const refillInterval = 2 * time.Second

// Run reserves released bytes again once there is space, until ctx ends.
func (r *Reserve) Run(ctx context.Context) error {
	tick := time.NewTicker(refillInterval)
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

// Refill reserves released bytes again, if there is space for them and for the margin of uploads.
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

// margin is the space that uploads leave free besides the reserve, so that ordinary writes do not need it.
func (r *Reserve) margin() int64 { return r.size / 2 }

// Bulk fails with Full unless there is space for n bytes that can wait, besides the reserve.
func (r *Reserve) Bulk(ctx context.Context, n int64) error {
	free, err := r.place.Free(ctx)
	if err != nil {
		return nil // the write itself reports the error
	}
	missing := r.size - r.held.Load()
	if free-missing-r.margin() >= n {
		return nil
	}
	return fault.New(fault.Full, "there is no room for this: it needs %s, and %s of %s are free, of which %s are kept "+
		"for recalls, publications and reports. "+
		"Free some space, and send it again", megabytes(n), megabytes(free), r.name, megabytes(missing+r.margin()))
}

// ordinary fails with Full while the reserve is incomplete.
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

// spend releases a step of the reserve, unless another call has since the count was read. It returns false if nothing
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
	if err != nil && !fault.Is(err, fault.Full) { // Full: another call has released it, and nothing is left
		r.log.Error("room for what is urgent could not be given out", "place", r.name, "error", err)
		return false
	}
	r.held.Store(left)
	r.spent.Add(1)
	r.log.Warn("there is no room: what is urgent uses what was kept for it", "place", r.name, "left_bytes", left)
	return true
}

// State describes the available space.
type State struct {
	Free int64 // besides the reserve
	Held int64 // reserved for urgent writes
	Size int64 // desired number of reserved bytes
}

// State returns the present state.
func (r *Reserve) State(ctx context.Context) (State, error) {
	free, err := r.place.Free(ctx)
	return State{Free: free, Held: r.held.Load(), Size: r.size}, err
}

// Ready describes a shortage in words, or returns "" if there is none. It fails with Full if there is no space even for
// urgent writes.
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
