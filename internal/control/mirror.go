package control

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"lifeline/internal/fault"
	"lifeline/internal/store"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// anyChange is the topic that every change wakes.
const anyChange = ""

// Mirror is the copy in memory of what stations and people read, kept current by the change feed: list, then watch
// from the revision. Writing goes through it too, so that a writer reads its own writes.
type Mirror struct {
	store     Store
	segments  *table[schedules.Segment]
	stations  *table[schedules.Station]
	clocks    *table[schedules.Clock]
	scripts   *table[schedules.Script]
	campaigns *table[schedules.Campaign]
	tokens    *table[token]
	queues    *table[Sealed[wire.Queue]]
	fallback  *table[Sealed[wire.Fallback]]
	recalls   *table[Sealed[wire.Recalls]]
	statuses  *table[wire.Status]
	uploads   *table[Upload]
	late      *table[lateReports]
	takers    map[string]func(id string, row held[[]byte]) error // by kind

	signals signals
	mu      sync.Mutex
	since   int64          // every change up to it is here
	recent  []store.Change // the latest ones up to since, without a gap
}

// recentKept bounds how many changes are kept in memory for those who follow.
const recentKept = 4096

// NewMirror lists the store's documents. Run keeps the copy current.
func NewMirror(ctx context.Context, s Store) (*Mirror, error) {
	m := &Mirror{
		store:    s,
		segments: newTable[schedules.Segment](), stations: newTable[schedules.Station](),
		clocks: newTable[schedules.Clock](), scripts: newTable[schedules.Script](),
		campaigns: newTable[schedules.Campaign](), tokens: newTable[token](),
		queues: newTable[Sealed[wire.Queue]](), fallback: newTable[Sealed[wire.Fallback]](),
		recalls: newTable[Sealed[wire.Recalls]](), statuses: newTable[wire.Status](),
		uploads: newTable[Upload](), late: newTable[lateReports](),
	}
	m.takers = map[string]func(string, held[[]byte]) error{
		kindSegment: taker(m.segments, plain[schedules.Segment]), kindStation: taker(m.stations, plain[schedules.Station]),
		kindClock: taker(m.clocks, plain[schedules.Clock]), kindScript: taker(m.scripts, plain[schedules.Script]),
		kindCampaign: taker(m.campaigns, plain[schedules.Campaign]),
		kindToken:    taker(m.tokens, plain[token]), kindQueue: taker(m.queues, unseal[wire.Queue]),
		kindFallback: taker(m.fallback, unseal[wire.Fallback]), kindRecalls: taker(m.recalls, unseal[wire.Recalls]),
		kindStatus: taker(m.statuses, plain[wire.Status]), kindUpload: taker(m.uploads, plain[Upload]),
		kindLate: taker(m.late, plain[lateReports]),
	}
	return m, m.list(ctx)
}

// Run follows the change feed until ctx ends. While the store is out of reach the copy stays as it is, and failed
// hears why.
func (m *Mirror) Run(ctx context.Context, failed func(error)) error {
	for ctx.Err() == nil {
		if err := m.follow(ctx); err != nil && ctx.Err() == nil {
			failed(err)
			select {
			case <-ctx.Done():
			case <-time.After(time.Second):
			}
		}
	}
	return nil
}

// Commit makes the commit durable and takes it into the copy. It fails with errRace where a document is not at the
// expected revision.
func (m *Mirror) Commit(ctx context.Context, c store.Commit) error {
	changes, err := m.store.Commit(ctx, c)
	if fault.Is(err, fault.Stale) || fault.Is(err, fault.Conflict) {
		return fmt.Errorf("%w: %w", errRace, err)
	}
	if err != nil {
		return err
	}
	for _, w := range c.Writes {
		for _, change := range changes {
			if change.Kind == w.Kind && change.ID == w.ID {
				err = errors.Join(err, m.take(w.Kind, w.ID, held[[]byte]{w.Body, change.Revision, w.Delete}))
			}
		}
	}
	return err
}

// list takes every mirrored document, then wakes everybody.
func (m *Mirror) list(ctx context.Context) error {
	since, err := m.store.Latest(ctx)
	if err != nil {
		return err
	}
	for kind := range m.takers {
		docs, err := under(ctx, m.store, kind, "", "")
		if err != nil {
			return err
		}
		for _, d := range docs {
			if err := m.take(kind, d.ID, held[[]byte]{d.Body, d.Revision, false}); err != nil {
				return err
			}
		}
	}
	m.mu.Lock()
	m.since, m.recent = since, nil
	m.mu.Unlock()
	m.signals.wake(anyChange)
	return nil
}

// follow waits for the next changes and takes them.
func (m *Mirror) follow(ctx context.Context) error {
	since := m.Sequence()
	if err := m.store.Wait(ctx, since); err != nil {
		return err
	}
	changes, err := m.store.Changes(ctx, since, 1000)
	if fault.Is(err, fault.Gone) {
		return m.list(ctx)
	}
	if err != nil {
		return err
	}
	for _, c := range changes {
		if err := m.refresh(ctx, c); err != nil {
			return err
		}
	}
	m.mu.Lock()
	m.recent = append(m.recent, changes...)
	if extra := len(m.recent) - recentKept; extra > 0 {
		m.recent = append([]store.Change(nil), m.recent[extra:]...)
	}
	if len(changes) > 0 {
		m.since = changes[len(changes)-1].Sequence
	}
	m.mu.Unlock()
	m.signals.wake(anyChange)
	return nil
}

// refresh reads a changed document, unless this or a later revision of it is here.
func (m *Mirror) refresh(ctx context.Context, c store.Change) error {
	if _, mirrored := m.takers[c.Kind]; !mirrored {
		return nil
	}
	d, err := m.store.Get(ctx, c.Kind, c.ID)
	if fault.Is(err, fault.NotFound) {
		return m.take(c.Kind, c.ID, held[[]byte]{nil, c.Revision, true})
	}
	if err != nil {
		return err
	}
	return m.take(c.Kind, c.ID, held[[]byte]{d.Body, d.Revision, false})
}

func (m *Mirror) take(kind, id string, row held[[]byte]) error {
	taker, mirrored := m.takers[kind]
	if !mirrored {
		return nil
	}
	if err := taker(id, row); err != nil {
		return err
	}
	m.signals.wake(topic(kind, id))
	return nil
}

// topic is what a waiter names: a kind, and the first part of an id (the station).
func topic(kind, id string) string {
	first, _, _ := strings.Cut(id, "/")
	return kind + "/" + first
}

// Sequence is the store's sequence up to which the copy is complete.
func (m *Mirror) Sequence() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.since
}

// Changes answers the changes after since, at least one: it waits for it. It fails with Gone when some are no
// longer kept.
func (m *Mirror) Changes(ctx context.Context, since int64) ([]store.Change, error) {
	for {
		signal := m.signals.on(anyChange)
		m.mu.Lock()
		latest, recent := m.since, m.recent
		m.mu.Unlock()
		if since < latest {
			if len(recent) == 0 || recent[0].Sequence > since+1 {
				return m.store.Changes(ctx, since, 1000)
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

// taker decodes a kind's documents into its table.
func taker[T any](t *table[T], decode func([]byte) (T, error)) func(string, held[[]byte]) error {
	return func(id string, row held[[]byte]) error {
		if row.revision <= t.revision(id) {
			return nil
		}
		out := held[T]{revision: row.revision, deleted: row.deleted}
		if !row.deleted {
			v, err := decode(row.value)
			if err != nil {
				return fmt.Errorf("control: %s: %w", id, err)
			}
			out.value = v
		}
		t.put(id, out)
		return nil
	}
}

// forgetQueues drops the queues of days before the given one from memory; the store keeps them.
func (m *Mirror) forgetQueues(before schedules.Date) {
	m.queues.forget(func(id string) bool {
		_, day, _ := strings.Cut(id, "/")
		return day < before.String()
	})
}
