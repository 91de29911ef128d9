package playout

import (
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"time"

	"lifeline/internal/playout/statedir"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// contact measures for how long the service has signed no answer to this station. It counts by the monotonic clock, so
// that a step of the machine's clock neither ends nor begins a starvation.
type contact struct {
	mu     sync.Mutex
	at     time.Time     // the station's time when the latest request was made whose answer the service signed
	quiet  time.Duration // that had certainly passed since, at from
	from   time.Time     // a reading of the monotonic clock
	stored contactRecord // as it was saved last
}

// contactRecord is what survives a restart of the player.
type contactRecord struct {
	HeardAt schedules.Instant `json:"heard_at"`
	Quiet   schedules.Millis  `json:"quiet_ms"`
}

const contactName = "contact.json"

// heard records that the service signed the answer to a request that was made at asked, a reading of the monotonic
// clock. now is the station's time.
func (c *contact) heard(asked, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !asked.Before(c.from) {
		c.at, c.quiet, c.from = now.Add(-time.Since(asked)), 0, asked
	}
}

// stated records that the service signed a statement at a time that was age ago by the station's clock. It counts once.
func (c *contact) stated(at time.Time, age time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if at.After(c.at) && age < c.quiet+time.Since(c.from) {
		c.at, c.quiet, c.from = at, age, time.Now()
	}
}

// silence returns for how long the service has signed no answer, and the station's time when that began.
func (c *contact) silence() (time.Duration, time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.quiet + time.Since(c.from), c.at
}

// load continues from the record of an earlier run. The time between the runs counts as far as the station's time, now,
// shows it. Without a record the station counts as heard just now.
func (c *contact) load(state *statedir.Dir, now time.Time) error {
	r := statedir.Records[contactRecord](state, 1<<10, contactName)[0]
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at, c.from = now, time.Now()
	switch {
	case errors.Is(r.Err, fs.ErrNotExist):
		return nil
	case r.Err == nil && !r.Summed:
		r.Err = errors.New("it has no checksum")
		fallthrough
	case r.Err != nil:
		return fmt.Errorf("the time without a signed answer of the service is counted from now: %s: %w", contactName, r.Err)
	}
	c.stored, c.at = r.Value, r.Value.HeardAt.Time
	c.quiet = max(r.Value.Quiet.Duration, now.Sub(c.at), 0)
	return nil
}

// contactEvery is how far the saved record may be behind.
const contactEvery = time.Minute

// save writes the record if the saved one is too far behind.
func (c *contact) save(state *statedir.Dir) error {
	quiet, at := c.silence()
	r := contactRecord{schedules.At(at.Round(0)), schedules.Millis{Duration: quiet.Truncate(time.Second)}}
	c.mu.Lock()
	behind := max(r.HeardAt.Sub(c.stored.HeardAt.Time).Abs(), (r.Quiet.Duration - c.stored.Quiet.Duration).Abs())
	if behind >= contactEvery {
		c.stored = r
	}
	c.mu.Unlock()
	if behind < contactEvery {
		return nil
	}
	if err := state.Record(r, contactName); err != nil {
		return fmt.Errorf("the time without a signed answer of the service could not be saved: %w", err)
	}
	return nil
}

// keepContact saves since when the service has signed no answer.
func (v *DocumentStore) keepContact() {
	if err := v.contact.save(v.state); err != nil {
		v.problems.Add("%v", err)
	}
}

// starvedTerms returns when the station counts as starved and what it then airs, by the latest fallback list: also by
// one that has expired, because a station may be starved for longer than its list lasts.
func (h *Holdings) starvedTerms() schedules.Starved {
	if h.Fallback == nil {
		return schedules.Starved{}
	}
	return h.Fallback.Starved
}

// StarvedSince returns when the service last signed an answer, if the station is starved when its clock shows at, which
// may be slightly in the future; else zero.
func (h *Holdings) StarvedSince(at time.Time) schedules.Instant {
	if h.contact == nil {
		return schedules.Instant{}
	}
	quiet, since := h.contact.silence()
	if quiet+max(at.Sub(h.serviceTime.now().Round(0)), 0) < h.starvedTerms().Time() {
		return schedules.Instant{}
	}
	return schedules.At(since.Round(time.Second))
}

// Withheld returns why the item may not start when the station's clock shows at, because it is sensitive and no lease
// covers it, or the station is starved and airs nothing sensitive then; "" if it may.
func (h *Holdings) Withheld(it *wire.QueueItem, at time.Time) string {
	if !it.Sensitive {
		return ""
	}
	if since := h.StarvedSince(at); !since.IsZero() && h.starvedTerms().Drops() {
		return fmt.Sprintf("it is sensitive and the station has been starved since %s, while its policy is %s", since,
			schedules.DropSensitive)
	}
	return h.Unleased(it, at)
}

// tellStarved raises the alarm if the station is starved, and ends it otherwise.
func (f *Follower) tellStarved() {
	const alarm = "starved"
	h := f.documents.Holdings()
	since := h.StarvedSince(f.documents.now())
	if since.IsZero() {
		f.problems.Calm(alarm)
		return
	}
	quiet, _ := h.contact.silence()
	airs := "Sensitive items air as long as their lease allows"
	if h.starvedTerms().Drops() {
		airs = "By the station's policy the fallback airs in place of sensitive items"
	}
	f.problems.Raise(alarm, "starved since %s: the service has signed no answer to this station for %v, and recalls and "+
		"changes do not arrive. %s. Check the link: it is down, or somebody blocks it", since, quiet.Truncate(time.Minute),
		airs)
}
