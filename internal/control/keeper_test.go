package control

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"lifeline/internal/store/memory"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// wakes counts how often each job of a keeper was run.
type wakes struct {
	mu   sync.Mutex
	runs map[string]int
}

// since runs change and answers which jobs it had run within two seconds.
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

// replica is one of several over a store, which follows its changes until the test ends.
func replica(t *testing.T, docs Store) (*network, context.Context) {
	m, err := NewMirror(t.Context(), docs, AllKinds)
	if err != nil {
		t.Fatal(err)
	}
	n := &network{t: t, mirror: m, claims: NewClaims(m, "desk", time.Minute), now: time.Now().Truncate(time.Second), clocks: map[string]schedules.Clock{}, segments: map[string]schedules.Segment{}}
	n.scheduler = NewScheduler(m, docs, plainSeal{}, time.Now, "http://x", time.Minute)
	ctx, cancel := context.WithCancel(t.Context())
	var following sync.WaitGroup
	following.Go(func() {
		if err := m.Run(ctx, func(err error) { t.Error(err) }); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { cancel(); following.Wait() })
	return n, ctx
}

// keeper runs background jobs at a replica until ctx ends. change may change them before.
func (n *network) keeper(ctx context.Context, change func(jobs []job)) {
	library := NewLibrary(n.mirror, nil, plainSeal{}, nil, time.Now, LibraryLimits{Concurrency: 1})
	k := NewKeeper(library, n.scheduler, n.claims, func(context.Context, time.Time) (int, error) { return 0, nil }, slog.New(slog.DiscardHandler), 24*time.Hour)
	change(k.jobs)
	var running sync.WaitGroup
	running.Go(func() {
		if err := k.Run(ctx); err != nil {
			n.t.Error(err)
		}
	})
	n.t.Cleanup(running.Wait)
	time.Sleep(time.Second)
}

// counted replaces the work of jobs by counting.
func (w *wakes) counted(jobs []job) {
	for i := range jobs {
		name := jobs[i].name
		jobs[i].work = func(context.Context, *Claims) error {
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
		{kindStatus, "s", wire.Status{Station: "s"}, ""},
		{kindSegment, "a", segment, "analyse fallback make-goods repair"},
		{kindScript, "a", schedules.Script{ID: "a"}, "fallback make-goods repair"},
		{kindStation, "s", schedules.Station{ID: "s", Timezone: "UTC"}, "fallback make-goods repair seal"},
		{kindQueue, "s/2026-11-29", map[string]any{"payload": []byte("{}")}, "fallback make-goods refill repair"},
		{kindRecalls, recallsID, map[string]any{"payload": []byte("{}")}, "fallback"},
		{kindCampaign, "c", schedules.Campaign{ID: "c"}, "make-goods"},
		{kindUpload, "u", Upload{ID: "u"}, "uploads"},
		{kindLate, "s", lateReports{}, "seal"},
		{kindFallback, "s", map[string]any{"payload": []byte("{}")}, ""},
		{kindClock, "c", schedules.Clock{ID: "c"}, ""},
		{kindToken, "t", token{}, ""},
		{kindWebhook, "w", webhook{}, ""},
		{kindProgress, "w", progress{}, ""},
		{kindRundown, "s/2026-11-29", schedules.Rundown{}, ""},
		{kindMakeGood, "s/m", wire.OwedAiring{}, ""},
		{kindAnswer, "x", nil, ""},
	} {
		for _, writer := range []string{"this replica", "another"} {
			t.Run(fmt.Sprintf("%s by %s", c.kind, writer), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					docs := memory.New(100)
					here, ctx := replica(t, docs)
					from := here
					if writer == "another" {
						from, _ = replica(t, docs)
					}
					w := &wakes{runs: map[string]int{}}
					here.keeper(ctx, w.counted)
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
		n, ctx := replica(t, memory.New(100))
		n.put(kindStation, "s", schedules.Station{ID: "s", Timezone: "UTC"})
		w := &wakes{runs: map[string]int{}}
		n.keeper(ctx, w.counted)
		log := NewLogbook(n.mirror, NewRecords(n.mirror, n.mirror.store, nil, time.Now, 0), n.scheduler, time.Now)
		if got := w.since(func() {
			for missing := range 3 {
				if err := log.SetStatus(t.Context(), Actor{}, "s", wire.Status{AudioMissing: missing}); err != nil {
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
		n, ctx := replica(t, memory.New(100))
		w := &wakes{runs: map[string]int{}}
		n.keeper(ctx, w.counted)
		if got := w.since(func() { time.Sleep(24 * time.Hour) }); got != "analyse fallback make-goods refill repair seal sign sweep uploads" {
			t.Errorf("a day runs %s", got)
		}
	})
}

// onlyJob leaves one job its work.
func onlyJob(name string) func([]job) {
	return func(jobs []job) {
		for i := range jobs {
			if jobs[i].name != name {
				jobs[i].work = func(context.Context, *Claims) error { return nil }
			}
		}
	}
}

func TestAReportWakesTheMakeGoods(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, ctx := replica(t, memory.New(100))
		start := schedules.At(time.Now().Add(-time.Hour))
		date := schedules.DateOf(start.Time)
		n.put(kindStation, "s", schedules.Station{ID: "s", Timezone: "UTC"})
		n.put(kindSegment, "voice", schedules.Segment{ID: "voice", Kind: "testimony", State: schedules.Approved})
		item := wire.QueueItem{ID: "i", SegmentID: "voice", Window: "w", StartAt: &start, Duration: schedules.Ms(60_000)}
		n.sealed(kindQueue, "s/"+date.String(), wire.Queue{Station: "s", Date: date, Revision: 1, ExpiresAt: schedules.At(start.Add(24 * time.Hour)), Items: []wire.QueueItem{item},
			Windows: []schedules.Slot{{Occurrence: schedules.Occurrence{Window: "w", Date: date, StartAt: start, EndAt: schedules.At(start.Add(time.Minute))}}}})
		n.keeper(ctx, onlyJob("make-goods"))
		log := NewLogbook(n.mirror, NewRecords(n.mirror, n.mirror.store, nil, time.Now, 0), n.scheduler, time.Now)
		if _, err := log.Report(t.Context(), "s", []schedules.AsRun{{Sequence: 1, ItemID: "i", SegmentID: "voice", StartedAt: start, EndedAt: start, Outcome: schedules.Failed}}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if owed, err := makeGoods(t.Context(), n.mirror.store, kindMakeGood, "s"); err != nil || len(owed) != 1 || owed[0].SegmentID != "voice" {
			t.Errorf("stored as owed: %+v (%v)", owed, err)
		}
	})
}

// What one replica recalls, another, which alone runs the background work, takes out of the queues.
func TestARecallAtAnotherReplicaWakesTheRepair(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		docs := memory.New(1000)
		here, ctx := replica(t, docs)
		there, _ := replica(t, docs)
		tomorrow := schedules.DateOf(time.Now()).AddDays(1)
		here.station = schedules.Station{ID: "s", Name: "s", Timezone: "UTC", Languages: []string{"ko-KP"}, Windows: []schedules.Window{dailyWindow("w", "c", "100000", 60_000)}}
		here.station.Windows[0].Starts.RRule = "DTSTART:" + time.Now().Format("20060102") + "T100000\nRRULE:FREQ=DAILY"
		here.clocks["c"] = schedules.Clock{ID: "c", Length: schedules.Ms(60_000), Positions: []schedules.Position{{ID: "p", Segment: "m"}}}
		here.add("m", "music", 60_000)
		here.define()
		here.publish(tomorrow)
		here.keeper(ctx, onlyJob("repair"))
		row, _ := segmentsIn(there.mirror).get("m")
		s := row.value
		s.State = schedules.Recalled
		there.put(kindSegment, "m", s)
		time.Sleep(time.Second)
		q, err := here.scheduler.Queue(t.Context(), "s", tomorrow)
		if err != nil || len(q.Value.Items) != 0 {
			t.Errorf("%+v (%v)", q.Value.Items, err)
		}
	})
}

func TestAHeartbeatWakesTheWebhooksThatAreToldOfIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, _ := replica(t, memory.New(100))
		(&Webhooks{mirror: n.mirror}).subscribe()
		for _, c := range []struct {
			kind        string
			body        any
			told, beats bool
		}{{kindStatus, wire.Status{}, false, true}, {kindQueue, map[string]any{"payload": []byte("{}")}, true, true}, {kindProgress, progress{}, true, true},
			{kindToken, token{}, false, false}} {
			told, beats := n.mirror.signals.on(topicTold), n.mirror.signals.on(topicToldOften)
			n.put(c.kind, c.kind+"/2026-11-29", c.body)
			time.Sleep(time.Second)
			if woken(told) != c.told || woken(beats) != c.beats {
				t.Errorf("a change of a %s wakes %v, %v", c.kind, woken(told), woken(beats))
			}
		}
	})
}

func woken(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
