//go:build unix

package redis_test

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"sync/atomic"
	"testing"

	"lifeline/internal/harness"
	"lifeline/internal/store"
	"lifeline/internal/store/redis"
)

func BenchmarkCommit(b *testing.B) {
	s := open(b, benchOptions(harness.StartRedis(b, harness.Durable...).Addr))
	n := 0
	for b.Loop() {
		n++
		create(b, s, n)
	}
	perSecond(b, "commits/s")
}

// The load is sixteen concurrent commits.
func BenchmarkCommitBySixteen(b *testing.B) {
	s := open(b, benchOptions(harness.StartRedis(b, harness.Durable...).Addr))
	var n atomic.Int64
	b.SetParallelism(8) // times GOMAXPROCS
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			create(b, s, int(n.Add(1)))
		}
	})
	perSecond(b, "commits/s")
}

// The limit of the machine: redis-benchmark with the same script, alone and with sixteen clients.
func BenchmarkRedisBenchmarkOfTheScript(b *testing.B) {
	server := harness.StartRedis(b, harness.Durable...)
	text, err := os.ReadFile("scripts/commit.lua")
	if err != nil {
		b.Fatal(err)
	}
	sha := fmt.Sprint(server.Do("script", "load", string(text)))
	key := func(name string) string { return "{bench}:" + name }
	command := []string{"evalsha", sha, "9", key("sequence"), key("feed"), key("audit"), key("receipt:__rand_int__"),
		key("kinds"),
		key("documents:segment"), key("revisions:segment"), key("ids:segment"), key("history:segment"),
		"10000", "600000", "0", "", "", "", "", "__rand_int__", "0", "put", fmt.Sprintf("%0500d", 0)}
	for b.Loop() {
		for _, clients := range []string{"1", "16"} {
			args := append([]string{"-p", server.Port(), "-c", clients, "-n", "5000", "-r", "1000000000", "-q"}, command...)
			out, err := exec.CommandContext(b.Context(), "redis-benchmark", args...).CombinedOutput()
			if err != nil {
				b.Fatalf("redis-benchmark: %v\n%s", err, out)
			}
			said := regexp.MustCompile(`([0-9.]+) requests per second`).FindAllSubmatch(out, -1)
			if said == nil {
				b.Fatalf("redis-benchmark says %s", out)
			}
			rate, err := strconv.ParseFloat(string(said[len(said)-1][1]), 64)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(rate, "commits/s-by-"+clients)
		}
	}
}

// The time from a commit on one replica to a waiter on another.
func BenchmarkWakeAcrossReplicas(b *testing.B) {
	o := benchOptions(harness.StartRedis(b, harness.Durable...).Addr)
	here, there := open(b, o), open(b, o)
	n := int64(0)
	for b.Loop() {
		waited := make(chan error)
		go func() { waited <- there.Wait(b.Context(), n) }()
		create(b, here, int(n)+1)
		if err := <-waited; err != nil {
			b.Fatal(err)
		}
		n++
	}
}

// A cold start reads all segments.
func BenchmarkListOf100000(b *testing.B) {
	s := open(b, benchOptions(harness.StartRedis(b, harness.Durable...).Addr))
	body := make([]byte, 1000)
	for n := range 200 {
		writes := make([]store.Write, 500)
		for i := range writes {
			writes[i] = store.Write{Kind: "segment", ID: fmt.Sprintf("%06d", n*500+i), Body: body}
		}
		if _, err := s.Commit(b.Context(), store.Commit{Writes: writes}); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		after, read := "", 0
		for {
			list, err := s.List(b.Context(), "segment", after, 1000)
			if err != nil {
				b.Fatal(err)
			}
			if read += len(list); len(list) < 1000 {
				break
			}
			after = list[len(list)-1].ID
		}
		if read != 100_000 {
			b.Fatal(read)
		}
	}
}

func benchOptions(addr string) redis.Options {
	return redis.Options{URL: "redis://" + addr, Prefix: "bench", Feed: 10_000}
}

func create(b *testing.B, s *redis.Store, n int) {
	_, err := s.Commit(b.Context(), store.Commit{Writes: []store.Write{{Kind: "segment", ID: fmt.Sprint(n),
		Body: make([]byte, 500)}}})
	if err != nil {
		b.Error(err)
	}
}

func perSecond(b *testing.B, unit string) {
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), unit)
}
