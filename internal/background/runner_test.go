package background

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/access/signin"
	"lifeline/internal/erasure"
	"lifeline/internal/idempotency"
	"lifeline/internal/kinds"
	"lifeline/internal/library"
	"lifeline/internal/record"
	"lifeline/internal/replica"
	"lifeline/internal/scheduling"
	"lifeline/internal/servicetest"
	"lifeline/internal/store/memory"
	"lifeline/internal/webhooks"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

func TestTheJobsWaitForDeclaredKinds(t *testing.T) {
	f, _ := newFixture(t, memory.New(100))
	for _, j := range f.runner().jobs {
		for _, kind := range j.kinds {
			if _, declared := kinds.All.Find(kind); !declared && kind != record.AsRunReports {
				t.Errorf("the job %s waits for changes of %s, which is no kind", j.name, kind)
			}
		}
	}
}

// wakes counts how often each job of a runner ran.
type wakes struct {
	mu   sync.Mutex
	runs map[string]int
}

// since runs change and returns the jobs that ran within two seconds because of it.
func (w *wakes) since(change func()) string {
	w.mu.Lock()
	w.runs = map[string]int{}
	w.mu.Unlock()
	change()
	time.Sleep(2 * time.Second)
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Join(slices.Sorted(maps.Keys(w.runs)), " ")
}

// fixture is one of several replicas on a store.
type fixture struct {
	t         *testing.T
	replica   *replica.Replica
	scheduler *scheduling.Scheduler
	lock      *replica.WorkLock
}

// newFixture returns a replica that follows the changes of docs until the test ends.
func newFixture(t *testing.T, docs replica.Store) (*fixture, context.Context) {
	r, err := replica.Open(t.Context(), docs, kinds.All)
	if err != nil {
		t.Fatal(err)
	}
	records := record.NewRecords(r, docs, nil, time.Now, 0)
	f := &fixture{t: t, replica: r, lock: replica.NewWorkLock(r, rand.Text(), time.Minute),
		scheduler: scheduling.New(r, records, servicetest.Signer{}, time.Now, "http://x", time.Minute)}
	ctx, cancel := context.WithCancel(t.Context())
	var following sync.WaitGroup
	following.Go(func() {
		if err := r.Run(ctx, func(err error) { t.Error(err) }); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { cancel(); following.Wait() })
	return f, ctx
}

// put stores a document as its next revision.
func (f *fixture) put(kind, id string, v any) {
	f.t.Helper()
	servicetest.Put(f.t, f.replica, kind, id, v)
}

// runner returns the background jobs of a replica.
func (f *fixture) runner() *Runner {
	lib := library.New(f.replica, nil, servicetest.Signer{}, nil, time.Now, library.Limits{Concurrency: 1})
	none := func(context.Context, time.Time) (int, error) { return 0, nil }
	in, err := signin.New(f.replica, signin.Site{}, nil, time.Now)
	if err != nil {
		f.t.Fatal(err)
	}
	return NewRunner(f.replica, lib, f.scheduler, access.New(f.replica, time.Now),
		access.NewNotes(f.replica, time.Now), in, erasure.New(f.replica, nil, nil, nil, nil, time.Now), noRenders{},
		access.NewConfirmations(f.replica, nil, time.Now), f.lock, none,
		func(context.Context, time.Time) error { return nil }, slog.New(slog.DiscardHandler), 24*time.Hour, time.Now)
}

type noRenders struct{}

func (noRenders) Forget(time.Time) error { return nil }

// runJobs runs the background jobs of a replica until ctx ends. change may modify them first.
func (f *fixture) runJobs(ctx context.Context, change func(jobs []job)) {
	k := f.runner()
	change(k.jobs)
	var running sync.WaitGroup
	running.Go(func() {
		if err := k.Run(ctx); err != nil {
			f.t.Error(err)
		}
	})
	f.t.Cleanup(running.Wait)
	time.Sleep(time.Second)
}

// counted replaces the work of jobs by counting.
func (w *wakes) counted(jobs []job) {
	for i := range jobs {
		name := jobs[i].name
		jobs[i].work = func(context.Context, *replica.WorkLock) error {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.runs[name]++
			return nil
		}
	}
}

func TestAJobIsWokenByTheKindsThatItNeedsAndByNoOther(t *testing.T) {
	segment := schedules.Segment{ID: "a", Kind: "music", Title: "a", Language: "zxx"}
	for _, c := range []struct {
		kind, id string
		body     any
		want     string
	}{
		{replica.KindStatus, "s", wire.Status{Station: "s"}, ""},
		{replica.KindSegment, "a", segment, "analyse fallback make-goods refill repair"},
		{replica.KindScript, "a", schedules.Script{ID: "a"}, "fallback make-goods refill repair"},
		{replica.KindStation, "s", schedules.Station{ID: "s", Timezone: "UTC"},
			"fallback make-goods repair seal standing-orders"},
		{replica.KindQueue, "s/2026-11-29", map[string]any{"payload": []byte("{}")},
			"erase fallback make-goods refill repair"},
		{replica.KindErasure, "e", replica.ErasureDoc{ID: "e"}, "erase erase-renders"},
		{replica.KindRecalls, replica.RecallsID, map[string]any{"payload": []byte("{}")}, "fallback"},
		{replica.KindCampaign, "c", schedules.Campaign{ID: "c"}, "make-goods"},
		{library.KindUpload, "u", library.Upload{ID: "u"}, "uploads"},
		{record.KindLate, "s", struct{}{}, "seal"},
		{replica.KindFallback, "s", map[string]any{"payload": []byte("{}")}, "erase"},
		{replica.KindClock, "c", schedules.Clock{ID: "c"}, ""},
		{access.KindToken, "t", struct{}{}, ""},
		{webhooks.KindWebhook, "w", struct{}{}, ""},
		{webhooks.KindProgress, "w", struct{}{}, ""},
		{replica.KindRundown, "s/2026-11-29", schedules.Rundown{}, ""},
		{record.KindMakeGood, "s/m", wire.OwedAiring{}, ""},
		{idempotency.KindAnswer, "x", nil, ""},
	} {
		for _, writer := range []string{"this replica", "another"} {
			t.Run(fmt.Sprintf("%s by %s", c.kind, writer), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					docs := memory.New(100)
					here, ctx := newFixture(t, docs)
					from := here
					if writer == "another" {
						from, _ = newFixture(t, docs)
					}
					w := &wakes{runs: map[string]int{}}
					here.runJobs(ctx, w.counted)
					if got := w.since(func() { from.put(c.kind, c.id, c.body) }); got != c.want {
						t.Errorf("wakes %q, want %q", got, c.want)
					}
				})
			})
		}
	}
}

func TestAStationsHeartbeatWakesNoJob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, ctx := newFixture(t, memory.New(100))
		n.put(replica.KindStation, "s", schedules.Station{ID: "s", Timezone: "UTC"})
		w := &wakes{runs: map[string]int{}}
		n.runJobs(ctx, w.counted)
		log := n.scheduler.Record.Logbook
		if got := w.since(func() {
			for missing := range 3 {
				if err := log.SetStatus(t.Context(), access.Actor{}, "s", wire.Status{AudioMissing: missing}); err != nil {
					t.Error(err)
				}
			}
		}); got != "" {
			t.Errorf("heartbeats wake %s", got)
		}
		if status, err := log.Status("s"); err != nil || status.AudioMissing != 2 {
			t.Errorf("kept %+v (%v)", status, err)
		}
	})
}

func TestTimeAloneRunsEveryJob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, ctx := newFixture(t, memory.New(100))
		w := &wakes{runs: map[string]int{}}
		n.runJobs(ctx, w.counted)
		if got := w.since(func() { time.Sleep(24 * time.Hour) }); got != "analyse baseline erase erase-renders fallback "+
			"make-goods notes refill repair seal seal-audit sign sign-in standing-orders sweep token-uses uploads waiting" {
			t.Errorf("a day runs %s", got)
		}
	})
}

// onlyJob removes the work of all jobs but one.
func onlyJob(name string) func([]job) {
	return func(jobs []job) {
		for i := range jobs {
			if jobs[i].name != name {
				jobs[i].work = func(context.Context, *replica.WorkLock) error { return nil }
			}
		}
	}
}

func TestAReportWakesTheMakeGoods(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, ctx := newFixture(t, memory.New(100))
		start := schedules.At(time.Now().Add(-time.Hour))
		date := schedules.DateOf(start.Time)
		n.put(replica.KindStation, "s", schedules.Station{ID: "s", Timezone: "UTC"})
		n.put(replica.KindSegment, "voice", schedules.Segment{ID: "voice", Kind: "testimony", State: schedules.Approved})
		item := wire.QueueItem{ID: "i", SegmentID: "voice", Window: "w", StartAt: &start, Duration: schedules.Ms(60_000)}
		servicetest.PutSigned(t, n.replica, replica.KindQueue, "s/"+date.String(), wire.Queue{Station: "s", Date: date,
			Revision: 1, ExpiresAt: schedules.At(start.Add(24 * time.Hour)), Items: []wire.QueueItem{item},
			Windows: []schedules.Slot{{Occurrence: schedules.Occurrence{Window: "w", Date: date, StartAt: start,
				EndAt: schedules.At(start.Add(time.Minute))}}}})
		n.runJobs(ctx, onlyJob("make-goods"))
		log := n.scheduler.Record.Logbook
		if _, err := log.Report(t.Context(), "s", []schedules.AsRun{{Sequence: 1, ItemID: "i", SegmentID: "voice",
			StartedAt: start, EndedAt: start, Outcome: schedules.Failed}}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if owed, err := replica.List(t.Context(), n.replica.Store, record.KindMakeGood, "s/", ""); err != nil ||
			len(owed) != 1 || !strings.Contains(string(owed[0].Body), `"voice"`) {
			t.Errorf("stored as owed: %+v (%v)", owed, err)
		}
	})
}

// One replica recalls a segment; another replica, the only one that runs jobs, removes it from the queues.
func TestARecallAtAnotherReplicaWakesTheRepair(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		docs := memory.New(1000)
		here, ctx := newFixture(t, docs)
		there, _ := newFixture(t, docs)
		tomorrow := schedules.DateOf(time.Now()).AddDays(1)
		here.put(replica.KindSegment, "m", schedules.Segment{ID: "m", Kind: "music", Title: "m", Language: "ko-KP",
			State: schedules.Approved,
			Recording: &schedules.Recording{SHA256: strings.Repeat("1", 64), Bytes: 1, Duration: schedules.Ms(60_000),
				CueOut: schedules.Ms(60_000)}})
		here.put(replica.KindClock, "c", schedules.Clock{ID: "c", Length: schedules.Ms(60_000),
			Positions: []schedules.Position{{ID: "p", Segment: "m"}}})
		here.put(replica.KindStation, "s", schedules.Station{ID: "s", Name: "s", Timezone: "UTC",
			Languages: []string{"ko-KP"}, Windows: []schedules.Window{{ID: "w", Clock: "c",
				Length: schedules.Ms(60_000), Tolerance: schedules.Ms(1000), Starts: schedules.Recurrence{Timezone: "UTC",
					RRule: "DTSTART:" + time.Now().Format("20060102") + "T100000\nRRULE:FREQ=DAILY"}}}})
		if _, err := here.scheduler.Drafts.Plan(t.Context(), access.System, "s", tomorrow,
			scheduling.PlanOptions{}); err != nil {
			t.Fatal(err)
		}
		if _, err := here.scheduler.Publisher.Publish(t.Context(), access.System, "s", tomorrow,
			scheduling.PublishOptions{}); err != nil {
			t.Fatal(err)
		}
		here.runJobs(ctx, onlyJob("repair"))
		row, _ := replica.SegmentsIn(there.replica).Get("m")
		s := row.Value
		s.State = schedules.Recalled
		there.put(replica.KindSegment, "m", s)
		time.Sleep(time.Second)
		q, err := here.scheduler.Record.Queues.Queue(t.Context(), "s", tomorrow)
		if err != nil || len(q.Value.Items) != 0 {
			t.Errorf("%+v (%v)", q.Value.Items, err)
		}
	})
}
