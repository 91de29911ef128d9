package playout

import (
	"context"
	"math/rand/v2"
	"time"
)

// The bounds of the wait after a failure.
const (
	backoffMin = time.Second
	backoffMax = time.Minute
)

// backoff is the wait after failures earlier failures: doubling, bounded, and random over its upper half, so that
// stations that lost a service together do not all come back at once.
func backoff(failures int) time.Duration {
	d := backoffMin << min(max(failures, 0), 10)
	d = min(d, backoffMax)
	return d/2 + rand.N(d/2)
}

// pause waits for d, or until one of at most two wakes is closed or receives. It fails when ctx is done.
func pause(ctx context.Context, d time.Duration, wakes ...<-chan struct{}) error {
	t := time.NewTimer(d)
	defer t.Stop()
	wakes = append(wakes, nil, nil)
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
	case <-wakes[0]:
	case <-wakes[1]:
	}
	return nil
}

// jitter is a random part of d.
func jitter(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return rand.N(d)
}
