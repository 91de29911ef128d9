package playout

import (
	"context"
	"maps"
	"slices"
	"time"

	"lifeline/internal/playout/retry"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// eraser deletes the recordings that the recall list names as erased, and the queues of past days that have one. What a
// document that is still valid needs stays: the service then erases another segment than the one that airs.
type eraser struct {
	documents *DocumentStore
	cache     *Cache
	now       Now
}

// eraseAgain is the pause between two looks without a new document.
const eraseAgain = time.Minute

// Run erases until ctx is done, and what came until then.
func (e *eraser) Run(ctx context.Context) {
	for ended := false; ; {
		changed := e.documents.Changed()
		if e.look(); ended {
			return
		}
		ended = retry.Pause(ctx, eraseAgain, changed) != nil
	}
}

func (e *eraser) look() {
	h, now := e.documents.Holdings(), e.now()
	erased := h.erased()
	if len(erased) == 0 {
		return
	}
	for _, w := range wants(h, now) {
		delete(erased, w.audio.SHA256)
	}
	for sha := range erased {
		e.cache.discard(sha)
	}
	e.documents.forgetErased(erased, now)
}

// erased returns the hashes of the recordings that were erased for good.
func (h *Holdings) erased() map[string]bool {
	out := map[string]bool{}
	if h.Recalls != nil {
		for _, sha := range h.Recalls.Erased {
			if hashForm.MatchString(sha) {
				out[sha] = true
			}
		}
	}
	return out
}

// spent is how long after its last item a queue is no longer looked at.
const spent = time.Hour

// forgetErased removes the queues of past days that name one of the recordings: they have its title.
func (v *DocumentStore) forgetErased(erased map[string]bool, now time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	next := *v.Holdings()
	next.Queues = maps.Clone(next.Queues)
	for date, q := range next.Queues {
		if past(q, now) && slices.ContainsFunc(slices.Concat(q.Items, q.Fallback), func(it wire.QueueItem) bool {
			return erased[it.Audio.SHA256]
		}) {
			delete(next.Queues, date)
			if err := v.state.Remove(queueName(date)); err != nil {
				v.problems.Add("a queue with an erased recording could not be removed: %v", err)
			}
		}
	}
	if len(next.Queues) < len(v.Holdings().Queues) {
		v.setHoldings(&next)
	}
}

// past reports whether the day of a queue has ended, and all its items with it.
func past(q *wire.Queue, now time.Time) bool {
	zone, err := schedules.Zone(q.Timezone)
	if err != nil || !q.Date.Before(schedules.DateOf(now.In(zone))) {
		return false
	}
	return !slices.ContainsFunc(q.Items, func(it wire.QueueItem) bool {
		return it.StartAt != nil && now.Before(it.StartAt.Add(it.Duration.Duration+spent))
	})
}
