package endtoend

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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
	"time"

	"lifeline/audio/samples"
	"lifeline/internal/harness"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// The long window of faults: a quarter of an hour of real time. Five minutes without a link stand for an hour.
const (
	airLength = 15 * time.Minute
	airLead   = time.Minute
	airKills  = 10
	airWindow = "air"
)

// trial is a player on the air during all faults.
type trial struct {
	*onAir
	t       *testing.T
	seed    uint64
	r       *rand.Rand
	service *process
	secret  string
	proxy   *harness.Proxy
	clocks  string // the player's test binary, whose clock can be stepped

	acts  []happening
	cmd   *exec.Cmd
	said  *bytes.Buffer
	wrong time.Duration // offset of the machine's clock, as the player sees it
	fifo  string
	piped chan error // receives once the pipe was read to its end; nil: there is no pipe

	kills     []time.Duration // times in the window
	full      [2]time.Duration
	recalled  map[string]time.Duration // times by segment; negative: before the window
	corrupted map[string]bool          // item ids
}

// happening is an event at a time of the window.
type happening struct {
	at   time.Duration
	what string
	do   func()
}

// segmentOf uploads and approves a new segment with the sound of a sample that no other segment airs.
func (h *house) segmentOf(id, sample, kind string, more map[string]any) {
	h.t.Helper()
	audio, err := samples.Files.ReadFile(sample + ".mp3")
	if err != nil {
		h.t.Fatal(err)
	}
	meta := map[string]any{"id": id, "kind": kind, "title": id, "language": "ko-KP"}
	for k, v := range more {
		meta[k] = v
	}
	if _, err := h.producer.Upload(h.t.Context(), meta, bytes.NewReader(fmt.Appendf(audio, "TAG%-125s", id))); err != nil {
		h.t.Fatal(err)
	}
	if _, err := approve(h.t.Context(), h.editor, id); err != nil {
		h.t.Fatal(err)
	}
}

// airClock has a hard post every two and a half minutes, and fixed positions for the segments that will be recalled.
func airClock() schedules.Clock {
	fill := &schedules.Selector{Kinds: []schedules.Kind{"reading", "letter", "names", "news", "correction", "frequency",
		"promo", "bed"}, Max: schedules.Ms(80_000)}
	c := schedules.Clock{ID: airWindow, Length: schedules.Millis{Duration: airLength}}
	add := func(p schedules.Position) { c.Positions = append(c.Positions, p) }
	add(schedules.Position{ID: "open", Segment: "ident-ko"})
	add(schedules.Position{ID: "doomed", Pick: &schedules.Selector{Tags: []string{"doomed"}}})
	add(schedules.Position{ID: "dying", Pick: &schedules.Selector{Tags: []string{"dying"}}})
	posts := map[time.Duration]string{airLength * 26 / 100 / time.Second * time.Second: "near",
		airLength * 88 / 100 / time.Second * time.Second: "unfetched"}
	for at := 150 * time.Second; at < airLength-100*time.Second; at += 150 * time.Second {
		posts[at] = "time-signal"
	}
	var times []time.Duration
	for at := range posts {
		times = append(times, at)
	}
	slices.Sort(times)
	for i, at := range times {
		ms := schedules.Millis{Duration: at}
		add(schedules.Position{ID: "fill-" + strconv.Itoa(i), Fill: fill, FadeMax: schedules.Ms(60_000)})
		add(schedules.Position{ID: "post-" + strconv.Itoa(i), Segment: posts[at], At: &ms, Start: schedules.Hard})
	}
	add(schedules.Position{ID: "rest", Fill: fill, FadeMax: schedules.Ms(60_000)})
	add(schedules.Position{ID: "close", Segment: "ident-ko", AtEnd: true})
	return c
}

// newTrial publishes the window, and recalls a segment between its planning and its publication.
func newTrial(t *testing.T) *trial {
	t.Helper()
	seed := seedOr(t, uint64(rand.Uint32()))
	t.Logf("seed %d", seed)
	if _, err := program(); err != nil {
		t.Fatal(err)
	}
	clocks := filepath.Join(t.TempDir(), "playout.test")
	if out, err := exec.Command("go", "test", "-c", "-o", clocks, "lifeline/cmd/playout").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	dir := furnish(t)
	h := open(t, dir)
	start := time.Now().Add(airLead + 5*time.Second).UTC().Truncate(time.Second)
	h.segmentOf("doomed-1", "sign-on-cmn", "interview", map[string]any{"tags": []string{"doomed"}})
	h.segmentOf("doomed-2", "sign-off-cmn", "interview", map[string]any{"tags": []string{"doomed"}})
	h.segmentOf("dying", "intro-en", "promo", map[string]any{"tags": []string{"dying"},
		"valid_until": schedules.At(start.Add(airLength / 2))})
	h.segmentOf("unfetched", "reading-cmn-short-wei", "interview", nil)
	h.segmentOf("near", "reading-en-short-amos", "interview", nil)
	st := schedules.Station{ID: "air-test", Name: "Air Test", Timezone: "Asia/Tashkent", Languages: []string{"ko-KP"},
		Fallback: []string{"evergreen-ko-1", "testimony-ko-river", "music-lamp", "intro-ko", "ident-tone"},
		Windows: []schedules.Window{{ID: airWindow, Clock: airWindow, Length: schedules.Millis{Duration: airLength},
			Tolerance: schedules.Ms(10),
			Starts: schedules.Recurrence{Timezone: "UTC", RRule: "DTSTART:" + start.Format("20060102T150405") +
				"\nRRULE:FREQ=DAILY;COUNT=1"}}}}
	body, err := json.Marshal(wire.Apply{Stations: []schedules.Station{st}, Clocks: []schedules.Clock{airClock()}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.scheduler.Apply(t.Context(), bytes.NewReader(body), false); err != nil {
		t.Fatal(err)
	}
	day, err := st.DateAt(start)
	if err != nil {
		t.Fatal(err)
	}
	a := &trial{t: t, seed: seed, r: rand.New(rand.NewPCG(17, seed)), clocks: clocks, recalled: map[string]time.Duration{},
		corrupted: map[string]bool{}}
	a.onAir = &onAir{h: h, dir: dir, station: st.ID, start: start, air: filepath.Join(t.TempDir(), "air")}
	a.recallAtPlanning(day)
	a.queue = h.queue(st.ID, day.String())
	for _, i := range a.queue.Items {
		if _, gone := a.recalled[i.SegmentID]; gone {
			t.Errorf("the queue has %s, which was recalled before", i.SegmentID)
		}
	}
	if lead := time.Until(start); lead < 20*time.Second {
		t.Fatalf("only %v are left until the window", lead)
	}
	// From here on the service is a separate process behind a proxy.
	cfg := serveDefaults(dir)
	cfg.Listen = strings.TrimPrefix(h.url, "http://")
	h.stop()
	a.secret = adminOf(t, cfg)
	a.service = startProcess(t, cfg, a.secret)
	t.Cleanup(func() { a.service.kill(t) })
	a.proxy = harness.StartProxy(t, cfg.Listen)
	a.fifo = filepath.Join(filepath.Dir(a.air), "pipe")
	if err := syscall.Mkfifo(a.fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	a.args = []string{"--server", "http://" + a.proxy.Addr, "--station", st.ID, "--trust-on-first-use", "--state",
		a.state(), "--bandwidth", "40000",
		"--output", "wav:" + a.air, "--once", airWindow + "@" + day.String()}
	a.env = append(os.Environ(), "LIFELINE_TOKEN="+h.secrets["station:"+st.ID])
	return a
}

// recallAtPlanning recalls a segment of a draft before publication: the queue must not contain it.
func (a *trial) recallAtPlanning(day schedules.Date) {
	a.t.Helper()
	in := wire.ManyRequest{Stations: []string{a.station}, Dates: []schedules.Date{day}, Seed: a.seed}
	planned, err := a.h.scheduler.Plan(a.t.Context(), in)
	if err != nil || planned[0].Problem != nil {
		a.t.Fatalf("%v, %+v", err, planned)
	}
	draft, err := a.h.scheduler.Rundown(a.t.Context(), a.station, day)
	if err != nil {
		a.t.Fatal(err)
	}
	for _, i := range draft.Items {
		if i.Position == "doomed" {
			a.recall(i.SegmentID)
		}
	}
	published, err := a.h.scheduler.Publish(a.t.Context(), in)
	refused := err != nil || published[0].Problem != nil
	a.t.Logf("recalled between planning and publication: publication refused: %v", refused)
	if refused {
		a.h.publish([]string{a.station}, day.String())
	}
}

func (a *trial) recall(segment string) {
	a.t.Helper()
	a.recalled[segment] = time.Since(a.start)
	if _, err := a.h.editor.Act(a.t.Context(), segment, "recall", "withdrawn"); err != nil {
		a.t.Errorf("recall %s: %v", segment, err)
	}
}

func (a *trial) state() string { return filepath.Join(filepath.Dir(a.air), "player") }

func (a *trial) cached(i wire.QueueItem) string {
	return filepath.Join(a.state(), "audio", i.Audio.SHA256+".mp3")
}

// share returns a random time of the window between two fractions of its length.
func (a *trial) share(from, to float64) time.Duration {
	return time.Duration((from + (to-from)*a.r.Float64()) * float64(airLength))
}

// script sets the times of all events.
func (a *trial) script() {
	add := func(at time.Duration, what string, do func()) { a.acts = append(a.acts, happening{at, what, do}) }
	down := func(at, lasts time.Duration) {
		add(at, "the service is killed", func() { a.service.kill(a.t) })
		add(at+lasts, "the service starts again", func() {
			cfg := serveDefaults(a.dir)
			cfg.Listen = strings.TrimPrefix(a.h.url, "http://")
			a.service = startProcess(a.t, cfg, a.secret)
		})
	}
	step := func(at, by time.Duration) {
		add(at, fmt.Sprintf("the machine's clock steps by %v", by), func() {
			signal := syscall.SIGUSR1
			if by < 0 {
				signal = syscall.SIGUSR2
			}
			a.wrong += by
			if err := a.cmd.Process.Signal(signal); err != nil {
				a.t.Error(err)
			}
		})
	}
	add(-airLead+5*time.Second, "recall of what was not fetched yet", func() {
		for _, i := range a.queue.Items {
			if i.SegmentID == "unfetched" {
				if _, err := os.Stat(a.cached(i)); err == nil {
					a.t.Error("it was fetched already")
				}
			}
		}
		a.recall("unfetched")
	})
	add(a.share(0.03, 0.06), "a recording in the cache is damaged", a.damage)
	steps := []time.Duration{a.share(0.09, 0.11), a.share(0.15, 0.17), a.share(0.50, 0.52), a.share(0.56, 0.58)}
	step(steps[0], 90*time.Second)
	step(steps[1], -90*time.Second)
	down(a.share(0.18, 0.22), 8*time.Second)
	for _, i := range a.queue.Items {
		if i.SegmentID == "near" {
			add(i.StartAt.Sub(a.start)-5*time.Second, "recall of what airs in five seconds", func() { a.recall("near") })
		}
	}
	add(airLength*33/100, "the link is half open", func() { a.proxy.HalfOpen() })
	add(a.share(0.36, 0.42), "a recording in the cache is damaged, without a link to fetch it again", a.damage)
	add(airLength*48/100, "the link is cut", func() { a.proxy.Cut() })
	step(steps[2], -90*time.Second)
	step(steps[3], 90*time.Second)
	add(airLength*66/100, "the link is back", func() { a.proxy.Pass() })
	a.full[0] = a.share(0.72, 0.75)
	a.full[1] = a.full[0] + airLength*7/100
	add(a.full[0], "the player's disk is full", func() { harness.LimitFiles(a.t, a.cmd.Process.Pid, 0) })
	add(a.full[1], "the player's disk has room", func() { harness.LimitFiles(a.t, a.cmd.Process.Pid, math.MaxUint64) })
	down(a.share(0.88, 0.92), 8*time.Second)

	// Two kills happen while the clock is wrong; the others at random, but not together with another event, and not while
	// the disk is full: the player writes down what airs then only when there is room.
	for n := 0; n < airKills; {
		from, to := 0.01, 0.98
		if n < 2 {
			from, to = float64(steps[2*n])/float64(airLength), float64(steps[2*n+1])/float64(airLength)
		}
		at := a.share(from, to)
		free := at < a.full[0]-5*time.Second || at > a.full[1]+20*time.Second
		for _, other := range a.acts {
			free = free && (other.at-at).Abs() > 3*time.Second
		}
		if free {
			a.kills = append(a.kills, at)
			add(at, "the player is killed", nil)
			n++
		}
	}
	slices.SortFunc(a.acts, func(x, y happening) int { return int(x.at - y.at) })
	slices.Sort(a.kills)
}

// damage changes one byte of a cached recording that airs soon.
func (a *trial) damage() {
	now := time.Since(a.start)
	for _, i := range a.queue.Items {
		at := i.StartAt.Sub(a.start)
		if at < now+15*time.Second || i.Kind == "interview" { // it is recalled
			continue
		}
		b, err := os.ReadFile(a.cached(i))
		if err != nil {
			continue // it is not in the cache, or already damaged
		}
		b[len(b)/2] ^= 1
		if err := os.WriteFile(a.cached(i), b, 0o600); err != nil {
			a.t.Error(err)
		}
		for _, same := range a.queue.Items {
			if same.Audio.SHA256 == i.Audio.SHA256 && same.StartAt.Sub(a.start) > now {
				a.corrupted[same.ID] = true
			}
		}
		a.t.Logf("  %s, which airs at %v, is damaged", i.SegmentID, at)
		return
	}
	a.t.Error("nothing could be damaged")
}

// begin starts the player: the test binary if the machine's clock is stepped before the next kill, or has been; else
// the real program. It writes to the pipe if the disk will be full.
func (a *trial) begin(rest []happening) {
	a.t.Helper()
	path, err := program()
	if err != nil {
		a.t.Fatal(err)
	}
	path, env, args := filepath.Join(filepath.Dir(path), "playout"), a.env, a.args
	stepped, filled := a.wrong != 0, false
	for _, next := range rest {
		if next.do == nil {
			break
		}
		stepped = stepped || strings.Contains(next.what, "clock steps")
		filled = filled || strings.Contains(next.what, "disk is full")
	}
	if stepped {
		path, env = a.clocks, append(slices.Clone(env), "PLAYOUT_TEST_PLAYER=1", "PLAYOUT_TEST_CLOCK="+a.wrong.String())
	}
	if filled {
		args = append(slices.Clone(args), "--output", "pcm:"+a.fifo)
		a.piped = make(chan error, 1)
		go func() { a.piped <- writeDown(a.fifo, a.fifo+".raw") }()
	}
	a.cmd, a.said = exec.Command(path, args...), &bytes.Buffer{}
	a.cmd.Env, a.cmd.Stderr = env, a.said
	if err := a.cmd.Start(); err != nil {
		a.t.Fatal(err)
	}
}

// writeDown copies a pipe to a file until its end.
func writeDown(pipe, file string) (err error) {
	from, err := os.Open(pipe)
	if err != nil {
		return err
	}
	to, err := os.Create(file)
	if err == nil {
		_, err = io.Copy(to, from)
		err = errors.Join(err, to.Close())
	}
	return errors.Join(err, from.Close())
}

// run runs all events.
func (a *trial) run() {
	a.t.Helper()
	a.t.Cleanup(func() { a.cmd.Process.Kill() }) // fails if it has ended
	a.begin(a.acts)
	for n, act := range a.acts {
		until(a.t, a.start.Add(act.at))
		a.t.Logf("%9.3f s: %s", time.Since(a.start).Seconds(), act.what)
		if act.do != nil {
			act.do()
			continue
		}
		if err := a.cmd.Process.Kill(); err != nil {
			a.t.Fatal(err)
		}
		k, _ := slices.BinarySearch(a.kills, act.at)
		a.kills[k] = time.Since(a.start)
		a.cmd.Wait() // it was killed: the error is expected
		a.tell()
		a.begin(a.acts[n+1:])
	}
	a.wait(a.t, a.cmd, a.said)
	a.tell()
	if err := <-a.piped; err != nil {
		a.t.Error(err)
	}
}

// tell prints a player's warnings.
func (a *trial) tell() {
	for line := range strings.Lines(a.said.String()) {
		if !strings.Contains(line, "level=INFO") {
			a.t.Logf("  it said: %s", strings.TrimSpace(line))
		}
	}
}
