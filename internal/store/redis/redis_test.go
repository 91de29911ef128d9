//go:build unix

package redis_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"lifeline/internal/harness"
	"lifeline/internal/store/redis"
	"lifeline/internal/store/storetest"
)

func TestMiniredisKeepsTheContract(t *testing.T) {
	mini := miniredis.RunT(t)
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan struct{})
	go func() { // miniredis's time passes only on request
		defer close(over)
		const tick = time.Millisecond
		passing := time.NewTicker(tick)
		defer passing.Stop()
		for ctx.Err() == nil {
			<-passing.C
			mini.FastForward(tick)
		}
	}()
	t.Cleanup(func() { cancel(); <-over })
	on := redis.Options{URL: "redis://" + mini.Addr(), Feed: 10_000, AcceptLoss: true}
	storetest.Run(t, places(on))
}

func TestSingleNodeKeepsTheContract(t *testing.T) {
	storetest.Run(t, places(redis.Options{URL: "redis://" + harness.StartRedis(t, harness.Durable...).Addr, Feed: 10_000}))
}

func TestBoundedFeed(t *testing.T) {
	server := harness.StartRedis(t, harness.Durable...)
	storetest.RunBounded(t, places(redis.Options{URL: "redis://" + server.Addr, Feed: 20}), 20)
}

var prefixes atomic.Int64

// places returns new, distinct prefixes of one Redis.
func places(o redis.Options) storetest.Place {
	return func(t *testing.T) func() storetest.Store {
		o := o
		o.Prefix = fmt.Sprintf("place %d", prefixes.Add(1))
		return func() storetest.Store { return open(t, o) }
	}
}

// open opens a Store and closes it at the end of the test, unless the test closed it.
func open(t testing.TB, o redis.Options) *redis.Store {
	t.Helper()
	s, err := redis.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}
