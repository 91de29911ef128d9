package control

import (
	"context"
	"time"

	"lifeline/internal/fault"
	"lifeline/internal/store"
)

// Bounded is s, whose every call ends within a time, but for Wait, which waits for changes, and Forget and Trim, which may
// have much to do. What does not fails with Unavailable; a commit that does not may have been made, wholly, or not.
func Bounded(s Store, patience time.Duration) Store { return bounded{s, patience} }

type bounded struct {
	Store
	patience time.Duration
}

// answered calls f with a context that ends after the patience.
func answered[T any](ctx context.Context, patience time.Duration, f func(context.Context) (T, error)) (T, error) {
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	v, err := f(limited)
	if err != nil && ctx.Err() == nil && limited.Err() != nil {
		err = fault.Wrap(fault.Unavailable, err, "the store does not answer")
	}
	return v, err
}

func (b bounded) Get(ctx context.Context, kind, id string) (store.Document, error) {
	return answered(ctx, b.patience, func(ctx context.Context) (store.Document, error) { return b.Store.Get(ctx, kind, id) })
}

func (b bounded) List(ctx context.Context, kind, after string, limit int) ([]store.Document, error) {
	return answered(ctx, b.patience, func(ctx context.Context) ([]store.Document, error) { return b.Store.List(ctx, kind, after, limit) })
}

func (b bounded) Commit(ctx context.Context, c store.Commit) ([]store.Change, error) {
	return answered(ctx, b.patience, func(ctx context.Context) ([]store.Change, error) { return b.Store.Commit(ctx, c) })
}

func (b bounded) Changes(ctx context.Context, since int64, limit int) ([]store.Change, error) {
	return answered(ctx, b.patience, func(ctx context.Context) ([]store.Change, error) { return b.Store.Changes(ctx, since, limit) })
}

func (b bounded) Latest(ctx context.Context) (int64, error) {
	return answered(ctx, b.patience, b.Store.Latest)
}

func (b bounded) Append(ctx context.Context, entries []store.Entry) ([]bool, error) {
	return answered(ctx, b.patience, func(ctx context.Context) ([]bool, error) { return b.Store.Append(ctx, entries) })
}

func (b bounded) Read(ctx context.Context, station string, from, to time.Time) ([]store.Entry, error) {
	return answered(ctx, b.patience, func(ctx context.Context) ([]store.Entry, error) { return b.Store.Read(ctx, station, from, to) })
}

func (b bounded) Audit(ctx context.Context, q store.AuditQuery) ([]store.Change, error) {
	return answered(ctx, b.patience, func(ctx context.Context) ([]store.Change, error) { return b.Store.Audit(ctx, q) })
}

func (b bounded) Claim(ctx context.Context, name, holder string, life time.Duration) (bool, error) {
	return answered(ctx, b.patience, func(ctx context.Context) (bool, error) { return b.Store.Claim(ctx, name, holder, life) })
}

func (b bounded) Release(ctx context.Context, name, holder string) error {
	return done(ctx, b.patience, func(ctx context.Context) error { return b.Store.Release(ctx, name, holder) })
}

func (b bounded) Forget(ctx context.Context, station string, sequences []int64) error {
	return done(ctx, b.patience, func(ctx context.Context) error { return b.Store.Forget(ctx, station, sequences) })
}

func (b bounded) Trim(ctx context.Context, through int64) error {
	return done(ctx, b.patience, func(ctx context.Context) error { return b.Store.Trim(ctx, through) })
}

// done is answered for a call that answers nothing.
func done(ctx context.Context, patience time.Duration, f func(context.Context) error) error {
	_, err := answered(ctx, patience, func(ctx context.Context) (struct{}, error) { return struct{}{}, f(ctx) })
	return err
}
