package httpapi

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// Allowance is the rate limit that all replicas share.
type Allowance interface {
	// Take takes up to n requests from the caller's allowance. If taken is 0, wait is the time until there is more. It
	// fails with Unavailable.
	Take(ctx context.Context, caller string, n int) (taken int, wait time.Duration, err error)
}

// While the allowance is unreachable, it is asked again at this interval, and it delays no request for longer than
// this.
const (
	allowancePatience = 100 * time.Millisecond
	allowanceRest     = time.Second
)

// sharedThrottle draws on an Allowance in batches: most requests need no round trip, and all replicas together exceed
// the limit by at most one batch each. While the allowance is unreachable, each replica enforces the limit by itself.
type sharedThrottle struct {
	allowance Allowance
	alone     *throttle
	batch     int
	log       *slog.Logger
	away      atomic.Int64 // the allowance is not asked until then, in Unix ns; 0 while it answers
	mu        sync.Mutex
	batches   map[string]*batchRest
}

// batchRest is the rest of a caller's batch, or the time until which the caller gets none.
type batchRest struct {
	mu    sync.Mutex
	left  int
	empty time.Time
}

// batchesPerBurst bounds the share of a limit that one replica holds.
const batchesPerBurst = 10

func newSharedThrottle(a Allowance, alone *throttle, log *slog.Logger) *sharedThrottle {
	return &sharedThrottle{allowance: a, alone: alone, log: log, batch: max(1, alone.burst/batchesPerBurst),
		batches: map[string]*batchRest{}}
}

func (s *sharedThrottle) wait(ctx context.Context, caller string, now time.Time) time.Duration {
	p := s.batchOf(caller)
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

func (s *sharedThrottle) batchOf(caller string) *batchRest {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, ok := s.batches[caller]
	if !ok {
		if len(s.batches) >= maxBuckets {
			clear(s.batches) // callers lose what was left of their batches; nobody gains
		}
		p = &batchRest{}
		s.batches[caller] = p
	}
	return p
}
