package endtoend

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lifeline/internal/harness/longform"
	"lifeline/schedules"
)

// One window in real time with a real service and a real player: a recording is damaged in the player's cache, the
// player is killed and restarted, the service is gone for a while, and the last item is recalled five seconds before
// its start. Everything that can air airs at its planned time, the recalled item is not heard, there is no silence
// except during the restart, and everything is reported once.
//
// LIFELINE_PROVE=air runs a quarter of an hour, with ten kills at random moments, five minutes without a link, a
// restart of the service, a damaged recording, a full disk, steps of the machine's clock, and recalls at planning,
// before the prefetch and five seconds before air. LIFELINE_SEED selects a run.
func TestWindowFullOfFaultsIsHeardAsFarAsItCan(t *testing.T) {
	longform.Only(t)
	if proving("air") {
		a := newTrial(t)
		a.script()
		a.run()
		a.verdict()
		return
	}
	t.Parallel()
	dir := furnish(t)
	h := open(t, dir)
	o := soon(t, h, dir, 16*time.Second)
	first, _ := o.player(t)
	items := o.queue.Items
	killedItem, damaged, recalled := items[1], items[len(items)-3], items[len(items)-1]
	o.holds(t)
	o.heardTo(t, o.start.Add(5*time.Second))
	name := o.recording(damaged)
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 1
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	o.heardTo(t, o.start.Add(8*time.Second))
	if err := first.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	first.Wait() // it was killed: the error is expected
	second, said := o.player(t)
	o.heardTo(t, o.start.Add(13*time.Second))
	h.stop()
	until(t, o.start.Add(16*time.Second))
	h = startAt(t, dir, strings.TrimPrefix(h.url, "http://"))
	until(t, recalled.StartAt.Add(-5*time.Second))
	if _, err := h.editor.Act(t.Context(), recalled.SegmentID, "recall", "withdrawn"); err != nil {
		t.Fatal(err)
	}
	o.wait(t, second, said)

	wavs, err := filepath.Glob(filepath.Join(o.air, "*.wav"))
	if err != nil || len(wavs) != 1 {
		t.Fatalf("%v, %v", wavs, err)
	}
	entries := o.asRun(t, h)
	var from, to time.Duration // the restart
	seen := map[int64]bool{}
	for _, e := range entries {
		if seen[e.Sequence] {
			t.Errorf("%d was reported twice", e.Sequence)
		}
		seen[e.Sequence] = true
		switch {
		case e.ItemID == killedItem.ID && e.Outcome == schedules.Cut && e.StartedAt.Equal(killedItem.StartAt.Time):
			from = e.EndedAt.Sub(o.start)
		case e.ItemID == killedItem.ID:
			to = e.StartedAt.Sub(o.start)
		case e.SHA256 == recalled.Audio.SHA256 && !e.StartedAt.IsZero():
			t.Errorf("what was recalled was aired: %+v", e)
		}
	}
	if from == 0 || to <= from {
		t.Fatalf("the restart is not in %+v", entries)
	}
	for _, i := range items {
		if i.ID != killedItem.ID && i.ID != recalled.ID && !aired(entries, i) {
			t.Errorf("%s is not reported as aired as planned: %+v", i.SegmentID, entries)
		}
	}
	whole := o.queue.Items
	o.queue.Items = items[:len(items)-1]
	o.checkHeard(t, from, to)
	o.queue.Items = whole
	air := hear(t, wavs[0])
	ends := recalled.StartAt.Sub(o.start)
	source := hear(t, filepath.Join(o.dir, "audio", recalled.Audio.SHA256[:2], recalled.Audio.SHA256))
	if _, fit := onset(air, source[int(recalled.CueIn.Seconds()*airRate):], int(ends.Seconds()*airRate),
		airRate/50); fit > 0.5 {
		t.Errorf("what was recalled is heard, fit %.2f", fit)
	}
	longest := quietest(air, from, to)
	t.Logf("the restart took %v; outside of it the longest silence lasts %v", to-from, longest)
	if longest > 1500*time.Millisecond {
		t.Error("that is too long")
	}
}

// quietest returns the longest stretch of silence outside of [from, to).
func quietest(air []float64, from, to time.Duration) time.Duration {
	longest, run := 0, 0
	for i, x := range air {
		at := time.Duration(float64(i) / airRate * float64(time.Second))
		if run++; math.Abs(x) > 8 || at >= from && at < to {
			run = 0
		}
		longest = max(longest, run)
	}
	return time.Duration(float64(longest) / airRate * float64(time.Second))
}
