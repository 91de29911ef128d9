package background

import (
	"context"
	"errors"
	"log/slog"
	"strings"
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
		sweeps := 0
		var before time.Time
		for range 2 {
			f, ctx := newFixture(t, docs)
			r := f.runner()
			r.every = time.Minute
			r.collect = func(_ context.Context, than time.Time) (int, error) { sweeps++; before = than; return 1, nil }
			run(t, ctx, r)
		}
		time.Sleep(time.Minute)
		if sweeps != 1 || time.Since(before) < orphanAge {
			t.Errorf("after a minute %d sweeps, of what is older than %v", sweeps, time.Since(before))
		}
		time.Sleep(3 * time.Hour)
		if sweeps != 4 {
			t.Errorf("after three hours more %d sweeps", sweeps)
		}
	})
}

func TestQueuesOfDaysLongPastLeaveTheMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, ctx := newFixture(t, memory.New(100))
		today := schedules.DateOf(time.Now())
		for _, days := range []int{-queueDaysKept - 1, -queueDaysKept, 0} {
			date := today.AddDays(days)
			servicetest.PutSealed(t, f.replica, replica.KindQueue, "s/"+date.String(), wire.Queue{Schema: wire.QueueSchema,
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

// A job that fails is logged and tried again; one that another replica is at is looked at again, and is no failure.
func TestAJobThatFailsIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, ctx := newFixture(t, memory.New(100))
		var said strings.Builder
		r := f.runner()
		r.log = slog.New(slog.NewTextHandler(&said, nil))
		tries := map[string]int{}
		r.jobs = []job{
			{"repair", nil, func(context.Context, *replica.WorkLock) error {
				tries["repair"]++
				return errors.New("the disk is gone")
			}},
			{"analyse", nil, func(context.Context, *replica.WorkLock) error { tries["analyse"]++; return replica.ErrElsewhere }},
		}
		if err := r.Alive(ctx); err == nil {
			t.Error("it is alive before it runs")
		}
		run(t, ctx, r)
		time.Sleep(2*f.lock.Life + time.Second)
		if err := r.Alive(ctx); err != nil || tries["repair"] != 3 || tries["analyse"] != 3 {
			t.Errorf("%v, tried %v times", err, tries)
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
