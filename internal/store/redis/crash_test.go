//go:build unix

package redis_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"

	"lifeline/internal/harness"
	"lifeline/internal/store/redis"
	"lifeline/internal/store/storetest"
)

// rounds returns the number of crashes: seldom, or often with LIFELINE_PROVE=crash-store.
func rounds(seldom, often int) int {
	if os.Getenv("LIFELINE_PROVE") == "crash-store" {
		return often
	}
	return seldom
}

func crashOptions(addr string) redis.Options {
	return redis.Options{URL: "redis://" + addr, Prefix: "crash", Feed: 100_000}
}

func TestKilledProcessLosesNoAcknowledgedWrite(t *testing.T) {
	server := harness.StartRedis(t, harness.Durable...)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	storetest.Crash(t, rounds(10, 200), storetest.Crashing{
		Start: func() (io.ReadCloser, func()) {
			child := exec.Command(self)
			child.Env = append(os.Environ(), childAddr+"="+server.Addr)
			child.Stderr = os.Stderr
			acknowledged, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			child.Stdout = w
			if err := child.Start(); err != nil {
				t.Fatal(err)
			}
			return acknowledged, func() {
				if err := child.Process.Kill(); err != nil {
					t.Fatalf("kill: %v", err)
				}
				_ = child.Wait() // reports that the process was killed
				if err := w.Close(); err != nil {
					t.Fatal(err)
				}
				// the server has also processed the commands it had received
				server.Until(func(ctx context.Context, c *goredis.Client) bool {
					info, err := c.Info(ctx, "clients").Result()
					return err == nil && strings.Contains(info, "connected_clients:1\r")
				}, "no other client")
			}
		},
		Open: func() storetest.Store { return open(t, crashOptions(server.Addr)) },
	})
}

func TestKilledServerLosesNoAcknowledgedWrite(t *testing.T) {
	server := harness.StartRedis(t, harness.Durable...)
	storetest.Crash(t, rounds(5, 100), storetest.Crashing{
		Start: func() (io.ReadCloser, func()) {
			s := open(t, crashOptions(server.Addr))
			ctx, cancel := context.WithCancel(t.Context())
			acknowledged, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			ended := make(chan error)
			go func() { ended <- storetest.Work(ctx, s, w) }()
			return acknowledged, func() {
				server.Kill()
				cancel()
				if err := errors.Join(<-ended, s.Close(), w.Close()); err != nil {
					t.Fatal(err)
				}
				server.Run()
			}
		},
		Open: func() storetest.Store { return open(t, crashOptions(server.Addr)) },
	})
}

const childAddr = "LIFELINE_CRASH_ADDR"

// TestMain silences go-redis, which logs every Sentinel's answer to standard error.
func TestMain(m *testing.M) {
	logging.Disable()
	addr := os.Getenv(childAddr)
	if addr == "" {
		os.Exit(m.Run())
	}
	s, err := redis.Open(context.Background(), crashOptions(addr))
	if err != nil {
		panic(err)
	}
	panic(fmt.Sprint(storetest.Work(context.Background(), s, os.Stdout)))
}
