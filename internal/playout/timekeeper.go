package playout

import (
	"slices"
	"sync"
	"time"

	"lifeline/internal/playout/statedir"
)

// Now returns the wall time. It may step; code that needs a steady clock uses timers.
type Now func() time.Time

// Timekeeper keeps the station's time. It begins as the local time, and follows its steps until the service has
// confirmed or corrected it. After that, steps of the local time and restarts do not change it, with or without the
// link; only the service's time does.
type Timekeeper struct {
	local    Now
	uptime   Uptime
	state    *statedir.Dir
	problems *Problems

	mu         sync.Mutex
	wall       time.Time     // the local time at the last look
	at         time.Duration // the uptime at the last look
	offset     time.Duration // station's time minus the local time
	confirmed  bool          // the service has confirmed or corrected the time
	totalJumps time.Duration // total of all jumps
	set        time.Duration // total by which the service has set the time, relative to the machine's own
	setSince   time.Duration // the uptime from which set counts
	saved      anchor
	stepped    chan struct{} // holds a token after a step of the local time: the service should be asked
}

// Uptime identifies the start of the machine and measures the time since, including sleep. It does not step, and it is
// the same for all processes. The zero value counts from the player's own start.
type Uptime struct {
	Boot  string
	Since func() time.Duration
}

// anchor relates the station's time to the uptime, so that the time survives a restart of the player.
type anchor struct {
	Boot   string    `json:"boot"`
	Origin time.Time `json:"origin"` // the station's time at uptime zero

	Set      time.Duration `json:"set,omitempty"` // total by which the service has set it
	SetSince time.Duration `json:"set_since,omitempty"`
}

// The limits within which times count as equal, and within which the service is trusted about the time: a stolen key
// must not make expired items air.
const (
	stepMost  = 250 * time.Millisecond // more than this is a step
	wrongMost = time.Second            // beyond the measurement's uncertainty, more than this is an error
	// A service that sets the time by more than this in total, beyond the drift of the machine's clock, is not trusted.
	trustMost  = 10 * time.Minute
	driftMost  = 1000                  // an undisciplined clock drifts by less than one part in driftMost
	anchorMost = 10 * time.Millisecond // after a larger change the anchor is saved again
	lookMost   = time.Millisecond      // between the two readings of one look; slower looks are repeated
	looksMost  = 100
	anchorName = "time.json"
)

// OpenTimekeeper resumes the time that an earlier player saved in the state directory, if the machine has run since.
func OpenTimekeeper(local Now, uptime Uptime, state *statedir.Dir, problems *Problems) *Timekeeper {
	if uptime.Since == nil {
		begun := time.Now()
		uptime.Since = func() time.Duration { return time.Since(begun) }
	}
	k := &Timekeeper{local: local, uptime: uptime, state: state, problems: problems, stepped: make(chan struct{}, 1)}
	k.wall, k.at = k.read()
	if uptime.Boot == "" {
		return k
	}
	k.load()
	if k.saved.Boot == uptime.Boot {
		k.confirmed = true
		k.set, k.setSince = k.saved.Set, k.saved.SetSince
		if shift := k.saved.Origin.Add(k.at).Sub(k.wall); shift.Abs() > stepMost {
			k.offset = shift
			problems.Add("the local clock differs by %v from the time that was kept before: the kept time stays in use",
				(-shift).Round(time.Millisecond))
		}
	}
	return k
}

// load loads the anchor from the first intact copy. It ignores a damaged one: if both are damaged, the station begins
// with the machine's time.
func (k *Timekeeper) load() {
	records, alike := statedir.Records[anchor](k.state, 1<<10, statedir.Twice(anchorName)...), true
	for _, c := range slices.Backward(records) {
		if c.Damaged() {
			k.problems.Add("the time kept before, %s, is damaged and left out: the other copy is used, or else the machine's "+
				"clock until the service has answered: %v", c.Name, c.Err)
		} else if c.Err == nil {
			k.saved = c.Value
		}
	}
	for _, c := range records {
		alike = alike && c.Err == nil && c.Summed && c.Value == k.saved
	}
	if k.saved.Boot == k.uptime.Boot && !alike {
		k.save(k.saved)
	}
}

// Now returns the station's time.
func (k *Timekeeper) Now() time.Time {
	now, _ := k.look()
	return now
}

// look returns the station's time, and the total of its jumps since the player started.
func (k *Timekeeper) look() (now time.Time, moved time.Duration) {
	now, moved, step, kept := k.lookAgain()
	switch {
	case step != 0 && kept:
		k.problems.Add("the local clock was stepped by %v: the station keeps its own time", step.Round(time.Millisecond))
	case step != 0:
		k.problems.Add("the clock was stepped by %v", step.Round(time.Millisecond))
	}
	return now, moved
}

func (k *Timekeeper) lookAgain() (now time.Time, moved, step time.Duration, kept bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	wall, at := k.read()
	step = wall.Sub(k.wall) - (at - k.at)
	k.wall, k.at = wall, at
	if step.Abs() <= stepMost {
		step = 0
	} else {
		if k.confirmed {
			k.offset -= step
		} else {
			k.totalJumps += step
		}
		select {
		case k.stepped <- struct{}{}:
		default:
		}
	}
	return wall.Add(k.offset), k.totalJumps, step, k.confirmed
}

// read returns the local time and the uptime at one instant. It tries again if it was delayed between the two readings.
func (k *Timekeeper) read() (wall time.Time, at time.Duration) {
	for range looksMost {
		at = k.uptime.Since()
		wall = k.local().Round(0)
		if k.uptime.Since()-at <= lookMost {
			break
		}
	}
	return wall, at
}

// Compare uses a measurement of the service's time: it was theirs in the middle of a call that took took and began at
// the station's time before, when the total of jumps was moved. It returns by how much the local time is ahead of the
// service's.
func (k *Timekeeper) Compare(before time.Time, moved time.Duration, theirs time.Time, took time.Duration) (
	ahead time.Duration) {
	doubt := took / 2
	k.mu.Lock()
	off := before.Add(k.totalJumps - moved + doubt).Sub(theirs)
	ahead = off - k.offset
	set, already := time.Duration(0), k.set
	refused := false
	switch {
	// The local time was corrected.
	case k.offset != 0 && off.Abs()-ahead.Abs() > stepMost+doubt && ahead.Abs() <= trustMost:
		set = -k.offset
		k.set, k.setSince = 0, k.at
	case off.Abs() > wrongMost+doubt:
		set = -off
		if refused = (k.set + set).Abs() > trustMost+(k.at-k.setSince)/driftMost; refused {
			set = 0
		}
		k.set += set
	}
	k.offset += set
	k.totalJumps += set
	k.confirmed = k.confirmed || !refused
	next := anchor{Boot: k.uptime.Boot, Origin: k.wall.Add(k.offset - k.at), Set: k.set, SetSince: k.setSince}
	save := !refused && next.Boot != "" && (next.Boot != k.saved.Boot ||
		next.Origin.Sub(k.saved.Origin).Abs() > anchorMost)
	if save {
		k.saved = next
	}
	k.mu.Unlock()
	switch {
	case refused:
		k.problems.Add("the service's time differs by %v, and %v were already corrected, so that it is not used: check "+
			"which clock is wrong",
			off.Round(time.Second), already.Round(time.Second))
	case set != 0:
		k.problems.Add("the station's time was set by %v, to the service's", set.Round(time.Millisecond))
	}
	if save {
		k.save(next)
	}
	return ahead
}

// Ahead returns by how much the station's time is ahead of the machine's, as of the last Now.
func (k *Timekeeper) Ahead() time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.offset
}

// Set returns the total by which the service has set the station's time, relative to the machine's own.
func (k *Timekeeper) Set() time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.set
}

func (k *Timekeeper) save(a anchor) {
	if err := k.state.KeepRecord(a, statedir.Twice(anchorName)...); err != nil {
		k.problems.Add("the time kept could not be saved: %v", err)
	}
}
