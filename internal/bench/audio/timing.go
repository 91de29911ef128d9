package main

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"slices"
	"strconv"
	"syscall"
	"time"
)

// timing is the cost of a run.
type timing struct {
	clock, cpu time.Duration
	others     float64 // the share of all processors that other processes or virtual machines took
}

const (
	quiet    = 0.03 // highest share of others for a valid time by the clock
	patience = 4    // rounds per requested round, before runs that were not quiet count too
)

// timed measures run.
func timed(cores int, run func() error) (timing, error) {
	before, err := busyTime()
	if err != nil {
		return timing{}, err
	}
	start, used := time.Now(), cpuTime()
	if err := run(); err != nil {
		return timing{}, err
	}
	t := timing{clock: time.Since(start), cpu: cpuTime() - used}
	after, err := busyTime()
	if err != nil {
		return timing{}, err
	}
	t.others = max(0, (after-before-t.cpu).Seconds()/(float64(cores)*t.clock.Seconds()))
	return t, nil
}

// quietRuns returns how many of the timings have a valid time by the clock.
func quietRuns(ts []timing) int {
	n := 0
	for _, t := range ts {
		if t.others <= quiet {
			n++
		}
	}
	return n
}

// quietest returns the n timings with the least load by others.
func quietest(ts []timing, n int) []timing {
	ts = slices.SortedStableFunc(slices.Values(ts), func(a, b timing) int { return cmp.Compare(a.others, b.others) })
	return ts[:min(n, len(ts))]
}

// medians returns the median by the clock and the median of processor time.
func medians(ts []timing) (clock, cpu time.Duration) {
	var clocks, cpus []time.Duration
	for _, t := range ts {
		clocks, cpus = append(clocks, t.clock), append(cpus, t.cpu)
	}
	return median(clocks), median(cpus)
}

func median(d []time.Duration) time.Duration {
	d = slices.Sorted(slices.Values(d))
	return d[len(d)/2]
}

// busyTime returns the processor time, over all processors, that was used or stolen since the machine started.
func busyTime() (time.Duration, error) {
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	line, _, _ := bytes.Cut(b, []byte("\n"))
	fields := bytes.Fields(line) // cpu, user, nice, system, idle, iowait, irq, softirq, steal
	if len(fields) < 9 {
		return 0, fmt.Errorf("/proc/stat starts with %q", line)
	}
	var ticks int64
	for _, i := range []int{1, 2, 3, 6, 7, 8} {
		n, err := strconv.ParseInt(string(fields[i]), 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * time.Second / 100, nil
}

// cpuTime returns the processor time of this process and of its children that have ended. Unlike the clock it does not
// count other processes on the machine.
func cpuTime() time.Duration {
	var sum time.Duration
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var u syscall.Rusage
		if err := syscall.Getrusage(who, &u); err == nil {
			sum += time.Duration(u.Utime.Nano() + u.Stime.Nano())
		}
	}
	return sum
}
