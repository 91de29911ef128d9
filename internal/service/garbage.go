package service

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// Garbage may take as much memory as the live heap, which is the runtime's default, but little more than garbageRoom: a
// service with thousands of waiting stations would otherwise need half as much memory again.
const (
	garbageRoom   = 96 << 20
	garbageEvery  = time.Second
	mostGarbage   = 100 // percent of the live heap
	leastGarbage  = 25
	garbageMargin = 10 // deviation of the percentage that is tolerated, because setting it stops the world
)

// roomForGarbage adjusts the garbage collector until ctx ends, unless GOGC is set.
func roomForGarbage(ctx context.Context) error {
	if os.Getenv("GOGC") != "" {
		return nil
	}
	held := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"}}
	look := time.NewTicker(garbageEvery)
	defer look.Stop()
	for set := mostGarbage; ; {
		metrics.Read(held)
		percent := mostGarbage
		if bytes := held[0].Value.Uint64() + held[1].Value.Uint64(); bytes > 0 {
			percent = int(min(mostGarbage, max(leastGarbage, 100*garbageRoom/bytes)))
		}
		if diff := percent - set; max(diff, -diff)*100 > set*garbageMargin {
			debug.SetGCPercent(percent)
			set = percent
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return nil
		}
	}
}
