//go:build unix

package redis_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.uber.org/goleak"

	"lifeline/internal/fault"
	"lifeline/internal/harness"
	"lifeline/internal/store"
	"lifeline/internal/store/redis"
)

func TestCommitWhoseAnswerIsLostHappensOnce(t *testing.T) {
	p := harness.StartProxy(t, harness.StartRedis(t, harness.Durable...).Addr)
	s := open(t, redis.Options{URL: "redis://" + p.Addr + "?min_retry_backoff=1ms", Prefix: "lost", Feed: 100})
	for n := range int64(5) {
		p.Lose()
		changes, err := s.Commit(t.Context(), store.Commit{Writes: []store.Write{{Kind: "k", ID: "i", Expect: n},
			{Kind: "k", ID: string(rune('a' + n))}}})
		if err != nil || changes[0].Revision != n+1 || changes[0].Sequence != 2*n+1 {
			t.Fatalf("commit %d: %+v, %v", n, changes, err)
		}
		p.Lose()
		fresh, err := s.Append(t.Context(), []store.Entry{{Station: "s", Sequence: n}, {Station: "s", Sequence: n - 1}})
		if err != nil || !fresh[0] || fresh[1] != (n == 0) {
			t.Fatalf("append %d: %v, %v", n, fresh, err)
		}
	}
	if latest, err := s.Latest(t.Context()); err != nil || latest != 10 {
		t.Fatalf("latest: %d, %v", latest, err)
	}
}

func TestStoreRecoversByItselfWhenRedisComesBack(t *testing.T) {
	redisServer := harness.StartRedis(t, harness.Durable...)
	p := harness.StartProxy(t, redisServer.Addr)
	s := open(t, redis.Options{URL: "redis://" + p.Addr + "?min_retry_backoff=1ms&max_retry_backoff=5ms", Prefix: "back",
		Feed: 100})
	other := open(t, redis.Options{URL: "redis://" + redisServer.Addr, Prefix: "back", Feed: 100})
	commit := func(on *redis.Store, id string) error {
		_, err := on.Commit(t.Context(), store.Commit{Writes: []store.Write{{Kind: "k", ID: id}}})
		return err
	}
	for round, id := range []string{"a", "b", "c", "d"} {
		waited := make(chan error)
		go func() { waited <- s.Wait(t.Context(), int64(2*round)) }()
		redisServer.Blocks()
		[]func(){p.Cut, p.Reset}[round%2]()
		for verb, err := range map[string]error{"commit": commit(s, id), "ping": s.Ping(t.Context()),
			"wait": s.Wait(t.Context(), 0)} {
			if !fault.Is(err, fault.Unavailable) {
				t.Fatalf("%s without Redis: %v", verb, err)
			}
		}
		p.Pass()
		if err := commit(other, "other "+id); err != nil {
			t.Fatal(err)
		}
		if err := <-waited; err != nil {
			t.Fatalf("wait: %v", err)
		}
		if err := commit(s, id); err != nil {
			t.Fatalf("commit: %v", err)
		}
	}
}

func TestCallsEndByTheirDeadlineWhenTheLinkIsDead(t *testing.T) {
	p := harness.StartProxy(t, harness.StartRedis(t, harness.Durable...).Addr)
	s := open(t, redis.Options{URL: "redis://" + p.Addr, Prefix: "dead", Feed: 100})
	for failure, spoil := range map[string]func(){
		"half-open": p.HalfOpen, "slow close": func() { p.SlowClose(time.Hour) },
		"latency": func() { p.Latency(time.Hour) },
	} {
		spoil()
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		_, committed := s.Commit(ctx, store.Commit{Writes: []store.Write{{Kind: "k", ID: failure}}})
		_, listed := s.List(ctx, "k", "", 10)
		for verb, err := range map[string]error{"commit": committed, "list": listed, "wait": s.Wait(ctx, 0)} {
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s, %s: %v", failure, verb, err)
			}
		}
		p.Pass()
		if err := s.Ping(t.Context()); err != nil {
			t.Fatalf("%s, ping: %v", failure, err)
		}
	}
}

func TestRestartedServerHasEverythingAndWakesItsWaiters(t *testing.T) {
	server := harness.StartRedis(t, harness.Durable...)
	s := open(t, redis.Options{URL: "redis://" + server.Addr, Prefix: "restart", Feed: 100})
	for n := range int64(5) {
		if _, err := s.Commit(t.Context(), store.Commit{Writes: []store.Write{{Kind: "k", ID: "i", Expect: n}}}); err != nil {
			t.Fatal(err)
		}
	}
	waited := make(chan error)
	go func() { waited <- s.Wait(t.Context(), 5) }()
	server.Blocks()
	server.Kill()
	server.Run()
	if latest, err := s.Latest(t.Context()); err != nil || latest != 5 {
		t.Fatalf("latest: %d, %v; want 5", latest, err)
	}
	if _, err := s.Commit(t.Context(), store.Commit{Writes: []store.Write{{Kind: "k", ID: "i", Expect: 5}}}); err != nil {
		t.Fatal(err)
	}
	if err := <-waited; err != nil {
		t.Fatalf("wait: %v", err)
	}
}

func TestCloseEndsEveryGoroutineAndWaiter(t *testing.T) {
	server := harness.StartRedis(t, harness.Durable...)
	before := goleak.IgnoreCurrent()
	s, err := redis.Open(t.Context(), redis.Options{URL: "redis://" + server.Addr, Prefix: "close", Feed: 100})
	if err != nil {
		t.Fatal(err)
	}
	waited := make(chan error)
	go func() { waited <- s.Wait(t.Context(), 0) }()
	server.Blocks()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-waited; err == nil {
		t.Fatal("the wait ended without a change")
	}
	goleak.VerifyNone(t, before)
}
