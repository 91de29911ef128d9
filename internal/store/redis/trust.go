package redis

import (
	"context"
	"fmt"
	"strings"

	goredis "github.com/redis/go-redis/v9"

	"lifeline/internal/fault"
)

// trust checks every connected server, including one after a failover, and rejects it if it may lose or evict
// acknowledged writes. Sentinels store nothing and are accepted.
func (o Options) trust() func(context.Context, *goredis.Conn) error {
	if o.AcceptLoss {
		return nil
	}
	return func(ctx context.Context, conn *goredis.Conn) error {
		pipe := conn.Pipeline()
		server := pipe.Info(ctx, "server")
		settings := pipe.ConfigGet(ctx, "*append*")
		eviction := pipe.ConfigGet(ctx, "maxmemory-policy")
		_, _ = pipe.Exec(ctx) // each command's error is checked below
		info, err := server.Result()
		if err != nil {
			return err
		}
		if strings.Contains(info, "redis_mode:sentinel") {
			return nil
		}
		var major int
		if _, version, ok := strings.Cut(info, "redis_version:"); !ok {
			return refusal("it does not tell its version")
		} else if _, err := fmt.Sscanf(version, "%d.", &major); err != nil || major < 7 {
			return refusal("Redis 7.0 or later is needed, it is " + strings.Fields(version)[0])
		}
		have, err := settings.Result()
		if err == nil {
			var policy map[string]string
			policy, err = eviction.Result()
			have["maxmemory-policy"] = policy["maxmemory-policy"]
		}
		if err != nil {
			if strings.Contains(err.Error(), "NOPERM") || strings.Contains(err.Error(), "unknown command") {
				return refusal("it does not show its settings: allow +config|get to this user")
			}
			return err
		}
		var change []string
		for _, want := range [][2]string{
			{"appendonly", "yes"}, {"appendfsync", "always"}, {"no-appendfsync-on-rewrite", "no"},
			{"maxmemory-policy", "noeviction"},
		} {
			if have[want[0]] != want[1] {
				change = append(change, fmt.Sprintf("set %s to %s, it is %q", want[0], want[1], have[want[0]]))
			}
		}
		if len(change) > 0 {
			return refusal(strings.Join(change, "; "))
		}
		return nil
	}
}

func refusal(why string) error {
	return fault.New(fault.Unavailable, "this Redis may lose or evict what it has acknowledged: %s (or accept the loss "+
		"in the options)", why)
}
