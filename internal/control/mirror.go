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
	segments  *catalogue
	stations  *table[schedules.Station]
	clocks    *table[schedules.Clock]
	scripts   *table[schedules.Script]
	campaigns *table[schedules.Campaign]
	tokens    *table[token]
	queues    *table[*Sealed[wire.Queue]] // large, and read by every waiting station
	fallback  *table[Sealed[wire.Fallback]]
	recalls   *table[Sealed[wire.Recalls]]
	statuses  *table[wire.Status]
	uploads   *table[Upload]
	late      *table[lateReports]
	webhooks  *table[webhook]
	progress  *table[progress]
	shelves   map[string]shelf // by kind

	signals signals
	pulling chan struct{} // holds one token, for whoever brings the copy forward
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
		segments: newCatalogue(), stations: newTable[schedules.Station](),
		clocks: newTable[schedules.Clock](), scripts: newTable[schedules.Script](),
		campaigns: newTable[schedules.Campaign](), tokens: newTable[token](),
		queues: newTable[*Sealed[wire.Queue]](), fallback: newTable[Sealed[wire.Fallback]](),
		recalls: newTable[Sealed[wire.Recalls]](), statuses: newTable[wire.Status](),
		uploads: newTable[Upload](), late: newTable[lateReports](),
		webhooks: newTable[webhook](), progress: newTable[progress](),
		pulling: make(chan struct{}, 1),
	}
	m.shelves = map[string]shelf{
		kindSegment: decoded[card]{m.segments, m.segments.read}, kindStation: decoded[schedules.Station]{m.stations, tidied(tidyStation)},
		kindClock: decoded[schedules.Clock]{m.clocks, tidied(tidyClock)}, kindScript: decoded[schedules.Script]{m.scripts, tidied(tidyScript)},
		kindCampaign: decoded[schedules.Campaign]{m.campaigns, tidied(tidyCampaign)},
		kindToken:    decoded[token]{m.tokens, tidied(tidyToken)}, kindQueue: decoded[*Sealed[wire.Queue]]{m.queues, unsealQueue},
		kindFallback: decoded[Sealed[wire.Fallback]]{m.fallback, unseal[wire.Fallback]}, kindRecalls: decoded[Sealed[wire.Recalls]]{m.recalls, unseal[wire.Recalls]},
		kindStatus: decoded[wire.Status]{m.statuses, plain[wire.Status]}, kindUpload: decoded[Upload]{m.uploads, plain[Upload]},
		kindLate: decoded[lateReports]{m.late, plain[lateReports]}, kindWebhook: decoded[webhook]{m.webhooks, plain[webhook]},
		kindProgress: decoded[progress]{m.progress, plain[progress]},
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
				err = errors.Join(err, m.take(store.Document{Kind: w.Kind, ID: w.ID, Revision: change.Revision, Body: w.Body}, w.Delete))
			}
		}
	}
	return err
}

// topic is what a waiter names: a kind, and the first part of an id (the station). A kind alone is a topic too: it is woken
// once what has changed is known to the feed, here or elsewhere.
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

// forgetQueues drops the queues of days before the given one from memory; the store keeps them.
func (m *Mirror) forgetQueues(before schedules.Date) {
	m.queues.forget(func(id string) bool {
		_, day, _ := strings.Cut(id, "/")
		return day < before.String()
	})
}
