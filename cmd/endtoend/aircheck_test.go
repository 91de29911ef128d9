package endtoend

import (
	"bytes"
	"encoding/binary"
	"maps"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"lifeline/internal/wire"
	"lifeline/schedules"
)

// tape is the recorded sound of a whole window, from its start on: raw stereo at airRate in 16 bits.
type tape []byte

const tapeFrame = 4

// hearWhole decodes a window's file by ffmpeg, without changing a bit.
func hearWhole(t *testing.T, wav string) tape {
	t.Helper()
	raw := filepath.Join(t.TempDir(), "raw")
	if out, err := exec.Command("ffmpeg", "-v", "error", "-i", wav, "-f", "s16le", raw).CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg %s: %v\n%s", wav, err, out)
	}
	b, err := os.ReadFile(raw)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (a tape) frames() int { return len(a) / tapeFrame }

// frameAt returns the frame at a time of the window.
func frameAt(at time.Duration) int { return int(math.Round(at.Seconds() * airRate)) }

// mono returns n frames from one on, with silence beyond the ends.
func (a tape) mono(from, n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		if k := from + i; k >= 0 && k < a.frames() {
			l, r := binary.LittleEndian.Uint16(a[k*tapeFrame:]), binary.LittleEndian.Uint16(a[k*tapeFrame+2:])
			out[i] = (float64(int16(l)) + float64(int16(r))) / 2
		}
	}
	return out
}

func rms(pcm []float64) float64 {
	sum := 0.0
	for _, x := range pcm {
		sum += x * x
	}
	return math.Sqrt(sum / float64(max(len(pcm), 1)))
}

// mend fills silent parts of a tape with the sound that the same player wrote to a pipe meanwhile. Where both have
// sound they must be equal, until half a minute after the disk had room again. After that, a reader of the pipe that
// the machine delays may lose sound, like any listener of a live stream. It returns the number of missing frames.
func (a tape) mend(t *testing.T, pipe []byte, full, free, end time.Duration) (missing int) {
	t.Helper()
	from := frameAt(full-4*time.Second) * tapeFrame
	probe := a[from : from+airRate*tapeFrame]
	at := bytes.Index(pipe, probe)
	if at < 0 || at%tapeFrame != 0 {
		t.Fatal("what was put into the pipe is not what was put into the file")
	}
	differ, back := 0, free+30*time.Second
	for i := from; at < len(pipe)-tapeFrame && i < frameAt(min(end, back))*tapeFrame; i, at = i+tapeFrame, at+tapeFrame {
		mine, piped := a[i:i+tapeFrame], pipe[at:at+tapeFrame]
		switch {
		case bytes.Equal(mine, piped):
		case binary.LittleEndian.Uint32(mine) == 0 && i >= frameAt(full-time.Second)*tapeFrame:
			copy(mine, piped)
			missing++
		default:
			differ++
		}
	}
	if differ > 0 {
		t.Errorf("%d frames of the file and of the pipe differ", differ)
	}
	return missing
}

// judge compares what was recorded and what was reported with the plan and with each other.
type judge struct {
	*trial
	air     tape
	entries []schedules.AsRun // what sounded, in order
	items   map[string]wire.QueueItem
	sources map[string][]float64
}

// source returns the sound of a recording as ffmpeg decodes it.
func (j *judge) source(sha string) []float64 {
	if j.sources[sha] == nil {
		j.sources[sha] = hear(j.t, filepath.Join(j.dir, "audio", sha[:2], sha))
	}
	return j.sources[sha]
}

func (j *judge) into(i schedules.Instant) time.Duration { return i.Sub(j.start) }

// sounds returns what was on the air at a time of an entry, by that entry: the recording, and its frame.
func (j *judge) sounds(e schedules.AsRun, at time.Duration) (source []float64, frame int) {
	begun, cue := j.into(e.StartedAt), time.Duration(0)
	if i := j.items[e.ItemID]; i.SegmentID == e.SegmentID {
		begun, cue = j.into(*i.StartAt), i.CueIn.Duration // also if it was joined later
	} else {
		for _, f := range j.queue.Fallback {
			if f.SegmentID == e.SegmentID {
				cue = f.CueIn.Duration
			}
		}
	}
	return j.source(e.SHA256), frameAt(at - begun + cue)
}

// fits finds the sound of an entry around a time of it, within up to n frames. ok is false if the recording is too
// quiet to be found.
func (j *judge) fits(e schedules.AsRun, at time.Duration, n int) (off time.Duration, fit float64, ok bool) {
	source, frame := j.sounds(e, at)
	n = min(n, frameAt(j.into(e.EndedAt)-at), len(source)-frame)
	if n < airRate/4 || rms(source[frame:frame+n])*j.gain(e, at+time.Second) < 60 {
		return 0, 0, false
	}
	const reach = airRate / 50
	d, fit := onset(j.air.mono(frameAt(at)-reach, n+2*reach), source[frame:frame+n], reach, reach)
	return time.Duration(float64(d) / airRate * float64(time.Second)), fit, true
}

// verdict judges a trial.
func (a *trial) verdict() {
	wavs, err := filepath.Glob(filepath.Join(a.air, "*.wav"))
	if err != nil || len(wavs) != 1 {
		a.t.Fatalf("%v, %v", wavs, err)
	}
	pipe, err := os.ReadFile(a.fifo + ".raw")
	if err != nil {
		a.t.Fatal(err)
	}
	air := hearWhole(a.t, wavs[0])
	if n := air.frames(); n != frameAt(airLength) {
		a.t.Errorf("%d frames were put out, not %d", n, frameAt(airLength))
	}
	end := airLength // of the player whose disk was full
	if k := slices.IndexFunc(a.kills, func(k time.Duration) bool { return k > a.full[1] }); k >= 0 {
		end = a.kills[k]
	}
	a.t.Logf("the disk was full for %v: the file misses %d ms, which the pipe has", a.full[1]-a.full[0],
		air.mend(a.t, pipe, a.full[0], a.full[1], end)*1000/airRate)
	var final wire.Queue
	a.h.do("GET", wire.Station(a.station, "queue")+"?date="+a.queue.Date.String(), a.h.secrets["scheduler"], nil,
		nil).into(a.t, &final)
	var page wire.Page[schedules.AsRun]
	a.h.do("GET", wire.Station(a.station, "as-run")+"?limit=500&date="+a.queue.Date.String(), a.h.secrets["scheduler"],
		nil, nil).into(a.t, &page)
	a.hold(air, final, page.Items)
}

// hold compares what was recorded and reported with a plan that may have changed meanwhile.
func (a *trial) hold(air tape, final wire.Queue, entries []schedules.AsRun) {
	j := &judge{trial: a, air: air, sources: map[string][]float64{}, items: map[string]wire.QueueItem{}}
	a.t.Logf("the queue went from revision %d to %d, from %d to %d items", a.queue.Revision, final.Revision,
		len(a.queue.Items), len(final.Items))
	for _, i := range slices.Concat(a.queue.Items, final.Items) {
		j.items[i.ID] = i
	}
	numbers := map[int64]bool{}
	for _, e := range entries {
		if numbers[e.Sequence] {
			a.t.Errorf("%d was reported twice", e.Sequence)
		}
		numbers[e.Sequence] = true
		if e.StartedAt.IsZero() {
			a.t.Logf("%5d %-24s %-8s %s", e.Sequence%100_000, e.SegmentID, e.Outcome, e.Detail)
			continue
		}
		a.t.Logf("%5d %-24s %-8s %8.3f to %8.3f %s", e.Sequence%100_000, e.SegmentID, e.Outcome,
			j.into(e.StartedAt).Seconds(), j.into(e.EndedAt).Seconds(), e.Detail)
		j.entries = append(j.entries, e)
	}
	slices.SortFunc(j.entries, func(x, y schedules.AsRun) int { return x.StartedAt.Compare(y.StartedAt.Time) })
	j.checkEntries()
	j.checkPlan()
	j.checkSilence()
}

// checkEntries compares each entry with the recorded sound: at its start, and before its end.
func (j *judge) checkEntries() {
	worst, placed := time.Duration(0), 0
	for n, e := range j.entries {
		if n > 0 && e.StartedAt.Before(j.entries[n-1].EndedAt.Time) {
			j.t.Errorf("two entries at once: %+v and %+v", j.entries[n-1], e)
		}
		begins, ends := j.into(e.StartedAt), j.into(e.EndedAt)
		probes := []time.Duration{begins}
		if ends-begins > 4*time.Second {
			probes = append(probes, ends-2500*time.Millisecond)
		}
		for _, at := range probes {
			off, fit, ok := j.fits(e, at, airRate*3/2)
			if !ok {
				continue
			}
			placed++
			worst = max(worst, off.Abs())
			if fit < 0.9 || off.Abs() > time.Millisecond {
				j.t.Errorf("%s, reported from %v to %v, is heard at %v %.2f ms off, fit %.2f", e.SegmentID, begins, ends, at,
					off.Seconds()*1000, fit)
			}
		}
		if when, yes := j.recalled[e.SegmentID]; yes && begins > when {
			j.t.Errorf("%s was recalled and aired: %+v", e.SegmentID, e)
		}
		if i := j.items[e.ItemID]; i.SegmentID == e.SegmentID && !i.NotAfter.IsZero() && e.EndedAt.After(i.NotAfter.Time) {
			j.t.Errorf("%s expired and aired: %+v", e.SegmentID, e)
		}
	}
	j.t.Logf("%d entries that sounded, held against the sound in %d places: at most %.2f ms off", len(j.entries), placed,
		worst.Seconds()*1000)
}

// checkPlan compares each item with its entries and its onset.
func (j *judge) checkPlan() {
	worst, onsets, whole, expiring := time.Duration(0), 0, 0, 0
	items := slices.SortedFunc(maps.Values(j.items), func(x, y wire.QueueItem) int {
		return x.StartAt.Compare(
			y.StartAt.Time)
	})
	for _, i := range items {
		begins := i.StartAt.Sub(j.start)
		ends := begins + i.Duration.Duration
		if !i.NotAfter.IsZero() {
			expiring++
		}
		var own []schedules.AsRun
		for _, e := range j.entries {
			if e.ItemID == i.ID {
				own = append(own, e)
			}
		}
		killed := slices.ContainsFunc(j.kills, func(k time.Duration) bool {
			return k > begins-3*time.Second && k < ends+
				200*time.Millisecond
		})
		_, recalled := j.recalled[i.SegmentID]
		switch {
		case recalled: // a later revision of the queue may omit it
			for _, e := range own {
				if e.Outcome != schedules.FellBack {
					j.t.Errorf("%s was recalled: %+v", i.SegmentID, e)
				}
			}
			if _, fit := onset(j.air.mono(frameAt(begins)-960, airRate*3/2+1920),
				j.source(i.Audio.SHA256)[frameAt(i.CueIn.Duration):], 960, 960); fit > 0.5 {
				j.t.Errorf("%s, which was recalled, is heard", i.SegmentID)
			}
		case len(own) == 0:
			j.t.Errorf("nothing is reported of %s at %v", i.SegmentID, begins)
		case !killed && !j.corrupted[i.ID]:
			if len(own) != 1 || own[0].Outcome != schedules.Aired || !own[0].StartedAt.Equal(i.StartAt.Time) ||
				j.into(own[0].EndedAt) != ends {
				j.t.Errorf("%s from %v to %v is not reported as aired as planned: %+v", i.SegmentID, begins, ends, own)
			}
			whole++
		}
		if len(own) > 0 && own[0].SegmentID == i.SegmentID && own[0].StartedAt.Equal(i.StartAt.Time) {
			if off, fit, ok := j.fits(own[0], begins, airRate*3/2); ok {
				onsets++
				worst = max(worst, off.Abs())
				j.t.Logf("%-24s planned at %8.3f s, heard %+.2f ms off, fit %.3f", i.SegmentID, begins.Seconds(),
					off.Seconds()*1000, fit)
			}
		}
	}
	j.t.Logf("%d items planned, %d of them expiring, %d without a fault aired whole and as planned; %d onsets, at most "+
		"%.2f ms off plan",
		len(items), expiring, whole, onsets, worst.Seconds()*1000)
	if worst > time.Millisecond || onsets < len(items)*2/3 || expiring == 0 {
		j.t.Error("that is not enough")
	}
}

// checkSilence checks every hundredth of a second: silence only where the recording is silent or the player restarts,
// and sound only where an entry reports it.
func (j *judge) checkSilence() {
	const step = airRate / 100
	type restart struct{ from, to time.Duration }
	var restarts []restart
	var silences []time.Duration
	loud := make([]bool, j.air.frames()/step)
	for k := range loud {
		loud[k] = rms(j.air.mono(k*step, step)) >= 8
	}
	at := func(k int) time.Duration { return time.Duration(k) * 10 * time.Millisecond }
	for _, k := range j.kills {
		dead := int(k / (10 * time.Millisecond))
		from, to := dead-3, dead+5
		for from > dead-20 && !loud[from-1] { // on a busy machine the last sound that was due may be missing
			from--
		}
		for to < len(loud) && !loud[to] {
			to++
		}
		silence := time.Duration(0)
		for _, sounds := range loud[from:to] {
			if !sounds {
				silence += 10 * time.Millisecond
			}
		}
		restarts, silences = append(restarts, restart{at(from), at(to)}), append(silences, silence)
	}
	unplanned, unreported, tail := 0, 0, time.Duration(0)
	next := 0
	for k := range loud {
		now := at(k)
		for next < len(j.entries) && j.into(j.entries[next].EndedAt) <= now {
			next++
		}
		var reported *schedules.AsRun
		if next < len(j.entries) && j.into(j.entries[next].StartedAt) < now+11*time.Millisecond { // reports have milliseconds
			reported = &j.entries[next]
		} else if next > 0 && j.dies(now) {
			// The last report of a killed player may lag its sound by a few seconds.
			reported = &j.entries[next-1]
			if loud[k] {
				tail = max(tail, now-j.into(reported.EndedAt))
			}
		}
		if loud[k] && reported == nil {
			unreported++
			j.t.Logf("nothing reports the sound at %v", now)
		}
		if loud[k] || slices.ContainsFunc(restarts, func(r restart) bool { return now >= r.from && now < r.to }) {
			continue
		}
		quiet := false
		if reported != nil { // is the recording itself silent there?
			source, frame := j.sounds(*reported, now)
			to := min(len(source), frame+step)
			quiet = frame >= to || rms(source[frame:to])*j.gain(*reported, now) < 24
		}
		if !quiet {
			unplanned++
			j.t.Logf("unplanned silence at %v", now)
		}
	}
	total := time.Duration(0)
	for _, s := range silences {
		total += s
	}
	sorted := slices.Sorted(slices.Values(silences))
	j.t.Logf("%d kills: silent for %v, %v in all, at most %v; %d ms of unplanned silence besides", len(silences), silences,
		total, sorted[len(sorted)-1], unplanned*10)
	j.t.Logf("%d ms of sound that nothing reports, and up to %v before a kill that were not yet written down",
		unreported*10, tail)
	if unplanned > 0 || unreported > 0 || sorted[len(sorted)-1] > 5*time.Second {
		j.t.Error("that is wrong")
	}
}

// dies reports whether the player is killed now, within the delay of its reports, or was killed a moment ago, since it
// renders one block ahead.
func (j *judge) dies(now time.Duration) bool {
	return slices.ContainsFunc(j.kills, func(k time.Duration) bool {
		return now < k+30*time.Millisecond &&
			k-now < 3*time.Second
	})
}

// gain returns the factor for an entry's sound at a time of it: its item's gain, and a fade-out, either planned or at
// the end of a fallback that is too long.
func (j *judge) gain(e schedules.AsRun, at time.Duration) float64 {
	db, fade, ends := 0.0, time.Duration(0), j.into(e.EndedAt)
	if i := j.items[e.ItemID]; i.SegmentID == e.SegmentID {
		db, fade, ends = i.GainDB, i.FadeOut.Duration, j.into(*i.StartAt)+i.Duration.Duration
	} else {
		for _, f := range j.queue.Fallback {
			if f.SegmentID == e.SegmentID {
				db, fade = f.GainDB, f.FadeOut.Duration
				if e.EndedAt.Sub(e.StartedAt.Time) < f.Duration.Duration {
					fade = time.Second
				}
			}
		}
	}
	gain := math.Pow(10, db/20)
	if left := ends - at; left < fade {
		gain *= 0.5 - 0.5*math.Cos(math.Pi*left.Seconds()/fade.Seconds())
	}
	return gain
}
