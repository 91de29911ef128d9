//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"lifeline/internal/harness"
	"lifeline/internal/store"
	"lifeline/internal/store/redis"
	"lifeline/internal/store/sqlite"
)

// starts prints how long the service takes until it is ready with n segments. Each segment has its waveform and a
// recording of one byte.
func starts(ctx context.Context, n, rounds, waveform int) error {
	return on(func(s *stage) error {
		binary := filepath.Join(s.TempDir(), "lifeline")
		if out, err := exec.CommandContext(ctx, "go", "build", "-o", binary, "./cmd/lifeline").CombinedOutput(); err != nil {
			return fmt.Errorf("build: %w\n%s", err, out)
		}
		fmt.Printf("\nfrom the start of the process until /readyz says so, with %d segments (the bar is 3 s)\n", n)
		data := s.TempDir()
		embedded, err := sqlite.Open(ctx, filepath.Join(data, "lifeline.db"))
		if err != nil {
			return err
		}
		if err := errors.Join(furnish(ctx, embedded, n, waveform), embedded.Close(), record(filepath.Join(data, "audio"),
			n)); err != nil {
			return err
		}
		if err := report(s, "SQLite", rounds, binary, "--data", data); err != nil {
			return err
		}
		server := harness.StartRedis(s, harness.Durable...)
		shared, err := redis.Open(ctx, redis.Options{URL: "redis://" + server.Addr, Prefix: "lifeline", Feed: 1000})
		if err != nil {
			return err
		}
		if err := errors.Join(furnish(ctx, shared, n, waveform), shared.Close()); err != nil {
			return err
		}
		return report(s, "Redis", rounds, binary, "--data", s.TempDir(), "--store", "redis://"+server.Addr, "--public-url",
			"http://127.0.0.1")
	})
}

// furnish fills a store as an import does.
func furnish(ctx context.Context, s interface {
	Import(ctx context.Context, trimmed int64, documents iter.Seq2[store.Document, error], changes iter.Seq2[store.Change,
		error], entries iter.Seq2[store.Entry, error]) error
}, n, waveform int) error {
	noise := make([]byte, waveform)
	rand.NewChaCha8([32]byte{}).Read(noise) // never fails
	documents := func(yield func(store.Document, error) bool) {
		for seg := range harness.Segments(n) {
			d, err := document(seg)
			if !yield(d, err) || !yield(store.Document{Kind: "waveform", ID: seg.Recording.SHA256, Revision: 1, Body: noise},
				nil) {
				return
			}
		}
	}
	changes := func(yield func(store.Change, error) bool) {
		var last int64
		for d := range documents {
			last++
			if !yield(store.Change{Sequence: last, Kind: d.Kind, ID: d.ID, Revision: 1,
				Origin: store.Origin{At: time.UnixMilli(1.7e12 + last).UTC(), By: "Hana", Action: "segment.upload"}}, nil) {
				return
			}
		}
	}
	return s.Import(ctx, 0, documents, changes, func(func(store.Entry, error) bool) {})
}

// record puts the recordings' files where the service keeps them.
func record(dir string, n int) error {
	for seg := range harness.Segments(n) {
		name := seg.Recording.SHA256
		if err := os.MkdirAll(filepath.Join(dir, name[:2]), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name[:2], name), []byte{0}, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// report starts the service several times and prints how long it took.
func report(s *stage, store string, rounds int, binary string, args ...string) error {
	var clock, cpu []time.Duration
	for range rounds {
		c, p, err := start(s, binary, args...)
		if err != nil {
			return fmt.Errorf("%s: %w", store, err)
		}
		clock, cpu = append(clock, c), append(cpu, p)
	}
	slices.Sort(clock)
	slices.Sort(cpu)
	fmt.Printf("%-8s median %5.2f s, best %5.2f, worst %5.2f; processor time of the service %5.2f s\n", store,
		clock[rounds/2].Seconds(), clock[0].Seconds(), clock[rounds-1].Seconds(), cpu[rounds/2].Seconds())
	return nil
}

// start runs the service until it is ready, and then kills it.
func start(s *stage, binary string, args ...string) (clock, cpu time.Duration, err error) {
	address := harness.FreeAddress(s)
	cmd := exec.Command(binary, append([]string{"serve", "--listen", address}, args...)...)
	cmd.Stderr = os.Stderr
	begun := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, 0, err
	}
	died := make(chan error, 1)
	go func() { died <- cmd.Wait() }()
	defer func() {
		_ = cmd.Process.Kill() // fails only if it has ended already
		<-died
		if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
			cpu = time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
		}
	}()
	poll := time.NewTicker(5 * time.Millisecond)
	defer poll.Stop()
	for late := time.After(time.Minute); ; {
		select {
		case <-poll.C:
			answer, err := http.Get("http://" + address + "/readyz")
			if err != nil {
				continue // not there yet
			}
			_, err = io.Copy(io.Discard, answer.Body)
			if err := errors.Join(err, answer.Body.Close()); err != nil {
				return 0, 0, err
			}
			if answer.StatusCode == http.StatusOK {
				return time.Since(begun), 0, nil
			}
		case err := <-died:
			died <- nil
			return 0, 0, fmt.Errorf("the service ended: %w", err)
		case <-late:
			return 0, 0, errors.New("not ready within a minute")
		}
	}
}
