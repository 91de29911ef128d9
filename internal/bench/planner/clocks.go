package main

import (
	"syscall"
	"time"
)

// stopwatch measures the processor time of this process, including garbage collection: on a shared machine the time by
// the clock depends mostly on others.
type stopwatch struct {
	wall time.Time
	cpu  time.Duration
}

func startWatch() stopwatch { return stopwatch{time.Now(), processorTime()} }

// stop returns the time since the start, by the clock and on the processors.
func (s stopwatch) stop() (wall, cpu time.Duration) {
	return time.Since(s.wall), processorTime() - s.cpu
}

func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
