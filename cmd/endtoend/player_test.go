package endtoend

import (
	"bytes"
	"context"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lifeline/cmd/lifeline/commands"
	"lifeline/internal/harness/longform"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// onAir is a published window that opens soon, and the player that will air it.
type onAir struct {
	h       *house
	dir     string // of the service's data
	station string
	start   time.Time
	queue   wire.Queue // the window's items alone
	args    []string   // of the player
	env     []string
	air     string // directory of the WAV
}

// soon publishes the demonstration's window on a furnished service.
func soon(t *testing.T, h *house, dir string, lead time.Duration) *onAir {
	t.Helper()
	if _, err := program(); err != nil { // built now, since that may take longer than the time until the window
		t.Fatal(err)
	}
	own := t.TempDir()
	st, start, err := commands.OpenDemoWindow(t.Context(), h.scheduler, lead)
	if err != nil {
		t.Fatal(err)
	}
	day, err := st.DateAt(start)
	if err != nil {
		t.Fatal(err)
	}
	h.publish([]string{st.ID}, day.String())
	o := &onAir{h: h, dir: dir, station: st.ID, start: start, queue: h.queue(st.ID, day.String()),
		air: filepath.Join(own, "air")}
	var items []wire.QueueItem
	for _, i := range o.queue.Items {
		if i.Window == commands.DemoWindow {
			items = append(items, i)
		}
	}
	o.queue.Items = items
	o.args = []string{"--server", h.url, "--station", st.ID, "--trust-on-first-use", "--state",
		filepath.Join(own, "player"),
		"--output", "wav:" + o.air, "--once", commands.DemoWindow + "@" + day.String()}
	o.env = append(os.Environ(), "LIFELINE_TOKEN="+h.secrets["station:"+st.ID])
	return o
}

// player starts the player as a process.
func (o *onAir) player(t *testing.T) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	service, err := program()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(filepath.Join(filepath.Dir(service), "playout"), o.args...)
	var said bytes.Buffer
	cmd.Env, cmd.Stderr = o.env, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	return cmd, &said
}

// until waits for an instant of real time, by which the player plays.
func until(t testing.TB, at time.Time) {
	t.Helper()
	ctx, cancel := context.WithDeadline(t.Context(), at)
	defer cancel()
	<-ctx.Done()
}

// heardTo waits until the player has written the sound of the window up to an instant.
func (o *onAir) heardTo(t *testing.T, at time.Time) {
	t.Helper()
	size, wanted := int64(0), 4*airRate*at.Sub(o.start).Milliseconds()/1000 // 16 bits, stereo
	eventually(t, func() bool {
		wavs, err := filepath.Glob(filepath.Join(o.air, "*.wav"))
		if err == nil && len(wavs) == 1 {
			if info, err := os.Stat(wavs[0]); err == nil {
				size = info.Size()
			}
		}
		return size > wanted
	})
	if size <= wanted {
		t.Fatalf("by %v the player has written %d bytes of %d", time.Now().UTC(), size, wanted)
	}
}

// holds waits until the player has the recordings of the window's items.
func (o *onAir) holds(t *testing.T) {
	t.Helper()
	missing := ""
	within(t, time.Until(o.start), func() bool {
		missing = ""
		for _, i := range o.queue.Items {
			if _, err := os.Stat(o.recording(i)); err != nil {
				missing = i.SegmentID
			}
		}
		return missing == ""
	})
	if missing != "" {
		t.Fatalf("the player has no recording of %s when its window opens", missing)
	}
}

// recording is the player's file of an item.
func (o *onAir) recording(i wire.QueueItem) string {
	return filepath.Join(filepath.Dir(o.air), "player", "audio", i.Audio.SHA256+".mp3")
}

// wait lets the player end by itself after its window.
func (o *onAir) wait(t *testing.T, cmd *exec.Cmd, said *bytes.Buffer) {
	t.Helper()
	if err := cmd.Wait(); err != nil {
		t.Fatalf("the player ended with %v\n%s", err, said)
	}
}

// checkHeard compares the WAV with the queue. The player was dead for [from, to) of the window: outside of it
// everything is heard at its planned time, also an item that was joined in its middle.
func (o *onAir) checkHeard(t *testing.T, from, to time.Duration) {
	t.Helper()
	wavs, err := filepath.Glob(filepath.Join(o.air, "*.wav"))
	if err != nil || len(wavs) != 1 {
		t.Fatalf("%v, %v", wavs, err)
	}
	air := hear(t, wavs[0])
	off := time.Duration(float64(len(air))/airRate*float64(time.Second)) - commands.DemoLength
	if off.Abs() > 10*time.Millisecond {
		t.Errorf("the WAV is off its length by %v", off)
	}
	const look = 2 * time.Second
	for _, i := range o.queue.Items {
		begins := i.StartAt.Sub(o.start)
		ends := begins + i.Duration.Duration
		for _, at := range []time.Duration{begins, to} { // its onset, and the point where it was joined
			if at < begins || at+look > ends || at < to && at+look > from {
				continue
			}
			source := hear(t, filepath.Join(o.dir, "audio", i.Audio.SHA256[:2], i.Audio.SHA256))
			source = source[int((i.CueIn.Duration+at-begins).Seconds()*airRate):]
			source = source[:min(len(source), int((ends-at).Seconds()*airRate))]
			off, fit := onset(air, source, int(math.Round(at.Seconds()*airRate)), airRate/50)
			t.Logf("%-24s from %6.2f s of the window: heard %+.2f ms off, fit %.3f", i.SegmentID, at.Seconds(),
				float64(off)*1000/airRate, fit)
			if fit < 0.9 || math.Abs(float64(off))*1000/airRate > 5 {
				t.Errorf("%s at %v: %.2f ms off, fit %.2f", i.SegmentID, at, float64(off)*1000/airRate, fit)
			}
		}
	}
}

// asRun returns the service's as-run entries of the window.
func (o *onAir) asRun(t *testing.T, h *house) []schedules.AsRun {
	t.Helper()
	var page wire.Page[schedules.AsRun]
	h.do("GET", wire.Station(o.station, "as-run")+"?date="+o.queue.Date.String(), h.secrets["scheduler"], nil, nil).into(t,
		&page)
	own := map[string]bool{}
	for _, i := range o.queue.Items {
		own[i.ID] = true
	}
	var out []schedules.AsRun
	for _, e := range page.Items {
		if own[e.ItemID] {
			out = append(out, e)
		}
	}
	return out
}

// kill -9 in the middle of an item: the player rejoins at the planned position, and the reports state the interruption.
func TestKilledPlayerRejoinsInTheItem(t *testing.T) {
	longform.Only(t)
	t.Parallel()
	dir := furnish(t)
	h := open(t, dir)
	o := soon(t, h, dir, 4*time.Second)
	first, _ := o.player(t)
	victim := o.queue.Items[1] // the reading
	o.heardTo(t, victim.StartAt.Add(6*time.Second))
	if err := first.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	killed := time.Now()
	first.Wait() // it was killed: the error is expected
	second, said := o.player(t)
	o.wait(t, second, said)
	entries := o.asRun(t, h)
	var parts []schedules.AsRun
	for _, e := range entries {
		if e.ItemID == victim.ID {
			parts = append(parts, e)
		}
	}
	if len(parts) != 2 || parts[0].Outcome != schedules.Cut || !parts[0].StartedAt.Equal(victim.StartAt.Time) {
		t.Fatalf("as-run of the interrupted item: %+v", parts)
	}
	if lie := parts[0].EndedAt.Sub(killed); lie > 300*time.Millisecond || lie < -2*time.Second {
		t.Errorf("it says that it was heard until %s; it was killed at %s", parts[0].EndedAt, killed.UTC())
	}
	if !parts[1].EndedAt.Equal(victim.StartAt.Add(victim.Duration.Duration)) ||
		parts[1].StartedAt.Before(killed.Add(-time.Second)) {
		t.Errorf("it says of the rejoin: %+v", parts[1])
	}
	t.Logf("silent for %v", parts[1].StartedAt.Sub(parts[0].EndedAt.Time))
	o.checkHeard(t, parts[0].EndedAt.Sub(o.start), parts[1].StartedAt.Sub(o.start))
	for _, i := range o.queue.Items {
		if i.ID != victim.ID && !aired(entries, i) {
			t.Errorf("%s is not reported as aired as planned", i.SegmentID)
		}
	}
}

func aired(entries []schedules.AsRun, i wire.QueueItem) bool {
	n := 0
	for _, e := range entries {
		if e.ItemID == i.ID && e.Outcome == schedules.Aired && e.StartedAt.Equal(i.StartAt.Time) {
			n++
		}
	}
	return n == 1
}

// The service is gone before the player starts: it airs the saved queue, and reports when the service is back.
func TestPlayerStartsWithoutTheService(t *testing.T) {
	longform.Only(t)
	t.Parallel()
	dir := furnish(t)
	p := open(t, dir)
	o := soon(t, p, dir, 14*time.Second)
	first, said := o.player(t)
	o.holds(t)
	if err := first.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	first.Wait() // it was killed: the error is expected
	if strings.Contains(said.String(), "level=ERROR") {
		t.Log(said)
	}
	p.stop()
	second, said := o.player(t)
	until(t, o.start.Add(commands.DemoLength/2))
	again := serveDefaults(dir)
	again.Listen = strings.TrimPrefix(p.url, "http://")
	back := start(t, again)
	o.wait(t, second, said)
	o.checkHeard(t, 0, 0)
	o.checkRendered(t, back)
	entries := o.asRun(t, back)
	for _, i := range o.queue.Items {
		if !aired(entries, i) {
			t.Errorf("%s is not reported as aired as planned: %+v", i.SegmentID, entries)
		}
	}
}
