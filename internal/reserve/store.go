package reserve

import (
	"context"
	"io"

	"lifeline/internal/blob"
	"lifeline/internal/fault"
	"lifeline/internal/replica"
)

// Recordings is an open audio store.
type Recordings interface {
	blob.Store
	Close() error
}

// Store returns s, which must be in the reserve's place, with the reserve applied: urgent writes succeed as long as any
// bytes are reserved.
func (r *Reserve) Store(s replica.Store) replica.Store {
	return replica.Intercept(s, func(ctx context.Context, call *replica.Call, do func(context.Context) error) error {
		if !call.Writes {
			return do(ctx)
		}
		urgency := replica.Urgent
		if call.Commit != nil {
			urgency = replica.UrgencyOf(*call.Commit)
		}
		var err error
		switch urgency {
		case replica.Urgent:
			return r.urgently(ctx, func() error { return do(ctx) })
		case replica.Bulk:
			err = r.Bulk(ctx, 0)
		default:
			err = r.ordinary(ctx)
		}
		if err != nil {
			return err
		}
		return do(ctx)
	})
}

// urgently runs write, and repeats it with released bytes, a step at a time, while there is no space.
func (r *Reserve) urgently(ctx context.Context, write func() error) error {
	for {
		counted := r.spent.Load()
		err := write()
		if !fault.Is(err, fault.Full) || !r.spend(ctx, counted) {
			return err
		}
	}
}

// Audio returns a with the reserve applied: recordings are refused before they use the reserve.
func (r *Reserve) Audio(a Recordings) Recordings { return &watched{a, r} }

type watched struct {
	Recordings
	reserve *Reserve
}

// Put implements blob.Store.
func (w *watched) Put(ctx context.Context, r io.Reader, limit int64) (blob.Blob, error) {
	if err := w.reserve.Bulk(ctx, 0); err != nil {
		return blob.Blob{}, err
	}
	return w.Recordings.Put(ctx, &checkedReader{r: r, ctx: ctx, reserve: w.reserve}, limit)
}

// watchEvery is the number of bytes after which the free space is checked.
const watchEvery = 256 << 10

// checkedReader is a reader that fails with Full when there is no space for the bytes that it reads.
type checkedReader struct {
	r       io.Reader
	ctx     context.Context
	reserve *Reserve
	since   int64 // bytes since the last check
}

func (w *checkedReader) Read(p []byte) (int, error) {
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
