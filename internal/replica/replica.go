package replica

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"lifeline/internal/fault"
	"lifeline/internal/store"
)

// anyChange is the topic of every change.
const anyChange = ""

// Replica is a copy of the store in memory, kept current by the change feed: it lists all documents, then follows the
// changes. Writes go through it too, so that a writer reads its own writes.
type Replica struct {
	Store  Store
	Kinds  Kinds
	caches map[string]kindCache // by kind

	// Guard decides on each commit that is not background work: it makes it by commit, or fails. nil: all are made.
	Guard func(ctx context.Context, c store.Commit, commit func(store.Commit) error) error

	Signals Signals
	pulling chan struct{} // holds one token, for the caller that applies changes
	mu      sync.Mutex
	since   int64          // every change up to it is applied
	recent  []store.Change // the latest changes up to since, without a gap
	acts    acts
}

// recentKept bounds the changes kept in memory for followers of the feed.
const recentKept = 4096

// Open lists the store's documents of the given kinds. Run keeps the copy current.
func Open(ctx context.Context, s Store, kinds Kinds) (*Replica, error) {
	m := &Replica{Store: s, Kinds: kinds, caches: map[string]kindCache{}, pulling: make(chan struct{}, 1)}
	for _, k := range kinds {
		if k.Copy != nil {
			m.caches[k.Name] = k.Copy()
		}
	}
	return m, m.list(ctx)
}

// Run follows the change feed until ctx ends. While the store is unreachable the copy stays as it is, and Run passes
// each error to failed. It fails with NewerVersion once a newer program has stored something that this program does not
// know.
func (m *Replica) Run(ctx context.Context, failed func(error)) error {
	for ctx.Err() == nil {
		if err := m.follow(ctx); err != nil && ctx.Err() == nil {
			if newer := new(NewerVersion); errors.As(err, &newer) {
				return err
			}
			failed(err)
			select {
			case <-ctx.Done():
			case <-time.After(time.Second):
			}
		}
	}
	return nil
}

// Commit makes the commit durable and applies it to the copy. It fails with ErrRace when a document is not at the
// expected revision, and with Forbidden when it is out of the scope of the person whose commit it is.
func (m *Replica) Commit(ctx context.Context, c store.Commit) error {
	if m.Guard == nil || c.By == store.System || len(c.Writes) == 0 {
		return m.CommitConfirmed(ctx, c)
	}
	if err := m.InScope(c.Person, c.Writes); err != nil {
		return err
	}
	return m.Guard(ctx, c, func(c store.Commit) error {
		return m.CommitConfirmed(ctx, c) // the scope may change while it waits
	})
}

// CommitConfirmed is Commit of what the Guard need not decide on.
func (m *Replica) CommitConfirmed(ctx context.Context, c store.Commit) error {
	return commit(ctx, m, c, false)
}

// CommitSeconded is CommitConfirmed of what two persons agreed on: the audit keeps that.
func CommitSeconded(ctx context.Context, m *Replica, c store.Commit) error {
	return commit(ctx, m, c, true)
}

func commit(ctx context.Context, m *Replica, c store.Commit, seconded bool) error {
	if err := m.InScope(c.Person, c.Writes); err != nil {
		return err
	}
	if err := m.tellFields(ctx, &c, seconded); err != nil {
		return err
	}
	changes, err := m.Store.Commit(ctx, c)
	if fault.Is(err, fault.Stale) || fault.Is(err, fault.Conflict) && !errors.Is(err, errOldFormat) {
		return fmt.Errorf("%w: %w", ErrRace, err)
	}
	if err != nil {
		return err
	}
	m.acts.add(changes...)
	for _, w := range c.Writes {
		for _, change := range changes {
			if change.Kind == w.Kind && change.ID == w.ID {
				err = errors.Join(err, m.take(store.Document{Kind: w.Kind, ID: w.ID, Revision: change.Revision, Body: w.Body},
					w.Delete))
			}
		}
	}
	return err
}

// InScope fails with Forbidden if a write is out of the scope of a person.
func (m *Replica) InScope(person string, writes []store.Write) error {
	for _, w := range writes {
		if err := m.Scope(person, w); err != nil {
			return err
		}
	}
	return nil
}

// Topic returns the topic of a kind's documents whose ids have the same first part (the station). The name of a kind is
// a topic too; it is woken after the change has reached the feed, in this process or another.
func Topic(kind, id string) string {
	first, _, _ := strings.Cut(id, "/")
	return kind + "/" + first
}

// Sequence returns the store's sequence up to which the copy is complete.
func (m *Replica) Sequence() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.since
}

// Changes returns the changes after since. It waits until there is one. It fails with Gone when some are no longer
// kept.
func (m *Replica) Changes(ctx context.Context, since int64) ([]store.Change, error) {
	for {
		signal := m.Signals.On(anyChange)
		m.mu.Lock()
		latest, recent := m.since, m.recent
		m.mu.Unlock()
		if since < latest {
			if len(recent) == 0 || recent[0].Sequence > since+1 {
				return m.Store.Changes(ctx, since, 1000)
			}
			for i, c := range recent {
				if c.Sequence > since {
					return recent[i:], nil
				}
			}
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-signal:
		}
	}
}
