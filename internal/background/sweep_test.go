package background

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"lifeline/internal/replica"
	"lifeline/internal/servicetest"
	"lifeline/internal/store/memory"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

func TestOneReplicaSweepsOnceAnHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		docs := memory.New(100)
		var mu sync.Mutex
		sweeps, before := 0, time.Time{}
		swept := func() (int, time.Time) {
			mu.Lock()
			defer mu.Unlock()
			return sweeps, before
		}
		for range 2 {
			f, ctx := newFixture(t, docs)
			r := f.runner()
			r.every = time.Minute
			r.collect = func(_ context.Context, than time.Time) (int, error) {
				mu.Lock()
				defer mu.Unlock()
				sweeps, before = sweeps+1, than
				return 1, nil
			}
			run(t, ctx, r)
		}
		time.Sleep(time.Minute)
		if n, than := swept(); n != 1 || time.Since(than) < orphanAge {
			t.Errorf("after a minute %d sweeps, of what is older than %v", n, time.Since(than))
		}
		time.Sleep(3 * time.Hour)
		if n, _ := swept(); n != 4 {
			t.Errorf("after three hours more %d sweeps", n)
		}
	})
}

func TestQueuesOfDaysLongPastLeaveTheMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, ctx := newFixture(t, memory.New(100))
		today := schedules.DateOf(time.Now())
		for _, days := range []int{-queueDaysKept - 1, -queueDaysKept, 0} {
			date := today.AddDays(days)
			servicetest.PutSigned(t, f.replica, replica.KindQueue, "s/"+date.String(), wire.Queue{Schema: wire.QueueSchema,
				Station: "s", Date: date})
		}
		time.Sleep(time.Second)
		run(t, ctx, f.runner())
		time.Sleep(time.Second)
		if got := replica.QueuesIn(f.replica).Living(); len(got) != 2 || got[0] != "s/"+
			today.AddDays(-queueDaysKept).String() {
			t.Errorf("in memory are %v", got)
		}
	})
}

// A failed job is logged and retried. A job that another replica is running is checked again, and is no failure.
func TestAJobThatFailsIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, ctx := newFixture(t, memory.New(100))
		var said strings.Builder
		r := f.runner()
		r.log = slog.New(slog.NewTextHandler(&said, nil))
		var repairs, analyses atomic.Int64
		r.jobs = []job{
			{"repair", nil, func(context.Context, *replica.WorkLock) error {
				repairs.Add(1)
				return errors.New("the disk is gone")
			}},
			{"analyse", nil, func(context.Context, *replica.WorkLock) error { analyses.Add(1); return replica.ErrElsewhere }},
		}
		if err := r.Alive(ctx); err == nil {
			t.Error("it is alive before it runs")
		}
		run(t, ctx, r)
		time.Sleep(2*f.lock.Life + time.Second)
		synctest.Wait() // for the log
		if err := r.Alive(ctx); err != nil || repairs.Load() != 3 || analyses.Load() != 3 {
			t.Errorf("%v, tried %d and %d times", err, repairs.Load(), analyses.Load())
		}
		if now := r.Failing(); now["repair"] < 2*f.lock.Life || now["analyse"] != 0 || len(now) != 2 {
			t.Errorf("failing: %v", now)
		}
		if got := said.String(); !strings.Contains(got, "the disk is gone") || strings.Contains(got, "analyse") {
			t.Errorf("the log says %s", got)
		}
	})
}

// run runs r until ctx ends.
func run(t *testing.T, ctx context.Context, r *Runner) {
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	t.Cleanup(func() {
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
