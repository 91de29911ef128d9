package reserve

import (
	"context"
	"io"
	"time"

	"lifeline/internal/blob"
	"lifeline/internal/control"
	"lifeline/internal/fault"
	"lifeline/internal/store"
)

// Documents is a store that is open.
type Documents interface {
	control.Store
	Close() error
}

// Recordings is a place for audio that is open.
type Recordings interface {
	blob.Store
	Close() error
}

// Store is d, which is in the reserve's place: what is urgent is written as long as anything is held.
func (r *Reserve) Store(d Documents) Documents { return &guarded{d, r} }

type guarded struct {
	Documents
	reserve *Reserve
}

// Commit is Documents'.
func (g *guarded) Commit(ctx context.Context, c store.Commit) (changes []store.Change, err error) {
	urgency := control.UrgencyOf(c)
	switch urgency {
	case control.Bulk:
		err = g.reserve.Bulk(ctx, 0)
	case control.Ordinary:
		err = g.reserve.ordinary(ctx)
	}
	if err != nil {
		return nil, err
	}
	write := func() (err error) {
		changes, err = g.Documents.Commit(ctx, c)
		return err
	}
	if urgency == control.Urgent {
		err = g.reserve.urgently(ctx, write)
	} else {
		err = write()
	}
	return changes, err
}

// Append is Documents'.
func (g *guarded) Append(ctx context.Context, entries []store.Entry) (fresh []bool, err error) {
	err = g.reserve.urgently(ctx, func() (err error) {
		fresh, err = g.Documents.Append(ctx, entries)
		return err
	})
	return fresh, err
}

// Forget is Documents'.
func (g *guarded) Forget(ctx context.Context, station string, sequences []int64) error {
	return g.reserve.urgently(ctx, func() error { return g.Documents.Forget(ctx, station, sequences) })
}

// Trim is Documents'.
func (g *guarded) Trim(ctx context.Context, through int64) error {
	return g.reserve.urgently(ctx, func() error { return g.Documents.Trim(ctx, through) })
}

// Claim is Documents'.
func (g *guarded) Claim(ctx context.Context, name, holder string, life time.Duration) (ours bool, err error) {
	err = g.reserve.urgently(ctx, func() (err error) {
		ours, err = g.Documents.Claim(ctx, name, holder, life)
		return err
	})
	return ours, err
}

// Release is Documents'.
func (g *guarded) Release(ctx context.Context, name, holder string) error {
	return g.reserve.urgently(ctx, func() error { return g.Documents.Release(ctx, name, holder) })
}

// urgently writes, and again with what was held, a step at a time, while there is no room.
func (r *Reserve) urgently(ctx context.Context, write func() error) error {
	for {
		counted := r.spent.Load()
		err := write()
		if !fault.Is(err, fault.Full) || !r.spend(ctx, counted) {
			return err
		}
	}
}

// Audio is a, whose recordings pass through the reserve's place: they are refused before they take what is held.
func (r *Reserve) Audio(a Recordings) Recordings { return &watched{a, r} }

type watched struct {
	Recordings
	reserve *Reserve
}

// Put is blob.Store's.
func (w *watched) Put(ctx context.Context, r io.Reader, limit int64) (blob.Blob, error) {
	if err := w.reserve.Bulk(ctx, 0); err != nil {
		return blob.Blob{}, err
	}
	return w.Recordings.Put(ctx, &watching{r: r, ctx: ctx, reserve: w.reserve}, limit)
}

// watchEvery is after how many bytes it is looked whether there is still room.
const watchEvery = 256 << 10

// watching is a reader that fails with Full when there is no more room for what it reads.
type watching struct {
	r       io.Reader
	ctx     context.Context
	reserve *Reserve
	since   int64 // bytes since the last look
}

func (w *watching) Read(p []byte) (int, error) {
	if w.since >= watchEvery {
		w.since = 0
		if err := w.reserve.Bulk(w.ctx, 0); err != nil {
			return 0, err
		}
	}
	n, err := w.r.Read(p)
	w.since += int64(n)
	return n, err
}
