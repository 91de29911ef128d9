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

// Claim gives the lease to holder for life from now, and reports whether it did; another holder may have it. A claim by
// the present holder renews the lease. The time is Redis's, so differences between the clocks of replicas do not
// matter; a failover may lose a lease. A claim is not a change: it does not appear in the feed or the audit.
func (s *Store) Claim(ctx context.Context, name, holder string, life time.Duration) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	if err := store.CheckLease(name, holder, life); err != nil {
		return false, err
	}
	held, err := claimScript.Run(ctx, s.client, []string{s.key("lease", name)}, holder, life.Milliseconds(),
		store.MostLease.Milliseconds()).Bool()
	if err != nil {
		return false, fmt.Errorf("redis: claim %s: %w", name, classify(ctx, err))
	}
	return held, nil
}

// Release ends the lease if holder has it.
func (s *Store) Release(ctx context.Context, name, holder string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := releaseScript.Run(ctx, s.client, []string{s.key("lease", name)}, holder).Err(); err != nil {
		return fmt.Errorf("redis: release %s: %w", name, classify(ctx, err))
	}
	return nil
}
