package retry

import (
	"context"
	"math/rand/v2"
	"time"
)

// The bounds of the wait after a failure.
const (
	least = time.Second
	Most  = time.Minute
)

// Backoff returns the wait after a number of earlier failures. It doubles up to Most, and its upper half is random, so
// that stations that lost a service at the same time do not all return at the same time.
func Backoff(failures int) time.Duration {
	d := least << min(max(failures, 0), 10)
	d = min(d, Most)
	return d/2 + rand.N(d/2)
}

// Pause waits for d, or until one of at most three wakes is closed or receives. It fails when ctx is done.
func Pause(ctx context.Context, d time.Duration, wakes ...<-chan struct{}) error {
	t := time.NewTimer(d)
	defer t.Stop()
	wakes = append(wakes, nil, nil, nil)
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
	case <-wakes[0]:
	case <-wakes[1]:
	case <-wakes[2]:
	}
	return nil
}

// Jitter returns a random part of d.
func Jitter(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return rand.N(d)
}
