//go:build linux

package playout

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"lifeline/internal/fallback"
	"lifeline/internal/harness"
	"lifeline/internal/harness/longform"
	"lifeline/internal/playout/dsp"
	"lifeline/internal/playout/output"
	"lifeline/internal/playout/statedir"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

const weekRate = dsp.Rate(1000)

// ear is an output that compares every frame with the plan and records what sounded when.
type ear struct {
	plan  map[string]*wire.Queue // by date
	date  schedules.Date
	items []wire.QueueItem // of date
	deaf  bool             // the player is dead, and its output reaches nobody
	runs  []run            // what sounded, in order
	wrong []run            // stretches that differ from the plan
}

// run is a stretch [start, end) of frames in which one recording sounded: 0 for silence, -1 for a fade.
type run struct {
	start, end int64
	number     int
}

func (e *ear) Name() string           { return "ear" }
func (e *ear) Continuous() bool       { return false }
func (e *ear) Latency() time.Duration { return 0 }
func (e *ear) Close() error           { return nil }

func (e *ear) Write(b output.Block) error {
	if e.deaf || len(b.PCM) == 0 {
		return nil
	}
	for i := range int64(len(b.PCM) / 2) {
		frame := b.Frame + i
		left, right := int(b.PCM[2*i]*32768), int64(b.PCM[2*i+1]*32768)
		number := left / 100
		if left%100 != 0 {
			number = -1
		}
		e.runs = extend(e.runs, frame, number)
		if it, at := e.planned(b.In, frame); it == nil || !isNumber(it, number) || at%codePeriod != right {
			e.wrong = extend(e.wrong, frame, number)
		}
	}
	return nil
}

func isNumber(it *wire.QueueItem, number int) bool {
	n, err := strconv.Atoi(strings.TrimPrefix(it.SegmentID, "segment-"))
	return err == nil && n == number
}

func extend(runs []run, frame int64, number int) []run {
	if n := len(runs); n > 0 && runs[n-1].end == frame && runs[n-1].number == number {
		runs[n-1].end++
		return runs
	}
	return append(runs, run{frame, frame + 1, number})
}

// planned returns the item that is planned for a frame, and the frame of its recording.
func (e *ear) planned(s *output.Bounds, frame int64) (*wire.QueueItem, int64) {
	if e.date != s.Date {
		e.date, e.items = s.Date, e.plan[s.Date.String()].Items
	}
	items := e.items
	i, found := slices.BinarySearchFunc(items, frame, func(it wire.QueueItem, f int64) int {
		return cmp.Compare(it.StartMs,
			f)
	})
	if !found {
		i--
	}
	if i < 0 || frame >= items[i].StartMs+items[i].Duration.Milliseconds() {
		return nil, 0
	}
	return &items[i], frame - items[i].StartMs
}

// week is seven days of windows, and the permitted deviations in them.
type week struct {
	hours   []int         // at which a window opens; the second and the third have the faults
	length  time.Duration // of each
	t       *testing.T
	s       *service
	r       *rand.Rand
	ear     *ear
	dir     string
	step    time.Duration
	begun   time.Time
	excused []run // stretches that may differ from the plan; number 0 allows silence, others only a replacement
}

// now returns the time by the machine's clock.
func (w *week) now() time.Time { return time.Now().Add(w.step) }

// publish plans the whole week from a pool of recordings and returns all its items.
func (w *week) publish() (items []*wire.QueueItem) {
	var pool []wire.QueueItem
	for n := range 120 {
		pool = append(pool, w.s.record(recording{Number: n + 1, Rate: int(weekRate), Frames: 20_000 + w.r.Int64N(180_000)}))
	}
	fallback := []wire.QueueItem{}
	for n := range 5 {
		fallback = append(fallback, w.s.record(recording{Number: 150 + n, Rate: int(weekRate),
			Frames: int64(20_000 + 25_000*n)}))
	}
	doc := wire.Fallback{Schema: wire.FallbackSchema, Station: "lantern", Revision: 1, IssuedAt: schedules.At(time.Now()),
		ExpiresAt: schedules.At(w.begun.AddDate(0, 0, 14)), Items: fallback}
	last := -1
	for d := range 7 {
		q := wire.Queue{}
		for i, hour := range w.hours {
			var own []wire.QueueItem
			for left := w.length.Milliseconds(); left > 0; {
				k := w.r.IntN(len(pool))
				if k == last {
					continue
				}
				last = k
				it := pool[k]
				it.ID = fmt.Sprintf("day%d-%d-%d", d, i, len(own))
				if length := it.Duration.Milliseconds(); length > left { // its cues make it fit
					it.Duration, it.CueOut = schedules.Ms(left), schedules.Ms(left)
				}
				left -= it.Duration.Milliseconds()
				own = append(own, it)
			}
			start := time.Date(w.begun.Year(), w.begun.Month(), w.begun.Day()+d, hour, 0, 0, 0, time.UTC)
			part := day("lantern", 1, start, w.length, own, fallback...)
			name := fmt.Sprintf("at-%02d", hour)
			part.Windows[0].Window = name
			for j := range part.Items {
				part.Items[j].Window = name
			}
			part.Items, part.Windows = append(q.Items, part.Items...), append(q.Windows, part.Windows...)
			q = part
			doc.Windows = append(doc.Windows, part.Windows[i].Occurrence)
		}
		w.ear.plan[q.Date.String()] = &q
		for i := range q.Items {
			items = append(items, &q.Items[i])
		}
	}
	// One item would end a second after its expiry.
	dying := items[len(items)/3]
	dying.NotAfter = schedules.At(dying.StartAt.Add(dying.Duration.Duration - time.Second))
	w.excuseItem(dying)
	for _, q := range w.ear.plan {
		w.s.publish(*q)
	}
	w.s.setFallback(doc)
	w.s.recall(1)
	return items
}

func (w *week) excuse(from, to time.Time, silence bool) {
	number := 1
	if silence {
		number = 0
	}
	w.excused = append(w.excused, run{weekRate.Frame(from), weekRate.Frame(to), number})
}

func (w *week) excuseItem(it *wire.QueueItem) {
	w.excuse(it.StartAt.Time, it.StartAt.Add(it.Duration.Duration), false)
}

// live runs a player until ctx is done.
func (w *week) live(ctx context.Context, dir string) chan struct{} {
	state, err := statedir.Open(dir)
	if err != nil {
		w.t.Fatal(err)
	}
	p, err := OpenPlayer(Options{Station: "lantern", State: state, API: w.s.api(), Open: openRecording, Rate: weekRate,
		Block: 200 * time.Millisecond, Follow: FollowOptions{TrustFirst: true, Days: 3}, Outputs: []output.Output{w.ear},
		Now: w.now, Uptime: uptime("week"), Log: discardLog(), Version: "test"})
	if err != nil {
		w.t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := p.Run(ctx); err != nil {
			w.t.Error(err)
		}
		if err := state.Close(); err != nil {
			w.t.Error(err)
		}
	}()
	return done
}

// TestWeekOfFaults plays a week in simulated time, with ten kills, an hour without a link, a restart of the service, a
// damaged recording, a full disk, steps of the clock, an item that expires, and recalls: long before the item was
// fetched, hours before air, and five seconds before air. A frame lasts a millisecond, and every frame is compared with
// the plan. LIFELINE_PROVE=week plays three weeks of eight hours a day.
func TestWeekOfFaults(t *testing.T) {
	longform.Only(t)
	if os.Getenv("PLAYOUT_TEST_WEEK") == "" {
		weekApart(t)
		return
	}
	hours, length, seeds := []int{5, 17}, 20*time.Minute, []uint64{12}
	if os.Getenv("LIFELINE_PROVE") == "week" {
		hours, length, seeds = []int{2, 5, 8, 11, 14, 17, 20, 22}, time.Hour, []uint64{12, 13, 14}
	}
	for _, seed := range seeds {
		open := descriptors(t)
		synctest.Test(t, func(t *testing.T) { // fails if a goroutine is left
			s := newService(t)
			w := &week{t: t, s: s, r: rand.New(rand.NewPCG(11, seed)), ear: &ear{plan: map[string]*wire.Queue{}},
				dir: t.TempDir(), begun: time.Now(),
				hours: hours, length: length}
			items := w.publish()
			w.run(w.script(items))
			w.check(items)
		})
		if left := descriptors(t); left > open {
			t.Errorf("%d descriptors were open before the week, %d after it", open, left)
		}
	}
	checkMemory(t)
}

// weekApart plays the week in a separate process, whose disk can be full without an effect on others, and whose memory
// can be measured: all of it, including the service and the ear, must stay below a player's limit.
func weekApart(t *testing.T) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestWeekOfFaults$", "-test.v", "-test.timeout=4h")
	cmd.Env = append(os.Environ(), "PLAYOUT_TEST_WEEK=1")
	said, err := cmd.CombinedOutput()
	t.Logf("%s", said)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%v of processor time", (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Round(time.Second))
}

// checkMemory compares this process's peak memory with a player's limit.
func checkMemory(t *testing.T) {
	t.Helper()
	peak := harness.PeakMemory(t, os.Getpid())
	t.Logf("at most %.1f MiB of memory, the service and the listening included", float64(peak)/(1<<20))
	if peak > 64<<20 {
		t.Errorf("more than 64 MiB")
	}
}

// descriptors returns the number of this process's open files.
func descriptors(t *testing.T) int {
	t.Helper()
	names, err := os.ReadDir("/dev/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(names)
}

// fillDisk makes every write to a file fail, as on a full disk, or ends that.
func (w *week) fillDisk(full bool) {
	limit := syscall.Rlimit{Cur: math.MaxInt64, Max: math.MaxInt64}
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		w.t.Fatal(err)
	}
	limit.Cur = limit.Max
	if full {
		limit.Cur = 0
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		w.t.Fatal(err)
	}
}

// act is an event at an instant of the wall clock.
type act struct {
	at time.Time
	do func()
}

// script returns the faults of the week.
func (w *week) script(items []*wire.QueueItem) (acts []act) {
	add := func(at time.Time, do func()) { acts = append(acts, act{at, do}) }
	window := func(d int, evening bool, into time.Duration) time.Time {
		hour := w.hours[0]
		if evening {
			hour = w.hours[1]
		}
		return w.begun.Truncate(24*time.Hour).AddDate(0, 0, d).Add(time.Duration(hour)*time.Hour + into)
	}
	// The link is down for an hour, from three quarters of an hour before a window until a quarter of an hour into it; two
	// kills fall into that time.
	down := func(yes bool) func() {
		return func() { w.s.setDown(yes) }
	}
	add(window(1, true, -45*time.Minute), down(true))
	add(window(1, true, 15*time.Minute), down(false))
	// The service restarts in the middle of a window, and all tags change.
	add(window(2, false, 10*time.Minute), down(true))
	add(window(2, false, 11*time.Minute), func() {
		down(false)()
		w.s.mu.Lock()
		defer w.s.mu.Unlock()
		for key := range w.s.tags {
			w.s.tags[key] = `"anew-` + fmt.Sprint(len(key)) + `"`
		}
	})
	// A recording is damaged on the disk an hour before it airs.
	add(window(3, false, -time.Hour), func() {
		for _, it := range items {
			if it.StartAt.After(window(3, false, 0)) {
				name := filepath.Join(w.dir, recordingName(it.Audio.SHA256))
				b, err := os.ReadFile(name)
				if err != nil {
					w.t.Error(err)
					return
				}
				b[len(b)/2] ^= 0x10
				if err := os.WriteFile(name, b, 0o600); err != nil {
					w.t.Error(err)
				}
				return
			}
		}
	})
	// The disk is full from before a window until into it: as-run entries are written when there is space again.
	full, free := window(4, false, -10*time.Minute), window(4, false, 15*time.Minute)
	add(full, func() { w.fillDisk(true) })
	add(free, func() { w.fillDisk(false) })
	// The machine's clock steps forward, and two days later back, in the middle of windows, without an audible effect.
	add(window(3, true, 12*time.Minute), func() { w.step += 90 * time.Second })
	add(window(5, true, 12*time.Minute), func() { w.step -= 90 * time.Second })
	// Recalls: of an item that airs in days and is not fetched yet, of one that airs in hours, and of one that airs in
	// five seconds.
	var recalled []string
	recall := func(it *wire.QueueItem, at time.Time) {
		add(at, func() {
			recalled = append(recalled, it.SegmentID)
			w.s.recall(int64(len(recalled)+1), recalled...)
			for _, other := range items {
				if other.SegmentID == it.SegmentID && other.StartAt.Add(other.Duration.Duration).After(time.Now()) {
					w.excuseItem(other)
				}
			}
		})
	}
	early, late := items[len(items)/2], items[len(items)*2/3]
	distant := items[len(items)-2]
	recall(distant, w.begun.Add(time.Hour))
	recall(early, early.StartAt.Add(-7*time.Hour))
	recall(late, late.StartAt.Add(-5*time.Second))
	// Ten kills in windows, two of them without a link.
	for k := range 10 {
		at := window(w.r.IntN(7), w.r.IntN(2) == 0, time.Duration(60+w.r.IntN(1000))*time.Second+
			time.Duration(w.r.IntN(1000))*time.Millisecond)
		if k < 2 {
			at = window(1, true, time.Duration(5+10*k)*time.Minute)
		}
		if at.After(full) && at.Before(free.Add(time.Minute)) {
			at = at.Add(24 * time.Hour) // a kill before the entries are on the disk would lose them
		}
		add(at, nil)
	}
	slices.SortStableFunc(acts, func(a, b act) int { return a.at.Compare(b.at) })
	return acts
}

// run plays the week and executes the script. An act without a function is a kill.
func (w *week) run(acts []act) {
	ctx, cancel := context.WithCancel(w.t.Context())
	done := w.live(ctx, w.dir)
	for _, a := range acts {
		time.Sleep(time.Until(a.at))
		if a.do != nil {
			a.do()
			continue
		}
		// A killed player leaves its disk unchanged and reaches nobody: a copy of the directory is used from then on.
		synctest.Wait()
		killed := time.Now()
		w.ear.deaf = true
		w.s.mu.Lock()
		was := w.s.down
		w.s.down = true
		w.s.mu.Unlock()
		next := w.t.TempDir()
		if err := os.CopyFS(next, os.DirFS(w.dir)); err != nil {
			w.t.Fatal(err)
		}
		cancel()
		<-done
		w.s.mu.Lock()
		w.s.down = was
		w.s.mu.Unlock()
		w.dir = next
		ctx, cancel = context.WithCancel(w.t.Context())
		time.Sleep(time.Duration(w.r.IntN(20_000)) * time.Millisecond)
		w.ear.deaf = false
		done = w.live(ctx, w.dir)
		w.excuse(killed.Add(-200*time.Millisecond), time.Now().Add(500*time.Millisecond), true)
	}
	time.Sleep(time.Until(w.begun.AddDate(0, 0, 7)))
	cancel()
	<-done
}

// check compares what was heard with the plan, and what was reported with what was heard.
func (w *week) check(items []*wire.QueueItem) {
	heard := int64(0)
	for _, r := range w.ear.runs {
		heard += r.end - r.start
	}
	silent := int64(0)
	for _, bad := range w.ear.wrong {
		if bad.number == 0 {
			silent += bad.end - bad.start
		}
		if !w.isExcused(bad) {
			w.t.Errorf("unplanned: %v to %v is recording %d", weekRate.Time(bad.start), weekRate.Time(bad.end), bad.number)
		}
	}
	entries := w.s.entries()
	byOutcome := map[schedules.Outcome]int{}
	for i, e := range entries {
		byOutcome[e.Outcome]++
		if i > 0 && e.Sequence <= entries[i-1].Sequence {
			w.t.Errorf("sequence %d follows %d", e.Sequence, entries[i-1].Sequence)
		}
		if !e.StartedAt.IsZero() {
			w.wasHeard(e)
		}
	}
	for _, r := range w.ear.runs {
		if r.number > 0 && weekRate.Duration(r.end-r.start) > 1500*time.Millisecond {
			w.wasReported(r, entries)
		}
	}
	w.t.Logf("%d items planned, %v heard, %v of it silent (all of it in restarts); reported %v",
		len(items), weekRate.Duration(heard), weekRate.Duration(silent), byOutcome)
	windows := time.Duration(7 * len(w.hours))
	if byOutcome[schedules.Aired] < len(items)-40*len(w.hours)/2 ||
		weekRate.Duration(heard) < windows*(w.length-5*time.Minute/windows) {
		w.t.Error("that is too little")
	}
}

// isExcused reports whether a stretch is a permitted deviation: silence only in a restart.
func (w *week) isExcused(bad run) bool {
	if bad.number <= 0 && bad.end-bad.start <= weekRate.Frames(fallback.MinFill) {
		bad.number = -1 // too short to be filled, or a fade
	}
	for _, x := range w.excused {
		if bad.start >= x.start && bad.end <= x.end && (bad.number != 0 || x.number == 0) {
			return true
		}
	}
	return false
}

// wasHeard checks that an entry is true: its recording sounded from its start to its end.
func (w *week) wasHeard(e schedules.AsRun) {
	start, end := weekRate.Frame(e.StartedAt.Time), weekRate.Frame(e.EndedAt.Time)
	for _, r := range w.ear.runs {
		// At an end there may be a fade; at a kill the sound may continue for up to a heartbeat.
		if fmt.Sprintf("segment-%d", r.number) == e.SegmentID && r.start == start &&
			end-r.end <= weekRate.Frames(fallback.Fade) &&
			r.end-end <= weekRate.Frames(1300*time.Millisecond) {
			return
		}
	}
	if end-start > weekRate.Frames(300*time.Millisecond) {
		w.t.Errorf("reported but not heard: %+v", e)
	}
}

// wasReported checks that a stretch that sounded is in exactly one entry.
func (w *week) wasReported(r run, entries []schedules.AsRun) {
	n := -1
	for _, e := range entries {
		if e.SegmentID == fmt.Sprintf("segment-%d", r.number) && weekRate.Frame(e.StartedAt.Time) == r.start {
			n++
		}
	}
	if n != 0 {
		w.t.Errorf("recording %d from %v to %v is in %d entries too many", r.number, weekRate.Time(r.start),
			weekRate.Time(r.end), n)
	}
}
