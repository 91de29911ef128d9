//go:build linux

package storage_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"lifeline/internal/harness"
	"lifeline/internal/store"
	"lifeline/internal/store/redis"
	"lifeline/internal/store/sqlite"
)

// body is the document that each commit stores.
var body = bytes.Repeat([]byte("0"), 500)

// writers are the numbers of concurrent writers.
var writers = []int{1, 8, 64}

type committer interface {
	Commit(ctx context.Context, c store.Commit) ([]store.Change, error)
}

// commits stores documents, each in a commit of its own.
func commits(t *testing.T, s committer, writers int) func(time.Duration) float64 {
	var n atomic.Int64
	return func(slice time.Duration) float64 {
		return crowd(t, writers, slice, func(int) error {
			id := fmt.Sprintf("%d-%d", writers, n.Add(1))
			_, err := s.Commit(t.Context(), store.Commit{Writes: []store.Write{{Kind: "segment", ID: id, Body: body}}})
			return err
		})
	}
}

func commitsOnSQLite(t *testing.T, e effort) {
	dir := t.TempDir()
	s, err := sqlite.Open(t.Context(), filepath.Join(dir, "lifeline.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	contestants := []func(time.Duration) float64{syncs(t, dir, 1<<40), syncs(t, dir, 1000)}
	for _, n := range writers {
		contestants = append(contestants, commits(t, s, n))
	}
	rates := contest(e, contestants)
	t.Logf("fdatasync of a page appended %.0f/s, of one in a file that has its length (a journal that begins anew) %.0f/s",
		rates[0], rates[1])
	for i, n := range writers {
		t.Logf("%2d writers: %5.0f commits/s, %.2f of the appended and %.2f of the others", n, rates[2+i],
			rates[2+i]/rates[0], rates[2+i]/rates[1])
	}
}

// syncs writes pages of a file in a circle, each followed by fsync.
func syncs(t *testing.T, dir string, pages int64) func(time.Duration) float64 {
	t.Helper()
	f, err := os.CreateTemp(dir, "pages")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	page := make([]byte, 4096)
	if pages < 1<<20 {
		if _, err := f.Write(make([]byte, pages*4096)); err != nil {
			t.Fatal(err)
		}
		if err := f.Sync(); err != nil {
			t.Fatal(err)
		}
	}
	n := int64(0)
	return func(slice time.Duration) float64 {
		return crowd(t, 1, slice, func(int) error {
			if _, err := f.WriteAt(page, n%pages*4096); err != nil {
				return err
			}
			n++
			return syscall.Fdatasync(int(f.Fd()))
		})
	}
}

func commitsOnRedis(t *testing.T, e effort) {
	server := harness.StartRedis(t, harness.Durable...)
	s, err := redis.Open(t.Context(), redis.Options{URL: "redis://" + server.Addr, Prefix: "ours", Feed: 10_000})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	command := sent(t, server, s)
	var contestants []func(time.Duration) float64
	for _, n := range writers {
		ours := commits(t, s, n)
		var rate float64
		contestants = append(contestants, func(slice time.Duration) float64 { rate = ours(slice); return rate },
			scripts(t, server, command, n, &rate))
	}
	rates := contest(e, contestants)
	for i, n := range writers {
		t.Logf("%2d writers: %5.0f commits/s; redis-benchmark of the same script %5.0f/s: %.2f of it", n, rates[2*i],
			rates[2*i+1], rates[2*i]/rates[2*i+1])
	}
}

var perSecond = regexp.MustCompile(`([0-9.]+) requests per second`)

// scripts runs the store's command for a commit through redis-benchmark, with the given number of clients, for about as
// many requests as rate.
func scripts(t *testing.T, server *harness.Redis, command []string, clients int,
	rate *float64) func(time.Duration) float64 {
	t.Helper()
	return func(slice time.Duration) float64 {
		requests := max(100, int(*rate*slice.Seconds()))
		args := append([]string{"-p", server.Port(), "-c", strconv.Itoa(clients), "-n", strconv.Itoa(requests), "-r",
			"1000000000", "-q"}, command...)
		out, err := exec.CommandContext(t.Context(), "redis-benchmark", args...).CombinedOutput()
		if err != nil {
			t.Errorf("redis-benchmark: %v\n%s", err, out)
		}
		said := perSecond.FindAllSubmatch(out, -1)
		if said == nil {
			t.Fatalf("redis-benchmark says %s", out)
		}
		n, err := strconv.ParseFloat(string(said[len(said)-1][1]), 64)
		if err != nil {
			t.Error(err)
		}
		return n
	}
}

// sent returns the command that the store sends for a commit of one document, as Redis's own log of commands has it,
// with redis-benchmark's random number in place of the document's id and the receipt's.
func sent(t *testing.T, server *harness.Redis, s committer) []string {
	t.Helper()
	const id = "the-document"
	write := []store.Write{{Kind: "segment", ID: id, Body: body}}
	server.Do("config", "set", "slowlog-log-slower-than", "0")
	if _, err := s.Commit(t.Context(), store.Commit{Writes: write}); err != nil {
		t.Fatal(err)
	}
	server.Do("config", "set", "slowlog-log-slower-than", "-1")
	for _, entry := range server.Do("slowlog", "get", "100").([]any) {
		var command []string
		for _, word := range entry.([]any)[3].([]any) {
			w := fmt.Sprint(word)
			at := strings.Index(w, ":receipt:")
			switch {
			case w == id:
				w = "__rand_int__"
			case at >= 0:
				w = w[:at] + ":receipt:__rand_int__"
			case strings.HasPrefix(w, "000"): // the log shortens it
				w = string(body)
			}
			command = append(command, w)
		}
		if command[0] == "evalsha" && slices.Contains(command, "__rand_int__") {
			return command
		}
	}
	t.Fatal("the commit is not in the log of commands")
	return nil
}
