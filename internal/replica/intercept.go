package replica

import (
	"context"
	"time"

	"lifeline/internal/fault"
	"lifeline/internal/store"
)

// Call describes one call of a Store.
type Call struct {
	Name   string        // such as "store.commit", the name in metrics and traces
	Writes bool          // it changes stored data
	Long   bool          // it may take minutes
	Commit *store.Commit // set for a commit
	Fresh  []bool        // the result of an append, once it is known
}

// Interceptor runs do, once or more often, and returns the error of the call as a whole.
type Interceptor func(ctx context.Context, call *Call, do func(context.Context) error) error

// Intercept returns a Store that passes every call of s to through, except Ping, and Wait, which waits for changes.
func Intercept(s Store, through Interceptor) Store { return intercepted{s, through} }

// Bounded returns a Store that gives up each call of s, except Wait, Redact and Purge, after the time patience. Such a
// call fails with Unavailable. A commit that was given up may have been stored; it is never stored in part.
func Bounded(s Store, patience time.Duration) Store {
	return Intercept(s, func(ctx context.Context, call *Call, do func(context.Context) error) error {
		if call.Long {
			return do(ctx)
		}
		limited, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		err := do(limited)
		if err != nil && ctx.Err() == nil && limited.Err() != nil {
			err = fault.Wrap(fault.Unavailable, err, "the store does not answer")
		}
		return err
	})
}

type intercepted struct {
	Store
	through Interceptor
}

// made runs a call that returns a value.
func made[T any](ctx context.Context, a intercepted, call *Call, do func(context.Context) (T, error)) (v T, err error) {
	err = a.through(ctx, call, func(ctx context.Context) (err error) {
		v, err = do(ctx)
		return err
	})
	return v, err
}

// done runs a call that writes and returns no value.
func (a intercepted) done(ctx context.Context, name string, do func(context.Context) error) error {
	return a.through(ctx, &Call{Name: name, Writes: true}, do)
}

func (a intercepted) Get(ctx context.Context, kind, id string) (store.Document, error) {
	return made(ctx, a, &Call{Name: "store.get"}, func(ctx context.Context) (store.Document,
		error) {
		return a.Store.Get(ctx, kind, id)
	})
}

func (a intercepted) List(ctx context.Context, kind, after string, limit int) ([]store.Document, error) {
	return made(ctx, a, &Call{Name: "store.list"}, func(ctx context.Context) ([]store.Document, error) {
		return a.Store.List(ctx, kind, after, limit)
	})
}

func (a intercepted) Commit(ctx context.Context, c store.Commit) ([]store.Change, error) {
	return made(ctx, a, &Call{Name: "store.commit", Writes: true, Commit: &c}, func(ctx context.Context) ([]store.Change,
		error) {
		return a.Store.Commit(ctx, c)
	})
}

func (a intercepted) Changes(ctx context.Context, since int64, limit int) ([]store.Change, error) {
	return made(ctx, a, &Call{Name: "store.changes"}, func(ctx context.Context) ([]store.Change,
		error) {
		return a.Store.Changes(ctx, since, limit)
	})
}

func (a intercepted) Latest(ctx context.Context) (int64, error) {
	return made(ctx, a, &Call{Name: "store.latest"}, a.Store.Latest)
}

func (a intercepted) Append(ctx context.Context, entries []store.Entry) ([]bool, error) {
	call := &Call{Name: "store.append", Writes: true}
	return made(ctx, a, call, func(ctx context.Context) (_ []bool, err error) {
		call.Fresh, err = a.Store.Append(ctx, entries)
		return call.Fresh, err
	})
}

func (a intercepted) Read(ctx context.Context, station string, from, to time.Time) ([]store.Entry, error) {
	return made(ctx, a, &Call{Name: "store.read"}, func(ctx context.Context) ([]store.Entry,
		error) {
		return a.Store.Read(ctx, station, from, to)
	})
}

func (a intercepted) Audit(ctx context.Context, q store.AuditQuery) ([]store.Change, error) {
	return made(ctx, a, &Call{Name: "store.audit"}, func(ctx context.Context) ([]store.Change,
		error) {
		return a.Store.Audit(ctx, q)
	})
}

func (a intercepted) Claim(ctx context.Context, name, holder string, life time.Duration) (bool, error) {
	return made(ctx, a, &Call{Name: "store.claim", Writes: true}, func(ctx context.Context) (bool, error) {
		return a.Store.Claim(ctx, name, holder, life)
	})
}

func (a intercepted) Release(ctx context.Context, name, holder string) error {
	return a.done(ctx, "store.release", func(ctx context.Context) error { return a.Store.Release(ctx, name, holder) })
}

func (a intercepted) Forget(ctx context.Context, station string, sequences []int64) error {
	return a.done(ctx, "store.forget", func(ctx context.Context) error { return a.Store.Forget(ctx, station, sequences) })
}

func (a intercepted) Trim(ctx context.Context, through int64) error {
	return a.done(ctx, "store.trim", func(ctx context.Context) error { return a.Store.Trim(ctx, through) })
}

func (a intercepted) Redact(ctx context.Context, changes []store.Change, entries []store.Entry) error {
	return a.through(ctx, &Call{Name: "store.redact", Writes: true, Long: true}, func(ctx context.Context) error {
		return a.Store.Redact(ctx, changes, entries)
	})
}

func (a intercepted) Purge(ctx context.Context) error {
	return a.through(ctx, &Call{Name: "store.purge", Writes: true, Long: true}, a.Store.Purge)
}
