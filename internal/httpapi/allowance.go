package httpapi

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// Allowance is what all replicas together let each caller do.
type Allowance interface {
	// Take takes up to n requests of what the caller may make now. When it takes none, wait is until there is one. It
	// fails with Unavailable.
	Take(ctx context.Context, caller string, n int) (taken int, wait time.Duration, err error)
}

// Out of reach, the allowance is asked again only so often, and no caller is held longer than this.
const (
	allowancePatience = 100 * time.Millisecond
	allowanceRest     = time.Second
)

// sharedThrottle draws on an Allowance, a batch at a time: most requests cost no round trip, and what all replicas let
// pass exceeds the limit by a batch for each at most. While the allowance is out of reach each replica holds callers to
// the limit by itself.
type sharedThrottle struct {
	allowance Allowance
	alone     *throttle
	batch     int
	log       *slog.Logger
	away      atomic.Int64 // until when the allowance is not asked, in Unix ns; 0 while it answers
	mu        sync.Mutex
	purses    map[string]*purse
}

// purse is what a caller has left of a batch, or until when there is none to be had.
type purse struct {
	mu    sync.Mutex
	left  int
	empty time.Time
}

// batchesPerBurst bounds what replicas hold back of a limit.
const batchesPerBurst = 10

func newSharedThrottle(a Allowance, alone *throttle, log *slog.Logger) *sharedThrottle {
	return &sharedThrottle{allowance: a, alone: alone, log: log, batch: max(1, alone.burst/batchesPerBurst),
		purses: map[string]*purse{}}
}

func (s *sharedThrottle) wait(ctx context.Context, caller string, now time.Time) time.Duration {
	p := s.purse(caller)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.left > 0 {
		p.left--
		return 0
	}
	if d := p.empty.Sub(now); d > 0 {
		return d
	}
	if now.UnixNano() < s.away.Load() {
		return s.alone.wait(ctx, caller, now)
	}
	asking, cancel := context.WithTimeout(ctx, allowancePatience)
	defer cancel()
	taken, wait, err := s.allowance.Take(asking, caller, s.batch)
	switch {
	case err != nil:
		if ctx.Err() == nil && s.away.Swap(now.Add(allowanceRest).UnixNano()) == 0 {
			s.log.Warn("the rate limit that replicas share is out of reach: each holds callers to it by itself", "error", err)
		}
		return s.alone.wait(ctx, caller, now)
	case taken == 0:
		p.empty = now.Add(wait)
		return wait
	}
	s.away.Store(0)
	p.left = taken - 1
	return 0
}

func (s *sharedThrottle) purse(caller string) *purse {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, ok := s.purses[caller]
	if !ok {
		if len(s.purses) >= maxBuckets {
			clear(s.purses) // what they had left was theirs to take; nobody gets more by it
		}
		p = &purse{}
		s.purses[caller] = p
	}
	return p
}
