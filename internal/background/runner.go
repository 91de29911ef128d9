package background

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"lifeline/internal/access"
	"lifeline/internal/access/signin"
	"lifeline/internal/erasure"
	"lifeline/internal/library"
	"lifeline/internal/record"
	"lifeline/internal/replica"
	"lifeline/internal/scheduling"
	"lifeline/schedules"
)

// Runner runs the background jobs: it analyses recordings, removes recalled segments from published queues and fills
// their time, carries out standing orders, settles make-goods, seals the as-run reports of past days, and issues
// fallback lists. The jobs are level-triggered: they compare the present state with the desired one, so that they find
// work that a crash interrupted. Expensive work is claimed first, so that only one of several replicas does it.
type Runner struct {
	replica *replica.Replica
	now     func() time.Time
	lock    *replica.WorkLock
	jobs    []job
	collect Collector
	log     *slog.Logger
	every   time.Duration
	running atomic.Bool
	swept   time.Time

	mu     sync.Mutex
	failed map[string]time.Time // the jobs that fail, since when
}

// Collector removes audio that no segment names and that was put before an instant, and returns how much.
type Collector func(ctx context.Context, before time.Time) (removed int, err error)

// Baseline keeps the digests of the documents that were stored before the audit had any, once.
type Baseline func(ctx context.Context, now time.Time) error

// Renders holds rendered windows of this process.
type Renders interface {
	// Forget removes the files that were made before an instant.
	Forget(before time.Time) error
}

// job is one background job.
type job struct {
	name  string
	kinds []string // kinds of documents whose changes may require work
	work  func(context.Context, *replica.WorkLock) error
}

// NewRunner returns a Runner that runs each job when a document that it needs changes, and at least once per every.
func NewRunner(r *replica.Replica, l *library.Library, s *scheduling.Scheduler, a *access.Access, n *access.Notes,
	in *signin.SignIn, e *erasure.Erasures, renders Renders, w *access.Confirmations, c *replica.WorkLock,
	collect Collector, base Baseline, log *slog.Logger, every time.Duration, now func() time.Time) *Runner {
	k := &Runner{replica: r, now: now, lock: c, collect: collect, log: log, every: every}
	k.jobs = []job{
		{"analyse", []string{replica.KindSegment}, l.Recordings.AnalyseBehind},
		{"repair", []string{replica.KindQueue, replica.KindSegment, replica.KindScript, replica.KindStation},
			s.Repairer.Repair},
		{"refill", []string{replica.KindQueue, replica.KindSegment, replica.KindScript}, s.Repairer.Refill},
		{"standing-orders", []string{replica.KindStandingOrder, replica.KindStation}, s.StandingOrders.Carry},
		{"fallback", []string{replica.KindStation, replica.KindQueue, replica.KindSegment, replica.KindScript,
			replica.KindRecalls, replica.KindFloor}, s.Fallbacks.IssueAll},
		{"sign", []string{replica.KindFloor}, unclaimed(s.Resigner.Resign)},
		{"erase", []string{replica.KindErasure, replica.KindQueue, replica.KindFallback}, e.Sweep},
		{"erase-renders", []string{replica.KindErasure}, unclaimed(func(context.Context) error {
			return renders.Forget(e.Outdated())
		})},
		{"uploads", []string{library.KindUpload}, l.Uploads.Sweep},
		{"make-goods", []string{record.AsRunReports, replica.KindStation, replica.KindQueue, replica.KindSegment,
			replica.KindScript, replica.KindCampaign}, unclaimed(s.Record.MakeGoods.SettleAll)},
		{"seal", []string{replica.KindStation, record.KindLate}, unclaimed(s.Record.Sealing.SealAll)},
		{"seal-audit", nil, unclaimed(func(ctx context.Context) error {
			return s.Record.Sealing.SealAudit(ctx, false)
		})},
		{"baseline", nil, unclaimed(func(ctx context.Context) error { return base(ctx, now()) })},
		{"token-uses", nil, unclaimed(a.KeepUses)},
		{"notes", nil, unclaimed(func(ctx context.Context) error { return n.Flush(ctx, false) })},
		{"sign-in", nil, unclaimed(in.Sweep)},
		{"waiting", nil, unclaimed(w.Sweep)},
		{"sweep", nil, k.sweep},
	}
	for _, j := range k.jobs {
		k.replica.Signals.Join(j.topic(), j.kinds...)
	}
	return k
}

// topic is signalled by a change of any of the job's kinds.
func (j job) topic() string { return "job/" + j.name }

// Run runs the jobs until ctx ends. Each job has its own loop, so that a long analysis does not delay a recall. Failed
// jobs are logged and retried.
func (k *Runner) Run(ctx context.Context) error {
	k.running.Store(true)
	defer k.running.Store(false)
	g, ctx := errgroup.WithContext(ctx)
	for _, j := range k.jobs {
		g.Go(func() error {
			k.loop(ctx, j)
			return nil
		})
	}
	return g.Wait()
}

// unclaimed adapts work that every replica checks for itself: there is seldom any, and compare-and-set ensures that one
// does it.
func unclaimed(work func(context.Context) error) func(context.Context, *replica.WorkLock) error {
	return func(ctx context.Context, _ *replica.WorkLock) error { return work(ctx) }
}

// loop runs one job after every change of its kinds. If another replica is running it, loop checks again after the
// lease, in case that replica has died.
func (k *Runner) loop(ctx context.Context, j job) {
	for {
		signal := k.replica.Signals.On(j.topic())
		err, again := j.work(ctx, k.lock), k.every
		if err != nil {
			again = min(again, k.lock.Life)
		}
		failed := err != nil && !errors.Is(err, replica.ErrElsewhere) && ctx.Err() == nil
		k.note(j.name, failed)
		if failed {
			k.log.Error("background work failed and will be tried again", "work", j.name, "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-signal:
			select { // changes come in bursts: one run serves all of a moment
			case <-ctx.Done():
				return
			case <-time.After(replica.ChangePause):
			}
		case <-time.After(again):
		}
	}
}

// note notes whether a job failed when it last ran.
func (k *Runner) note(job string, failed bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !failed {
		delete(k.failed, job)
	} else if _, already := k.failed[job]; !already {
		if k.failed == nil {
			k.failed = map[string]time.Time{}
		}
		k.failed[job] = k.now()
	}
}

// Failing returns, for each job, for how long it has failed; 0 while it does not.
func (k *Runner) Failing() map[string]time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	out := make(map[string]time.Duration, len(k.jobs))
	for _, j := range k.jobs {
		out[j.name] = 0
		if since, fails := k.failed[j.name]; fails {
			out[j.name] = max(k.now().Sub(since), time.Second) // more than nothing from the first failure on
		}
	}
	return out
}

// sweepEvery is the interval between clean-ups.
const sweepEvery = time.Hour

func (k *Runner) sweep(ctx context.Context, lock *replica.WorkLock) error {
	now := k.now()
	if now.Sub(k.swept) < sweepEvery {
		return nil
	}
	k.swept = now
	replica.ForgetQueues(k.replica, schedules.DateOf(now).AddDays(-queueDaysKept))
	err := lock.Do(ctx, "sweep", sweepEvery, func(ctx context.Context) error {
		n, err := k.collect(ctx, now.Add(-orphanAge))
		if n > 0 {
			k.log.Info("removed audio that interrupted uploads had left behind", "recordings", n)
		}
		return err
	})
	if errors.Is(err, replica.ErrElsewhere) {
		return nil // try again in an hour
	}
	return err
}

// Alive fails if the background jobs are not running.
func (k *Runner) Alive(context.Context) error {
	if !k.running.Load() {
		return errors.New("background: the background work is not running")
	}
	return nil
}

// queueDaysKept is how many past days of queues stay in memory.
const queueDaysKept = 3

// orphanAge is the age from which unreferenced audio is removed: an upload stores its bytes before its segment.
const orphanAge = 24 * time.Hour
