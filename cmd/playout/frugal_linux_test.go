package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"lifeline/internal/harness"
	"lifeline/internal/harness/longform"
	"lifeline/internal/wire"
)

// vitals are the resources that a process has used so far.
type vitals struct {
	cpu   time.Duration
	peak  int64 // bytes of memory
	files int
}

func vitalsOf(t *testing.T, pid int) (v vitals) {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	stat := string(b)
	fields := strings.Fields(stat[strings.LastIndex(stat, ")")+2:])
	for _, i := range []int{11, 12} { // utime and stime, in hundredths of a second
		ticks, err := strconv.Atoi(fields[i])
		if err != nil {
			t.Fatal(err)
		}
		v.cpu += time.Duration(ticks) * 10 * time.Millisecond
	}
	v.peak = harness.PeakMemory(t, pid)
	open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		t.Fatal(err)
	}
	v.files = len(open)
	return v
}

// The player takes at most 5% of one core while it plays 24 kHz mono, uses less than 64 MiB, and does not open more and
// more files. This test plays twenty seconds to a file; LIFELINE_PROVE=frugal plays ten minutes to a file and a sound
// card.
func TestPlayerIsFrugal(t *testing.T) {
	t.Parallel()
	items, length, outputs := 4, 5*time.Second, []string{"--report", "none"}
	if os.Getenv("LIFELINE_PROVE") == "frugal" {
		items, length, outputs = 20, 30*time.Second, append(outputs, "--output", "alsa")
	}
	longform.Only(t)
	s, dir := newService(t), t.TempDir()
	start := time.Now().Add(5 * time.Second).Truncate(time.Second)
	var day []wire.QueueItem
	for i := range items {
		name := []string{"reading-ko-full-hana", "testimony-ko-river"}[i%2]
		day = append(day, s.sample(t, strconv.Itoa(i), name, length))
	}
	whole := s.publish(t, start, day)
	cmd, _ := player(t, s, dir, start, outputs...)
	card := filepath.Join(dir, "aplay")
	if err := os.WriteFile(card, []byte("#!/bin/sh\nexec cat > /dev/null\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	cmd.Env = append(cmd.Env, "PATH="+dir+":"+os.Getenv("PATH"))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	at := func(d time.Duration) vitals {
		late := time.NewTimer(time.Until(start.Add(d)))
		defer late.Stop()
		<-late.C
		return vitalsOf(t, cmd.Process.Pid)
	}
	begun := at(time.Second)
	middle := at(whole / 2)
	ended := at(whole - time.Second)
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	share := 100 * (ended.cpu - begun.cpu).Seconds() / (whole - 2*time.Second).Seconds()
	t.Logf("%.1f%% of a core over %v, %.1f MiB at most, %d files open at first and %d at the end", share, whole,
		float64(ended.peak)/(1<<20), begun.files, ended.files)
	if share > 5 || ended.peak > 64<<20 || ended.files > max(begun.files, middle.files)+1 {
		t.Error("that is too much")
	}
}
