package playout

import (
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"sync"
	"time"
)

// Sound knows which frames of the programme left the machine: those that an output which counts took. An item has aired
// only for these.
type Sound struct {
	mu      sync.Mutex
	outputs []*intake
}

// frames is a stretch [from, to) of the timeline.
type frames struct{ from, to int64 }

// intake is what one output took of the programme.
type intake struct {
	sound  *Sound
	name   string
	counts bool
	steady bool // it is fed between windows too, so that it must always take something
	begun  time.Time

	taken   []frames  // as it came; after a jump of the timeline not in order
	written int64     // frame up to which it was written without a gap
	sure    int64     // frame up to which it surely took what was written
	last    time.Time // when it last took something
	alive   bool      // it took something since it last failed
	failing bool      // the last write failed
	why     string    // of the last failure
}

const (
	soundStall = 3 * time.Second // an output with listeners that takes nothing for longer is not heard
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

// wrote notes that the output accepted the frames [from, to), of which it surely took all but the last held.
func (in *intake) wrote(from, to, held int64) {
	in.sound.mu.Lock()
	defer in.sound.mu.Unlock()
	in.failing = false
	if in.written != from {
		in.sure = from
	}
	in.written = to
	sure := to - held
	if sure <= in.sure {
		return
	}
	if last := len(in.taken) - 1; last >= 0 && in.taken[last].to == in.sure {
		in.taken[last].to = sure
	} else {
		in.taken = append(in.taken, frames{in.sure, sure})
		in.taken = in.taken[max(0, len(in.taken)-takenKept):]
	}
	in.sure, in.last, in.alive = sure, time.Now(), true
}

// failed notes that the output took nothing more, and why.
func (in *intake) failed(why error) {
	in.sound.mu.Lock()
	defer in.sound.mu.Unlock()
	in.alive, in.failing, in.why, in.written = false, true, why.Error(), -1
}

// works reports whether the output takes what it is given now.
func (in *intake) works() bool {
	stall := stallFile // files are caught up on
	if in.steady {
		stall = soundStall
	}
	return in.alive && time.Since(in.last) < stall
}

// stands says what is wrong with the output; "" for nothing.
func (in *intake) stands() string {
	switch {
	case in.failing:
		return in.why
	case in.steady && !in.works() && time.Since(in.begun) > soundStall:
		if in.why != "" {
			return "it takes nothing: " + in.why
		}
		return "it takes nothing"
	}
	return ""
}

// left are the stretches of [from, to) that left the machine, and, where some is missing, why. What was rendered and is
// still on its way counts where its output works.
func (s *Sound) left(from, to int64) (parts []frames, why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, in := range s.outputs {
		if !in.counts {
			continue
		}
		for i, t := range in.taken {
			if i == len(in.taken)-1 && in.works() {
				t.to = max(t.to, to)
			}
			if t.from, t.to = max(t.from, from), min(t.to, to); t.from < t.to {
				parts = append(parts, t)
			}
		}
		if in.why != "" {
			why = joined(why, in.name+": "+in.why)
		} else if stands := in.stands(); stands != "" {
			why = joined(why, in.name+": "+stands)
		}
	}
	return union(parts), why
}

// union is the same stretches in order and apart from each other.
func union(parts []frames) (out []frames) {
	slices.SortFunc(parts, func(a, b frames) int { return int(min(max(a.from-b.from, -1), 1)) })
	for _, p := range parts {
		if last := len(out) - 1; last >= 0 && p.from <= out[last].to {
			out[last].to = max(out[last].to, p.to)
			continue
		}
		out = append(out, p)
	}
	return out
}

// works reports whether any output that counts takes the programme now.
func (s *Sound) works() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.outputs, func(in *intake) bool { return in.counts && in.works() })
}

// wrong says why the output takes nothing now; "" when it works.
func (s *Sound) wrong(in *intake) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return in.stands()
}

// silent reports whether something is wrong with every output that counts.
func (s *Sound) silent() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.outputs) > 0 && !slices.ContainsFunc(s.outputs, func(in *intake) bool { return in.counts && in.stands() == "" })
}

// soundAlarm is the name of the alarm that no sound leaves the machine.
const soundAlarm = "sound"

// tell raises and ends the alarms of the outputs.
func (s *Sound) tell(problems *Problems) {
	silent, all := s.silent(), ""
	for i, in := range s.outputs {
		wrong, alarm := s.wrong(in), fmt.Sprintf("output %d", i)
		if in.counts {
			all = joined(all, in.name+": "+wrong)
		}
		if wrong == "" || silent && in.counts {
			problems.Calm(alarm)
		} else {
			problems.Raise(alarm, "output %s takes no sound: %s", in.name, wrong)
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
	return errors.New("the program " + program + " is not on this machine: install " + packages[program] + ", or choose another output")
}
