package playout

import (
	"slices"
	"sync"
	"time"

	"lifeline/internal/playout/statedir"
)

// Now tells the wall time. It may step; what must not step uses timers.
type Now func() time.Time

// Timekeeper is the time that the station goes by. It begins as the local time, and follows its steps until the service
// has confirmed or corrected it. From then on no step of the local time moves it, with or without the link, and neither
// does a restart: what the service says does.
type Timekeeper struct {
	local    Now
	uptime   Uptime
	state    *statedir.Dir
	problems *Problems

	mu       sync.Mutex
	wall     time.Time     // the local time at the last look
	at       time.Duration // uptime then
	shift    time.Duration // from the local time to the station's
	believed bool          // the service has confirmed or corrected it
	moved    time.Duration // by which it has jumped in all
	set      time.Duration // by which the service has set it in all, from the machine's own time
	setSince time.Duration // the uptime from which set counts
	saved    anchor
	stepped  chan struct{} // holds a token after a step of the local time: the service should be asked
}

// Uptime is for how long the machine has run, times of sleep included, and which of its starts that is counted from.
// Nothing steps it, not even for another process. The zero value counts from the player's own start.
type Uptime struct {
	Boot  string
	Since func() time.Duration
}

// anchor ties the station's time to the uptime, and so keeps it through a restart of the player.
type anchor struct {
	Boot   string    `json:"boot"`
	Origin time.Time `json:"origin"` // the station's time at uptime zero

	Set      time.Duration `json:"set,omitempty"` // by which the service has set it in all
	SetSince time.Duration `json:"set_since,omitempty"`
}

// The bounds within which times are the same, and within which the service's word is taken for it: a key that was
// stolen must not make expired things air.
const (
	stepMost  = 250 * time.Millisecond // by more, a time was stepped
	wrongMost = time.Second            // by more than this and what the measure may be off, the station's time is wrong
	// by more in all, beside what the machine's clock may drift, the service is not believed
	trustMost  = 10 * time.Minute
	driftMost  = 1000                  // a clock without care drifts by less than one part of so many
	anchorMost = 10 * time.Millisecond // by more, the anchor is saved again
	lookMost   = time.Millisecond      // between the two readings of one look; longer looks are repeated
	looksMost  = 100
	anchorName = "time.json"
)

// OpenTimekeeper takes up the time that an earlier player of the state directory kept, if the machine has run on.
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
		k.believed = true
		k.set, k.setSince = k.saved.Set, k.saved.SetSince
		if shift := k.saved.Origin.Add(k.at).Sub(k.wall); shift.Abs() > stepMost {
			k.shift = shift
			problems.Add("the local clock differs by %v from the time that was kept before: that is kept on",
				(-shift).Round(time.Millisecond))
		}
	}
	return k
}

// load takes up the anchor from the first copy of it that is whole. A damaged one is no time to go by: with both, the
// station begins by the machine's.
func (k *Timekeeper) load() {
	records, alike := statedir.Records[anchor](k.state, 1<<10, statedir.Twice(anchorName)...), true
	for _, c := range slices.Backward(records) {
		if c.Damaged() {
			k.problems.Add("the time kept before, %s, is damaged and left out: the other copy says it, or else the machine's "+
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

// Now is the station's time.
func (k *Timekeeper) Now() time.Time {
	now, _ := k.look()
	return now
}

// look is the station's time, and by how much it has jumped in all since the player began.
func (k *Timekeeper) look() (now time.Time, moved time.Duration) {
	now, moved, step, kept := k.lookAgain()
	switch {
	case step != 0 && kept:
		k.problems.Add("the local clock was stepped by %v: the station goes on in its own time", step.Round(time.Millisecond))
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
		if k.believed {
			k.shift -= step
		} else {
			k.moved += step
		}
		select {
		case k.stepped <- struct{}{}:
		default:
		}
	}
	return wall.Add(k.shift), k.moved, step, k.believed
}

// read is the local time and the uptime at one instant. Whoever is held up between the two tries again.
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

// Compare takes in that the service's time was theirs at the middle of a call that began when the station's was before,
// after it had moved by so much. It answers by how much the local time is ahead of the service's.
func (k *Timekeeper) Compare(before time.Time, moved time.Duration, theirs time.Time, took time.Duration) (
	ahead time.Duration) {
	doubt := took / 2
	k.mu.Lock()
	off := before.Add(k.moved - moved + doubt).Sub(theirs)
	ahead = off - k.shift
	set, already := time.Duration(0), k.set
	refused := false
	switch {
	// the local time was put right
	case k.shift != 0 && off.Abs()-ahead.Abs() > stepMost+doubt && ahead.Abs() <= trustMost:
		set = -k.shift
		k.set, k.setSince = 0, k.at
	case off.Abs() > wrongMost+doubt:
		set = -off
		if refused = (k.set + set).Abs() > trustMost+(k.at-k.setSince)/driftMost; refused {
			set = 0
		}
		k.set += set
	}
	k.shift += set
	k.moved += set
	k.believed = k.believed || !refused
	next := anchor{Boot: k.uptime.Boot, Origin: k.wall.Add(k.shift - k.at), Set: k.set, SetSince: k.setSince}
	save := !refused && next.Boot != "" && (next.Boot != k.saved.Boot ||
		next.Origin.Sub(k.saved.Origin).Abs() > anchorMost)
	if save {
		k.saved = next
	}
	k.mu.Unlock()
	switch {
	case refused:
		k.problems.Add("the service's time differs by %v, which is too much to believe after %v by which it was set "+
			"already: see which clock is wrong",
			off.Round(time.Second), already.Round(time.Second))
	case set != 0:
		k.problems.Add("the station's time was set by %v, to the service's", set.Round(time.Millisecond))
	}
	if save {
		k.save(next)
	}
	return ahead
}

// Set is by how much the service has set the station's time in all, from the machine's own.
func (k *Timekeeper) Set() time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.set
}

func (k *Timekeeper) save(a anchor) {
	if err := k.state.Record(a, statedir.Twice(anchorName)...); err != nil {
		k.problems.Add("the time kept could not be saved: %v", err)
	}
}
