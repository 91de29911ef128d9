package redis

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/go-redis/redis_rate/v10"
)

// Allowance limits the rate of callers across all processes that share this Redis.
type Allowance struct {
	store   *Store
	limiter *redis_rate.Limiter
	limit   redis_rate.Limit
}

// Allowance returns a limit of burst requests at once and then perSecond requests a second, rounded to whole requests a
// minute.
func (s *Store) Allowance(perSecond float64, burst int) *Allowance {
	return &Allowance{s, redis_rate.NewLimiter(s.client),
		redis_rate.Limit{Rate: max(1, int(math.Round(perSecond*60))), Period: time.Minute, Burst: burst}}
}

// Take takes up to n requests from the caller's allowance. If it takes none, wait is the time until one is available.
// It fails with Unavailable.
func (a *Allowance) Take(ctx context.Context, caller string, n int) (taken int, wait time.Duration, err error) {
	r, err := a.limiter.AllowAtMost(ctx, a.store.key("caller", caller), a.limit, n)
	if err != nil {
		return 0, 0, fmt.Errorf("redis: allowance: %w", classify(ctx, err))
	}
	return r.Allowed, max(0, r.RetryAfter), nil
}
