//go:build unix

package redis_test

import (
	"fmt"
	"testing"
	"time"

	"lifeline/internal/harness"
	"lifeline/internal/store/redis"
)

func TestLeaseThatNoClaimMadeKeepsNoWork(t *testing.T) {
	server := harness.StartRedis(t, harness.Durable...)
	o := redis.Options{URL: "redis://" + server.Addr, Prefix: fmt.Sprintf("place-%d", prefixes.Add(1)), Feed: 100}
	s := open(t, o)
	for _, until := range [][]any{nil, {"px", "9000000"}} {
		server.Do(append([]any{"set", "{" + o.Prefix + "}:lease:repair", "nobody"}, until...)...)
		if held, err := s.Claim(t.Context(), "repair", "service", time.Minute); err != nil || !held {
			t.Errorf("until %v, the work is kept from the service: %v, %v", until, held, err)
		}
	}
}
