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

// Sound knows which frames of the programme left the machine: those that an output which counts took. An item has aired
// only for these.
type Sound struct {
	mu      sync.Mutex
	outputs []*intake
}

// Frames is a stretch [From, To) of the timeline.
type Frames struct{ From, To int64 }

// intake is what one output took of the programme.
type intake struct {
	sound  *Sound
	name   string
	counts bool
	steady bool // it is fed between windows too, so that it must always take something
	begun  time.Time

	taken   []Frames     // as it came; after a jump of the timeline not in order
	written int64        // frame up to which it was written without a gap
	sure    int64        // frame up to which it surely took what was written
	took    int64        // frames that it surely took since it last failed
	last    time.Time    // when it last took something
	alive   bool         // it took something since it last failed
	failing bool         // the last write failed
	failed  time.Time    // when a write last failed
	why     string       // of the last failure
	fast    bool         // it takes the sound faster than it lasts
	skips   [2]time.Time // when parts of the programme were last left out because it was behind, the older first
}

const (
	FileStall  = time.Minute     // the same of one that only writes files, which can be caught up on
	soundStall = 3 * time.Second // an output with listeners that takes nothing for longer is not heard
	soundSlow  = 3 * time.Minute // an output that falls behind twice in it is too slow
	mostSaid   = 500             // characters of why an output failed
	takenKept  = 1000            // stretches of one output; each is an interruption
)

// output begins the intake of an output.
func (s *Sound) output(name string, counts, steady bool) *intake {
	in := &intake{sound: s, name: name, counts: counts, steady: steady, begun: time.Now()}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.outputs = append(s.outputs, in)
	return in
}

// wrote notes that the output accepted the frames [from, to), of which it surely took all but the last held, and
// whether it takes them faster than they last.
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

// broke notes that the output took nothing more, and why. It answers how many frames it surely took since it last
// broke.
func (in *intake) broke(why error) (took int64) {
	in.sound.mu.Lock()
	defer in.sound.mu.Unlock()
	took, in.took = in.took, 0
	in.alive, in.failing, in.fast, in.failed, in.written = false, true, false, time.Now(), -1
	in.why = text.Cut(why.Error(), mostSaid)
	return took
}

// skipped notes that a part of the programme is left out because the output is behind.
func (in *intake) skipped() {
	in.sound.mu.Lock()
	defer in.sound.mu.Unlock()
	in.skips = [2]time.Time{in.skips[1], time.Now()}
}

// works reports whether the output takes what it is given now.
func (in *intake) works() bool {
	stall := FileStall // files are caught up on
	if in.steady {
		stall = soundStall
	}
	return in.alive && time.Since(in.last) < stall
}

// stands says why the output takes nothing; "" when it takes the programme. One that fails again and again is not heard
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

// ails says how the output spoils the sound that it takes; "" when it does not.
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

// Spoilt says how every output that counts spoils the sound; "" when one does not.
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

// Left are the stretches of [from, to) that left the machine, and, where some is missing, why. What was rendered and is
// still on its way counts where its output works.
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

// union is the same stretches in order and apart from each other.
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

// Works reports whether any output that counts takes the programme now.
func (s *Sound) Works() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.outputs, func(in *intake) bool { return in.counts && in.works() })
}

// wrong says why the output takes nothing now, or else how it spoils what it takes; both "" when it works.
func (s *Sound) wrong(in *intake) (stands, ails string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return in.stands(), in.ails()
}

// Silent reports whether something is wrong with every output that counts.
func (s *Sound) Silent() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.outputs) > 0 &&
		!slices.ContainsFunc(s.outputs, func(in *intake) bool { return in.counts && in.stands() == "" })
}

// Alarms are raised while something is wrong.
type Alarms interface {
	Raise(alarm, format string, args ...any)
	Calm(alarm string)
}

// soundAlarm is the name of the alarm that no sound leaves the machine.
const soundAlarm = "sound"

// Tell raises and ends the alarms of the outputs.
func (s *Sound) Tell(problems Alarms) {
	silent, all := s.Silent(), ""
	for i, in := range s.outputs {
		alarm := fmt.Sprintf("output %d", i)
		wrong, ails := s.wrong(in)
		if in.counts {
			all = text.Join(all, in.name+": "+wrong)
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
		problems.Raise(soundAlarm, "no sound leaves this machine: %s", all)
	} else {
		problems.Calm(soundAlarm)
	}
}

// notInstalled says which package a missing program comes with.
func notInstalled(program string, err error) error {
	packages := map[string]string{"aplay": "alsa-utils", "ffmpeg": "ffmpeg"}
	if !errors.Is(err, exec.ErrNotFound) || packages[program] == "" {
		return err
	}
	return errors.New(
		"the program " + program + " is not on this machine: install " + packages[program] + ", or choose another output",
	)
}
