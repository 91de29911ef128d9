package playout

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"lifeline/internal/client"
	"lifeline/internal/harness"
	"lifeline/internal/harness/longform"
	"lifeline/internal/playout/output"
	"lifeline/internal/playout/retry"
	"lifeline/internal/playout/statedir"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// besieged is a day of a station whose link somebody holds.
type besieged struct {
	t      *testing.T
	seed   uint64
	r      *rand.Rand
	s      *service
	truth  *truth
	middle *middle
	dir    string
	pool   []wire.QueueItem // plain and sensitive items that may be planned
	list   []wire.QueueItem // items for the fallback list

	opens    []time.Time // when the windows of today open
	revision int64       // of today's queue
	listed   int64       // revision of the fallback list
	recalls  wire.Recalls
	terms    schedules.Starved

	mu      sync.Mutex
	step    time.Duration // of the machine's clock
	started []started     // by the station's time
	tell    siege
}

// siege counts what happened in a run.
type siege struct{ starts, sensitive, fills, starved, alarms, restarts int }

const (
	mitmRate   = guardRate
	mitmWindow = 5 * time.Minute
	mitmHours  = 14 // of a broadcast day
)

func (b *besieged) clock() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return time.Now().Add(b.step)
}

// some returns a random duration below most.
func (b *besieged) some(most time.Duration) time.Duration {
	return time.Duration(b.r.Int64N(int64(most)))
}

// live runs the parts of a player until stop is called, which waits for their end. Its deck renders around windows
// only.
func (b *besieged) live() (p *Player, stop func()) {
	state, err := statedir.Open(b.dir)
	if err != nil {
		b.t.Fatal(err)
	}
	p, err = OpenPlayer(Options{Station: "lantern", State: state, Open: openRecording, Rate: mitmRate,
		API: client.New("http://service", "token", &http.Client{Transport: b.middle}), Block: time.Second,
		Pins:   Pins{Keys: []ed25519.PublicKey{b.s.signer.Public()}},
		Follow: FollowOptions{Days: 1, Sweep: 4 * time.Minute, Wait: 4 * time.Minute}, Outputs: []output.Output{b},
		Now:    b.clock,
		Uptime: uptime("mitm"), Log: discardLog(), Notify: b.notice, Version: "test"})
	if err != nil {
		b.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.t.Context())
	var parts sync.WaitGroup
	for _, run := range []func(context.Context) error{p.follower.Run,
		func(ctx context.Context) error { return p.log.Run(ctx, time.Second) },
		(&Sender{spool: p.spool, service: p.opt.API.Station("lantern"), problems: p.problems, identity: p.identity}).Run,
		p.fetcher.Run,
		func(ctx context.Context) error { b.air(ctx, p); return nil }} {
		parts.Go(func() {
			if err := run(ctx); err != nil {
				b.t.Error(err)
			}
		})
	}
	p.lines.Run(ctx)
	return p, func() {
		cancel()
		parts.Wait()
		if err := errors.Join(p.lines.Close(time.Second), p.spool.Close(), state.Close()); err != nil {
			b.t.Error(err)
		}
		p.cuer.Close()
	}
}

// air lets the player air a while before and after each window of its own time.
func (b *besieged) air(ctx context.Context, p *Player) {
	for _, at := range b.opens {
		if retry.Pause(ctx, time.Until(at.Add(-time.Minute))) != nil {
			return
		}
		window, end := context.WithDeadline(ctx, at.Add(mitmWindow+time.Minute))
		if window.Err() == nil {
			p.air(window)
		}
		end()
	}
}

// Name, Continuous, Latency, Close and Write make an output that hears what airs.
func (b *besieged) Name() string           { return "ear" }
func (b *besieged) Continuous() bool       { return false }
func (b *besieged) Latency() time.Duration { return 0 }
func (b *besieged) Close() error           { return nil }

// Write compares the recording that sounds with the item that the player says is on the air.
func (b *besieged) Write(block output.Block) error {
	if len(block.PCM) == 0 {
		return nil
	}
	last := block.PCM[max(len(block.PCM)-10, 0):]
	for i := 2; i < len(last); i += 2 {
		if last[i] != last[0] {
			return nil // a fade, or the end of an item
		}
	}
	number := int(last[0] * 32768)
	at := mitmRate.Time(block.Frame + int64(len(block.PCM)/2) - 1)
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range slices.Backward(b.started) {
		if s.at.After(at) {
			continue
		}
		if number%100 == 0 && number > 0 && s.segment != "segment-"+strconv.Itoa(number/100) {
			b.t.Errorf("seed %d: at %v recording %d sounds, and %s is said to be on the air", b.seed, at, number/100, s.segment)
		}
		break
	}
	return nil
}

// notice judges the start of each item.
func (b *besieged) notice(n Notice) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if n.Kind != ItemStart {
		return
	}
	i := slices.IndexFunc(slices.Concat(b.pool, b.list), func(it wire.QueueItem) bool {
		return it.SegmentID == n.SegmentID && it.Audio.SHA256 == n.SHA256
	})
	if i < 0 {
		b.t.Errorf("seed %d: at %v %s (%s) starts, which is foreign", b.seed, time.Now(), n.ItemID, n.SegmentID)
		return
	}
	it := slices.Concat(b.pool, b.list)[i]
	b.started = append(b.started, started{n.SegmentID, n.StartedAt.Time})
	b.tell.starts++
	if it.Sensitive {
		b.tell.sensitive++
	}
	if i >= len(b.pool) {
		b.tell.fills++
	}
	if why := b.truth.wrong(n.ItemID, &it); why != "" {
		b.t.Errorf("seed %d: at %v %s (%s) starts: %s", b.seed, time.Now(), n.ItemID, n.SegmentID, why)
	}
}

// meddle chooses how the person in the middle behaves from now on, and for how long.
func (b *besieged) meddle() time.Duration {
	m := b.middle
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.mode)
	all := func(act string) {
		for _, route := range routes {
			m.mode[route] = act
		}
	}
	switch kind := b.r.IntN(10); {
	case kind < 3: // honest
		all(passes)
		return time.Minute + b.some(40*time.Minute)
	case kind < 4:
		all(blackout)
	case kind < 6: // all passes but one thing
		all(passes)
		route := []string{"queue", "fallback", "recalls", "recalls", "lease", "freshness"}[b.r.IntN(6)]
		m.mode[route] = []string{"drop", "replay", "cross", "unchanged", "forge", "late"}[b.r.IntN(6)]
		for _, at := range b.opens {
			if left := time.Until(at.Add(mitmWindow)); left > 0 && left < mitmHours/4*time.Hour {
				return left + time.Minute // until a window has aired
			}
		}
	case kind < 9: // each route has its own trick, and some pass
		for _, route := range routes {
			if m.mode[route] = passes; b.r.IntN(3) == 0 {
				m.mode[route] = tricks[b.r.IntN(len(tricks))]
			}
		}
		if b.r.IntN(8) == 0 {
			m.mode["changes"] = "notices"
		}
		if m.mode["queue"] == "endless" || m.mode["audio"] == "endless" {
			m.mode["queue"], m.mode["audio"] = "drip", "drip"
		}
	}
	return 2*time.Minute + b.some(time.Hour)
}

// event is something that happens at the service or at the station.
func (b *besieged) event() {
	switch b.r.IntN(8) {
	case 0, 1:
		b.today()
	case 2, 3:
		all := slices.Concat(b.pool, b.list)
		if b.r.IntN(2) == 0 {
			all = slices.DeleteFunc(all, func(it wire.QueueItem) bool { return !it.Sensitive })
		}
		if len(b.recalls.Segments) < len(b.pool)/3 {
			b.recall(all[b.r.IntN(len(all))].SegmentID)
		}
	case 4:
		b.fallback()
	case 5, 6: // the machine's clock is set by up to ten days, after the service has confirmed it once
		b.truth.mu.Lock()
		confirmed := b.truth.heard.After(b.truth.begun)
		b.truth.mu.Unlock()
		if confirmed {
			b.mu.Lock()
			b.step = b.some(20*24*time.Hour) - 10*24*time.Hour
			b.mu.Unlock()
		}
	}
}

// watch checks each half minute that the station knows whether it is starved.
func (b *besieged) watch(p *Player, until time.Time) {
	for time.Now().Before(until) {
		time.Sleep(min(30*time.Second, time.Until(until)))
		synctest.Wait()
		said := slices.ContainsFunc(p.problems.Alarms(), func(a string) bool {
			return strings.HasPrefix(a, "starved since ")
		})
		starved, perhaps := b.truth.starved()
		known := !p.documents.Holdings().StarvedSince(p.time.Now()).IsZero()
		if starved > watchEvery+atOnce && !said || starved > atOnce && !known {
			b.t.Errorf("seed %d: at %v the station has been starved for %v and does not say so", b.seed, time.Now(), starved)
			return
		}
		if perhaps < -3*time.Minute && known { // a restart forgets the last answer or two
			b.t.Errorf("seed %d: at %v the station says that it is starved, and is not", b.seed, time.Now())
			return
		}
		if starved > 0 {
			b.tell.starved++
		}
		if said {
			b.tell.alarms++
		}
	}
}

// run plays the day.
func (b *besieged) run() {
	b.plan()
	p, stop := b.live()
	end := time.Now().Add(mitmHours * time.Hour)
	if b.r.IntN(5) > 0 { // mostly the station begins with what it needs
		b.middle.mu.Lock()
		for _, route := range routes {
			b.middle.mode[route] = passes
		}
		b.middle.mu.Unlock()
		b.watch(p, time.Now().Add(3*time.Minute+b.some(20*time.Minute)))
	}
	hungry := time.Now().Add(b.some((mitmHours - 5) * time.Hour)) // in each run the station is starved for certain
	for time.Now().Before(end) && !b.t.Failed() {
		phase := b.meddle()
		names := b.truth.names
		if len(names) > 0 && b.middle.does("recalls") != passes && b.middle.does("lease") == passes {
			b.recall(names[b.r.IntN(len(names))]) // only leases tell of it
		}
		if time.Now().After(hungry) {
			b.middle.mu.Lock()
			b.middle.mode["freshness"] = "replay"
			b.middle.mu.Unlock()
			phase, hungry = 40*time.Minute, end
		}
		until := time.Now().Add(min(phase, time.Until(end)))
		for time.Now().Before(until) && !b.t.Failed() {
			b.watch(p, time.Now().Add(min(b.some(80*time.Minute), time.Until(until))))
			b.event()
		}
		if b.r.IntN(6) == 0 { // the player is restarted within a few seconds of when it last saved its time
			if err := p.documents.serviceTime.save(p.documents.state); err != nil {
				b.t.Error(err)
			}
			b.watch(p, time.Now().Add(b.some(serviceTimeEvery)))
			stop()
			b.tell.restarts++
			time.Sleep(b.some(5 * time.Minute))
			p, stop = b.live()
		}
	}
	stop()
}

// TestNobodyOnTheLinkMakesAStationAirWhatItMustNot plays broadcast days of a real player's parts in simulated time,
// while somebody without the keys holds its link and sets its machine's clock. Nothing recalled, expired, superseded or
// foreign starts after the promised bound, nothing sensitive without a lease or against the policy of a starved
// station, and the station knows in time that it is starved. LIFELINE_PROVE=mitm plays ten thousand days, or
// LIFELINE_INPUTS of them from LIFELINE_SEED on.
func TestNobodyOnTheLinkMakesAStationAirWhatItMustNot(t *testing.T) {
	longform.Only(t)
	runs, first := 4, 0
	if os.Getenv("LIFELINE_PROVE") == "mitm" {
		runs = longform.Inputs(t, 10_000)
		if text := os.Getenv("LIFELINE_SEED"); text != "" {
			var err error
			if first, err = strconv.Atoi(text); err != nil {
				t.Fatal(err)
			}
		}
	}
	var mu sync.Mutex
	var all siege
	acts := map[string]int{}
	begun, done := time.Now(), 0
	play := func(t *testing.T, seed uint64) {
		synctest.Test(t, func(t *testing.T) {
			b := besiege(t, seed)
			b.run()
			if b.tell.starved == 0 {
				t.Errorf("seed %d: the station was never starved", b.seed)
			}
			mu.Lock()
			defer mu.Unlock()
			all.add(b.tell)
			for act, n := range b.middle.acts {
				acts[act] += n
			}
			done++
		})
	}
	var next atomic.Int64
	t.Run("days", func(t *testing.T) {
		for worker := range min(runtime.GOMAXPROCS(0), runs) {
			t.Run(strconv.Itoa(worker), func(t *testing.T) {
				t.Parallel()
				for n := next.Add(1) - 1; n < int64(runs) && !t.Failed(); n = next.Add(1) - 1 {
					play(t, uint64(first)+uint64(n))
					mu.Lock()
					if runs > 100 && done%25 == 0 {
						fmt.Printf("%s: %d days in %v: %+v, %.0f MiB\n", time.Now().Format(time.TimeOnly), done,
							time.Since(begun).Round(time.Second), all, float64(harness.PeakMemory(t, os.Getpid()))/(1<<20))
					}
					mu.Unlock()
				}
			})
		}
	})
	t.Logf("%d days: %+v; answers: %v", runs, all, acts)
	if all.starts < 5*runs || runs >= 100 && (all.sensitive < runs || all.starts < 20*runs) {
		t.Error("too little aired")
	}
	if os.Getenv("LIFELINE_PROVE") == "mitm" && !raced() {
		if peak := harness.PeakMemory(t, os.Getpid()); peak > mitmMemory {
			t.Errorf("it took %.0f MiB of memory", float64(peak)/(1<<20))
		}
	}
}

// mitmMemory is the most memory of the process: the player, the service, the person in the middle and their archive.
const mitmMemory = 256 << 20

// raced reports whether the race detector runs: it takes several times the memory of the program.
func raced() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

func (s *siege) add(o siege) {
	s.starts, s.sensitive, s.fills = s.starts+o.starts, s.sensitive+o.sensitive, s.fills+o.fills
	s.starved, s.alarms, s.restarts = s.starved+o.starved, s.alarms+o.alarms, s.restarts+o.restarts
}

func besiege(t *testing.T, seed uint64) *besieged {
	s := newService(t)
	truth := newTruth(s)
	s.setFault(truth.answers)
	stranger := otherSigner(t)
	return &besieged{t: t, seed: seed, r: rand.New(rand.NewPCG(seed, 6)), s: s, truth: truth, dir: inMemory(t),
		middle: &middle{service: s, truth: truth, r: rand.New(rand.NewPCG(seed, 7)), mode: map[string]string{},
			acts: map[string]int{}, other: func(payloadType string, v any) []byte {
				b, err := json.Marshal(v)
				if err != nil {
					t.Error(err)
				}
				env, err := stranger.Sign(payloadType, b)
				if err != nil {
					t.Error(err)
				}
				return env
			}}}
}
