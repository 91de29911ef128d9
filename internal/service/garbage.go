package service

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// Garbage may take as much memory as what is held, as the runtime has it of itself, but not much more than this: a
// service that holds thousands of waiting stations would otherwise take half as much again as they need.
const (
	garbageRoom   = 96 << 20
	garbageEvery  = time.Second
	mostGarbage   = 100 // per cent of what is held
	leastGarbage  = 25
	garbageMargin = 10 // by which the percentage is off before it is set again, which stops everything for a moment
)

// roomForGarbage keeps the collector to it until ctx ends, unless whoever runs the service has said otherwise by GOGC.
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
