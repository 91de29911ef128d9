package control

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"lifeline/schedules"
)

// Keeper runs the background jobs: it analyses what is behind, takes recalled segments out of published queues and looks for
// what may fill their time, looks for misses and what made them good, seals the as-run of days that are over, and issues
// fallback lists. The jobs are level-triggered: they compare what is with what should be, so that work lost in a crash is
// found again. What costs much is claimed first, so that one of several replicas does it.
type Keeper struct {
	mirror  *Mirror
	now     func() time.Time
	claims  *Claims
	jobs    []job
	collect Collector
	log     *slog.Logger
	every   time.Duration
	running atomic.Bool
	swept   time.Time
}

// Collector removes audio that no segment names and that was put before an instant, and says how much.
type Collector func(ctx context.Context, before time.Time) (removed int, err error)

// job is one kind of background work.
type job struct {
	name  string
	kinds []string // of document whose changes may leave it something to do; time passes for all jobs
	work  func(context.Context, *Claims) error
}

// asRunReports is a topic beside the kinds of document: what stations report is none.
const asRunReports = "as-run-reports"

// NewKeeper looks after l and s when something changes that a job needs, and at least as often as every.
func NewKeeper(l *Library, s *Scheduler, c *Claims, collect Collector, log *slog.Logger, every time.Duration) *Keeper {
	k := &Keeper{mirror: s.mirror, now: s.now, claims: c, collect: collect, log: log, every: every}
	k.jobs = []job{
		{"analyse", []string{kindSegment}, l.AnalyseBehind},
		{"repair", []string{kindQueue, kindSegment, kindScript, kindStation}, s.Repair},
		{"refill", []string{kindQueue}, s.Refill},
		{"fallback", []string{kindStation, kindQueue, kindSegment, kindScript, kindRecalls, kindFloor}, s.IssueFallbacks},
		{"sign", []string{kindFloor}, unclaimed(s.Resign)},
		{"uploads", []string{kindUpload}, l.SweepUploads},
		{"make-goods", []string{asRunReports, kindStation, kindQueue, kindSegment, kindScript, kindCampaign}, unclaimed(s.SettleMakeGoods)},
		{"seal", []string{kindStation, kindLate}, unclaimed(s.SealAsRun)},
		{"sweep", nil, k.sweep},
	}
	for _, j := range k.jobs {
		k.mirror.signals.join(j.topic(), j.kinds...)
	}
	return k
}

// topic is woken by a change of any of the job's kinds.
func (j job) topic() string { return "job/" + j.name }

// Run works until ctx ends. Each job has a loop of its own, so that a long analysis holds up no recall. What fails is logged
// and tried again.
func (k *Keeper) Run(ctx context.Context) error {
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

// unclaimed is work that each replica looks at for itself: it seldom finds any, and compare-and-set lets one do it.
func unclaimed(work func(context.Context) error) func(context.Context, *Claims) error {
	return func(ctx context.Context, _ *Claims) error { return work(ctx) }
}

// loop runs one job at every change of its kinds. What another replica has begun is looked at again when its lease is over,
// should it have died.
func (k *Keeper) loop(ctx context.Context, j job) {
	for {
		signal := k.mirror.signals.on(j.topic())
		err, again := j.work(ctx, k.claims), k.every
		if err != nil {
			again = min(again, k.claims.life)
		}
		if err != nil && !errors.Is(err, errElsewhere) && ctx.Err() == nil {
			k.log.Error("background work failed and will be tried again", "work", j.name, "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-signal:
			select { // changes come in crowds: one look serves those of a moment
			case <-ctx.Done():
				return
			case <-time.After(keeperPause):
			}
		case <-time.After(again):
		}
	}
}

// sweepEvery is how often what is no longer needed is looked for.
const sweepEvery = time.Hour

func (k *Keeper) sweep(ctx context.Context, claims *Claims) error {
	now := k.now()
	if now.Sub(k.swept) < sweepEvery {
		return nil
	}
	k.swept = now
	forgetQueues(k.mirror, schedules.DateOf(now).AddDays(-queueDaysKept))
	err := claims.do(ctx, "sweep", sweepEvery, func(ctx context.Context) error {
		n, err := k.collect(ctx, now.Add(-orphanAge))
		if n > 0 {
			k.log.Info("removed audio that interrupted uploads had left behind", "recordings", n)
		}
		return err
	})
	if errors.Is(err, errElsewhere) {
		return nil // an hour later it is looked at again
	}
	return err
}

// Alive fails while no background work is done.
func (k *Keeper) Alive(context.Context) error {
	if !k.running.Load() {
		return errors.New("control: the background work is not running")
	}
	return nil
}

// keeperPause is the least time between a change and the look at what it left to do.
const keeperPause = 50 * time.Millisecond

// queueDaysKept is how many past days of queues stay in memory.
const queueDaysKept = 3
