package output

import (
	"cmp"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"sync"
	"time"

	"lifeline/internal/text"
)

// Sound records which frames of the programme left the machine: the frames that an output which counts has taken. An
// item has aired only for these frames.
type Sound struct {
	mu      sync.Mutex
	outputs []*intake
}

// Frames is an interval [From, To) of the timeline.
type Frames struct{ From, To int64 }

// intake records the frames that one output has taken.
type intake struct {
	sound  *Sound
	name   string
	counts bool
	steady bool // it is fed between windows too, so that it always takes frames
	begun  time.Time

	taken   []Frames     // in order of arrival; a jump of the timeline breaks the order
	written int64        // frame up to which it was written without a gap
	sure    int64        // frame up to which it surely took what was written
	took    int64        // frames that it surely took since it last failed
	last    time.Time    // when it last took something
	alive   bool         // it took something since it last failed
	failing bool         // the last write failed
	failed  time.Time    // when a write last failed
	why     string       // of the last failure
	fast    bool         // it takes the sound faster than it lasts
	skips   [2]time.Time // the two last times at which it was behind and blocks were skipped, the older first
}

const (
	FileStall  = time.Minute     // the same of one that only writes files, which can be caught up on
	soundStall = 3 * time.Second // an output with listeners that takes nothing for longer is not heard
	soundSlow  = 3 * time.Minute // an output that skips twice within it is too slow
	mostSaid   = 500             // characters of the reason of a failure
	takenKept  = 1000            // intervals of one output; each follows an interruption
)

// output returns the intake of a new output.
func (s *Sound) output(name string, counts, steady bool) *intake {
	in := &intake{sound: s, name: name, counts: counts, steady: steady, begun: time.Now()}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.outputs = append(s.outputs, in)
	return in
}

// wrote records that the output accepted the frames [from, to), of which the last held may not be taken yet. fast means
// that it consumes them faster than real time.
func (in *intake) wrote(from, to, held int64, fast bool) {
	in.sound.mu.Lock()
	defer in.sound.mu.Unlock()
	in.failing, in.fast = false, fast
	if in.written != from {
		in.sure = from
	}
	in.written = to
	sure := to - held
	if sure <= in.sure {
		return
	}
	if last := len(in.taken) - 1; last >= 0 && in.taken[last].To == in.sure {
		in.taken[last].To = sure
	} else {
		in.taken = append(in.taken, Frames{in.sure, sure})
		in.taken = in.taken[max(0, len(in.taken)-takenKept):]
	}
	in.took += sure - in.sure
	in.sure, in.last, in.alive = sure, time.Now(), true
}

// broke records that the output failed, and why. It returns the number of frames that the output has certainly taken
// since its last failure. The last lost frames that it seemed to take do not count.
func (in *intake) broke(why error, lost int64) (took int64) {
	in.sound.mu.Lock()
	defer in.sound.mu.Unlock()
	took, in.took = max(0, in.took-lost), 0
	for n := len(in.taken) - 1; n >= 0 && lost > 0; n-- {
		t := &in.taken[n]
		cut := min(lost, t.To-t.From)
		t.To, lost = t.To-cut, lost-cut
		if t.To == t.From {
			in.taken = in.taken[:n]
		}
	}
	in.alive, in.failing, in.fast, in.failed, in.written = false, true, false, time.Now(), -1
	in.why = text.Cut(why.Error(), mostSaid)
	return took
}

// skipped records that blocks are skipped because the output is behind.
func (in *intake) skipped() {
	in.sound.mu.Lock()
	defer in.sound.mu.Unlock()
	in.skips = [2]time.Time{in.skips[1], time.Now()}
}

// works reports whether the output takes frames now.
func (in *intake) works() bool {
	stall := FileStall // files catch up later
	if in.steady {
		stall = soundStall
	}
	return in.alive && time.Since(in.last) < stall
}

// stands returns the reason why the output takes nothing, or "". An output that fails repeatedly counts as unheard
// between two failures.
func (in *intake) stands() string {
	switch {
	case in.failing || in.why != "" && time.Since(in.failed) < soundStall:
		return in.why
	case in.steady && !in.works() && time.Since(in.begun) > soundStall:
		if in.why != "" {
			return "it takes nothing: " + in.why
		}
		return "it takes nothing"
	}
	return ""
}

// ails returns how the output spoils the sound, or "".
func (in *intake) ails() string {
	switch {
	case in.fast:
		return "it takes the sound faster than it lasts, so that there are gaps: it plays at a wrong rate, or keeps no time"
	case !in.skips[0].IsZero() && time.Since(in.skips[0]) < soundSlow:
		return "it takes the sound more slowly than it comes, so that parts are left out: " +
			"it plays at a wrong rate, or its link is too slow"
	}
	return ""
}

// Spoilt returns how the sound is spoilt when that is true of every output that counts, or "".
func (s *Sound) Spoilt() (why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, in := range s.outputs {
		if !in.counts {
			continue
		}
		ails := in.ails()
		if ails == "" {
			return ""
		}
		why = text.Join(why, in.name+": "+ails)
	}
	return why
}

// Left returns the parts of [from, to) that left the machine and, if they are not all of it, the reason. Frames that
// are rendered and on their way count if their output works.
func (s *Sound) Left(from, to int64) (parts []Frames, why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, in := range s.outputs {
		if !in.counts {
			continue
		}
		for i, t := range in.taken {
			if i == len(in.taken)-1 && in.works() {
				t.To = max(t.To, to)
			}
			if t.From, t.To = max(t.From, from), min(t.To, to); t.From < t.To {
				parts = append(parts, t)
			}
		}
		if reason := cmp.Or(in.stands(), in.ails(), in.why); reason != "" {
			why = text.Join(why, in.name+": "+reason)
		}
	}
	return union(parts), why
}

// union sorts and merges intervals.
func union(parts []Frames) (out []Frames) {
	slices.SortFunc(parts, func(a, b Frames) int { return int(min(max(a.From-b.From, -1), 1)) })
	for _, p := range parts {
		if last := len(out) - 1; last >= 0 && p.From <= out[last].To {
			out[last].To = max(out[last].To, p.To)
			continue
		}
		out = append(out, p)
	}
	return out
}

// Works reports whether any output that counts takes frames now.
func (s *Sound) Works() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.outputs, func(in *intake) bool { return in.counts && in.works() })
}

// wrong returns the reason why the output takes nothing, and how it spoils the sound; both are "" when it works.
func (s *Sound) wrong(in *intake) (stands, ails string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return in.stands(), in.ails()
}

// Silent reports whether every output that counts has a fault.
func (s *Sound) Silent() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.outputs) > 0 &&
		!slices.ContainsFunc(s.outputs, func(in *intake) bool { return in.counts && in.stands() == "" })
}

// Alarms raises alarms and ends them.
type Alarms interface {
	Raise(alarm, format string, args ...any)
	Calm(alarm string)
}

// soundAlarm is the name of the alarm that no sound leaves the machine.
const soundAlarm = "sound"

// allSaid is about how many characters the alarm that no sound leaves the machine has for all outputs.
const allSaid = 400

// Tell raises and ends the outputs' alarms.
func (s *Sound) Tell(problems Alarms) {
	silent, all := s.Silent(), []string(nil)
	for i, in := range s.outputs {
		alarm := fmt.Sprintf("output %d", i)
		wrong, ails := s.wrong(in)
		if in.counts {
			all = append(all, text.Cut(in.name+": "+wrong, allSaid/2))
		}
		switch {
		case silent && in.counts || wrong == "" && ails == "":
			problems.Calm(alarm)
		case wrong != "":
			problems.Raise(alarm, "output %s takes no sound: %s", in.name, wrong)
		default:
			problems.Raise(alarm, "output %s spoils the sound: %s", in.name, ails)
		}
	}
	if silent {
		problems.Raise(soundAlarm, "no sound leaves this machine: %s", text.Names(all, "; ", allSaid))
	} else {
		problems.Calm(soundAlarm)
	}
}

// notInstalled names the package of a missing program.
func notInstalled(program string, err error) error {
	packages := map[string]string{"aplay": "alsa-utils", "ffmpeg": "ffmpeg"}
	if !errors.Is(err, exec.ErrNotFound) || packages[program] == "" {
		return err
	}
	return errors.New(
		"the program " + program + " is not on this machine: install " + packages[program] + ", or choose another output",
	)
}
