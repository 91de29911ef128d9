package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"time"

	"lifeline/audio"
)

// measureMemory analyses a file repeatedly as one stream of the given hours, and prints the process's resident memory
// before and at its peak.
func measureMemory(f file, hours int) error {
	parts := make([]io.Reader, 6*hours)
	for i := range parts {
		parts[i] = bytes.NewReader(f.bytes)
	}
	debug.FreeOSMemory()
	idle, err := resident()
	if err != nil {
		return err
	}
	highest, seen := idle, time.Now()
	start := seen
	facts, err := audio.Analyse(context.Background(), io.MultiReader(parts...), audio.Options{Progress: func(int64) {
		if time.Since(seen) < 50*time.Millisecond {
			return
		}
		seen = time.Now()
		if r, err := resident(); err == nil {
			highest = max(highest, r)
		}
	}})
	if err != nil {
		return err
	}
	fmt.Printf("%v of MP3, %d MB, in %v: idle %.1f MiB, highest %.1f MiB, %.1f MiB above idle; the bar is 64\n",
		facts.Duration.Round(time.Second),
		facts.Bytes/1e6, time.Since(start).Round(time.Second), mib(idle), mib(highest), mib(highest-idle))
	return nil
}

func mib(n int64) float64 { return float64(n) / (1 << 20) }

// resident returns the process's resident memory in bytes.
func resident() (int64, error) {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, err
	}
	var size, pages int64
	if _, err := fmt.Sscan(string(b), &size, &pages); err != nil {
		return 0, err
	}
	return pages * int64(os.Getpagesize()), nil
}
