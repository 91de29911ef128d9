package replica

import (
	"context"
	"errors"
	"slices"

	"lifeline/internal/fault"
	"lifeline/internal/store"
)

// pullPage is how many changes are read at once.
const pullPage = 1000

// follow waits for the next changes and applies them.
func (m *Replica) follow(ctx context.Context) error {
	since := m.Sequence()
	if err := m.Store.Wait(ctx, since); err != nil && !fault.Is(err, fault.Gone) {
		return err
	}
	return m.pull(ctx, since)
}

// CatchUp applies every change, by any replica, that the store acknowledged before the call. The caller then works from
// a current state.
func (m *Replica) CatchUp(ctx context.Context) error {
	latest, err := m.Store.Latest(ctx)
	if err != nil {
		return err
	}
	for since := m.Sequence(); since < latest; since = m.Sequence() {
		if err := m.pull(ctx, since); err != nil {
			return err
		}
	}
	return nil
}

// pull applies the next changes after since, unless another call has applied them meanwhile. When the feed no longer
// has them, it lists the whole store.
func (m *Replica) pull(ctx context.Context, since int64) error {
	select {
	case m.pulling <- struct{}{}:
		defer func() { <-m.pulling }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if m.Sequence() != since {
		return nil
	}
	changes, err := m.Store.Changes(ctx, since, pullPage)
	if fault.Is(err, fault.Gone) {
		return m.list(ctx)
	}
	if err != nil {
		return err
	}
	for _, c := range changes {
		if err := m.refresh(ctx, c.Kind, c.ID, c.Revision); err != nil {
			return err
		}
	}
	m.acts.add(changes...)
	m.mu.Lock()
	m.recent = append(m.recent, changes...)
	if extra := len(m.recent) - recentKept; extra > 0 {
		m.recent = append([]store.Change(nil), m.recent[extra:]...)
	}
	if len(changes) > 0 {
		m.since = changes[len(changes)-1].Sequence
	}
	m.mu.Unlock()
	m.Signals.Wake(anyChange)
	m.Signals.Wake(kindsOf(changes)...)
	return nil
}

func kindsOf(changes []store.Change) (kinds []string) {
	for _, c := range changes {
		if !slices.Contains(kinds, c.Kind) {
			kinds = append(kinds, c.Kind)
		}
	}
	return kinds
}

// refresh reads a document that changed to the given revision, unless the cache has that revision or a later one.
func (m *Replica) refresh(ctx context.Context, kind, id string, revision int64) error {
	cache, copied := m.caches[kind]
	if !copied || cache.Revision(id) >= revision {
		return nil
	}
	d, err := m.Store.Get(ctx, kind, id)
	if fault.Is(err, fault.NotFound) {
		return m.take(store.Document{Kind: kind, ID: id, Revision: revision}, true)
	}
	if err != nil {
		return err
	}
	return m.take(d, false)
}

// Retry runs a read-change-commit again while it fails with ErrRace, each time on the current state.
func (m *Replica) Retry(ctx context.Context, f func() error) error {
	var err error
	for range maxTries {
		if err = f(); !errors.Is(err, ErrRace) {
			return err
		}
		if err := m.CatchUp(ctx); err != nil {
			return err
		}
	}
	return fault.Wrap(fault.Unavailable, err, "too many changes at once, please try again")
}
