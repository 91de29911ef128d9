package redis

import (
	"context"
	_ "embed"
	"fmt"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"lifeline/internal/store"
)

//go:embed scripts/claim.lua
var claimText string

//go:embed scripts/release.lua
var releaseText string

var (
	claimScript   = goredis.NewScript(claimText)
	releaseScript = goredis.NewScript(releaseText)
)

// Claim gives the lease to holder for life from now, and says whether it did: another may have it. Who has it already
// has it anew. The time is that of Redis, so that the clocks of replicas do not matter; a failover may forget a lease.
// A claim is no change: the feed and the audit know nothing of it.
func (s *Store) Claim(ctx context.Context, name, holder string, life time.Duration) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	if err := store.CheckLease(name, holder, life); err != nil {
		return false, err
	}
	held, err := claimScript.Run(ctx, s.client, []string{s.key("lease", name)}, holder, life.Milliseconds()).Bool()
	if err != nil {
		return false, fmt.Errorf("redis: claim %s: %w", name, classify(ctx, err))
	}
	return held, nil
}

// Release gives the lease back, if holder has it.
func (s *Store) Release(ctx context.Context, name, holder string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := releaseScript.Run(ctx, s.client, []string{s.key("lease", name)}, holder).Err(); err != nil {
		return fmt.Errorf("redis: release %s: %w", name, classify(ctx, err))
	}
	return nil
}
