package access

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"lifeline/internal/fault"
	"lifeline/internal/replica"
	"lifeline/internal/store"
)

// Notes puts on the audit what changes no document: sign-ins, refusals, and readings of what is sensitive.
type Notes struct {
	replica *replica.Replica
	now     func() time.Time

	mu      sync.Mutex
	minute  time.Time
	seen    map[note]*repeated
	refused map[bool]int // refusals that were written within the minute: of known callers, and of unknown ones
}

// note names what is counted together within a minute.
type note struct {
	minute                    time.Time
	action, kind, id          string
	by, person, token, remote string
	known                     bool // of refusals that are counted together: those of known callers
}

type repeated struct {
	actor  Actor
	reason string // of the latest
	times  int64  // not yet written
}

// refusalsWritten bounds the refusals that are written one by one within a minute, so that nobody can fill the store.
// Known callers and unknown ones have such a bound each, so that nobody without a token hides what others do.
const refusalsWritten = 60

// notesSeen bounds what is counted separately within a minute.
const notesSeen = 10_000

func NewNotes(m *replica.Replica, now func() time.Time) *Notes {
	return &Notes{replica: m, now: now, seen: map[note]*repeated{}, refused: map[bool]int{}}
}

// Note notes what a did: the action, such as "segment.listen", the kind and id of the document, if any, and more in
// words. It is durable when Note returns, so that a reading can be noted before the answer is sent. What the same actor
// repeats within a minute is counted, and written by Flush.
func (n *Notes) Note(ctx context.Context, a Actor, action, kind, id, reason string) error {
	if !n.first(a, note{action: action, kind: kind, id: id}, reason, false) {
		return nil
	}
	return n.write(ctx, a, note{action: action, kind: kind, id: id}, reason, 0)
}

// Refused notes that a request was refused. Of the refusals of a minute it writes a bounded number; Flush writes how
// many there were besides.
func (n *Notes) Refused(ctx context.Context, a Actor, operation, reason string) error {
	k := note{action: "request.refused", id: operation}
	if !n.first(a, k, reason, true) {
		return nil
	}
	return n.write(ctx, a, k, reason, 0)
}

// first reports whether a note is to be written now, and counts it otherwise.
func (n *Notes) first(a Actor, k note, reason string, bounded bool) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if minute := n.now().Truncate(time.Minute); !minute.Equal(n.minute) {
		n.minute, n.refused = minute, map[bool]int{}
		maps.DeleteFunc(n.seen, func(_ note, r *repeated) bool { return r.times == 0 })
	}
	k.minute, k.by, k.person, k.token, k.remote = n.minute, a.Name, a.Person, a.Token, a.Remote
	known := a.Name != ""
	r, ok := n.seen[k]
	if !ok && bounded && (n.refused[known] >= refusalsWritten || len(n.seen) >= notesSeen) {
		k, a = note{minute: n.minute, action: k.action, known: known}, Actor{}
		reason = "more refusals of other callers, the latest: " + reason
		if r, ok = n.seen[k]; !ok {
			r, ok = &repeated{}, true
			n.seen[k] = r
		}
	}
	if ok {
		r.actor, r.reason, r.times = a, reason, r.times+1
		return false
	}
	if len(n.seen) < notesSeen {
		n.seen[k] = &repeated{}
	}
	if bounded {
		n.refused[known]++
	}
	return true
}

// Flush writes how often notes were repeated in minutes that are over; all of them when the service stops.
func (n *Notes) Flush(ctx context.Context, stops bool) error {
	n.mu.Lock()
	due := map[note]repeated{}
	for k, r := range n.seen {
		if !stops && !k.minute.Before(n.now().Truncate(time.Minute)) {
			continue
		}
		if r.times > 0 {
			due[k] = *r
		}
		delete(n.seen, k)
	}
	n.mu.Unlock()
	var failed error
	for k, r := range due {
		failed = errors.Join(failed, n.write(ctx, r.actor, k, fmt.Sprintf("%d more within a minute, the latest: %s", r.times,
			r.reason), r.times))
	}
	return failed
}

// reasonMost bounds what a note says, in bytes.
const reasonMost = 400

func (n *Notes) write(ctx context.Context, a Actor, k note, reason string, times int64) error {
	err := n.replica.Commit(ctx, store.Commit{Origin: a.Origin(n.now(), k.action, fault.Cut(reason, reasonMost)),
		Fields: replica.NoteOn(k.kind, k.id, times)})
	if err != nil {
		return fmt.Errorf("access: note %s of %s: %w", k.action, cmp.Or(a.Name, a.Remote), err)
	}
	return nil
}
