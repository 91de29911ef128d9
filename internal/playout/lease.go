package playout

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"lifeline/internal/playout/retry"
	"lifeline/internal/playout/statedir"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// serviceClock tells the service's time as far as a station can, and never earlier than must be: leases end by it. It
// goes by the station's own clock, corrected by the offset that was last measured, and by what has certainly gone by
// since a lease was asked for, which setting the own clock back does not change.
type serviceClock struct {
	now Now

	mu     sync.Mutex
	offset time.Duration // the station's clock minus the service's
	known  time.Time     // a service time that had come,
	since  time.Time     // at this reading of the monotonic clock
}

// clockRecord is what is kept of the clock through a restart.
type clockRecord struct {
	ServiceTime schedules.Instant `json:"service_time"` // that had certainly come
	Offset      schedules.Millis  `json:"offset_ms"`
}

// at is the service's time when the station's own clock shows at, which may be a little ahead.
func (c *serviceClock) at(at time.Time) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	own := at.Add(-c.offset)
	counted := c.known.Add(time.Since(c.since) + max(at.Sub(c.now().Round(0)), 0))
	if counted.After(own) {
		return counted
	}
	return own
}

func (c *serviceClock) measured(offset time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset = offset
}

// begin counts from a service time that came no earlier than at a reading of the monotonic clock.
// It never goes back behind what had come by then.
func (c *serviceClock) begin(known, since time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.since.IsZero() || known.After(c.known.Add(since.Sub(c.since))) {
		c.known, c.since = known, since
	}
}

// reset forgets what leases and answers said of the time.
func (c *serviceClock) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset, c.known, c.since = 0, time.Time{}, time.Time{}
}

func (c *serviceClock) record() clockRecord {
	at := c.at(c.now().Round(0))
	c.mu.Lock()
	defer c.mu.Unlock()
	return clockRecord{schedules.At(at), schedules.Millis{Duration: c.offset.Round(time.Millisecond)}}
}

// clockSlack is by how much the clock may be behind what was written of it: it is slewed, and offsets are rounded.
const clockSlack = 2 * time.Second

// resume goes on from what an earlier run wrote. It fails when the clock shows less than that: then nobody knows how
// long the player was off.
func (c *serviceClock) resume(r clockRecord) error {
	c.measured(r.Offset.Duration)
	if own := c.now().Round(0).Add(-r.Offset.Duration); own.Before(r.ServiceTime.Add(-clockSlack)) {
		return fmt.Errorf("the clock was set back while the player did not run: it shows %s and was at %s", schedules.At(own),
			r.ServiceTime)
	}
	c.begin(r.ServiceTime.Time, time.Now())
	return nil
}

// Unleased is why the item, being sensitive, may not start when the station's clock shows at; "" when it may.
func (h *Holdings) Unleased(it *wire.QueueItem, at time.Time) string {
	switch {
	case !it.Sensitive:
		return ""
	case h.Lease == nil:
		return "it is sensitive and there is no lease"
	case !h.clock.at(at).Before(h.Lease.ExpiresAt.Time):
		return fmt.Sprintf("it is sensitive and the lease ended at %s", h.Lease.ExpiresAt)
	case !slices.Contains(h.Lease.Segments, it.SegmentID):
		return "it is sensitive and the lease does not name it"
	}
	return ""
}

// unnamed reports whether anything sensitive that may air otherwise is not in the lease.
func (h *Holdings) unnamed() bool {
	return slices.ContainsFunc(h.sensitive, func(id string) bool {
		return !h.recalled[id] && (h.Lease == nil || !slices.Contains(h.Lease.Segments, id))
	})
}

// OfferLease takes the envelope of a lease that was asked for with a nonce at a reading of the monotonic clock, or says
// why not.
func (v *DocumentStore) OfferLease(envelope []byte, nonce string, asked time.Time) error {
	return v.takeLease(envelope, nonce, asked, true)
}

const (
	leaseName = "lease.dsse"
	clockName = "lease-clock.json"
)

func (v *DocumentStore) takeLease(envelope []byte, nonce string, asked time.Time, save bool) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	refuse := func(err error) error { return fmt.Errorf("the lease is refused: %w", err) }
	var l wire.Lease
	if err := v.open(envelope, wire.LeaseType, &l); err != nil {
		return refuse(err)
	}
	if err := admitLease(l, v.station); err != nil {
		return refuse(err)
	}
	if save {
		if err := errors.Join(answers(l.Nonce, nonce), plausible(l.IssuedAt, l.ExpiresAt, 0, v.now())); err != nil {
			return refuse(err)
		}
	}
	m := mark{IssuedAt: l.IssuedAt}
	seen := v.seen["lease"]
	if m.older(seen) {
		return refuse(fmt.Errorf("it is of %s, older than one of %s, seen before", m.IssuedAt, seen.IssuedAt))
	}
	if save && m == seen {
		return nil // it says nothing new, least of all what time it is
	}
	if save {
		v.clock.begin(l.IssuedAt.Time, asked)
		// the next start must not believe it again, when the clock has come as far
	} else if err := v.clock.load(v.state); err != nil {
		return refuse(errors.Join(err, v.state.Remove(leaseName)))
	}
	next := *v.Holdings()
	next.Lease = &l
	v.keep(leaseName, envelope, "lease", m, save, &next)
	if save {
		if err := v.clock.save(v.state); err != nil {
			v.problems.Add("%v", err)
		}
	}
	return nil
}

// admitLease judges a lease whose signature holds.
func admitLease(l wire.Lease, station string) error {
	switch lasts := l.ExpiresAt.Sub(l.IssuedAt.Time); {
	case l.Schema != wire.LeaseSchema:
		return fmt.Errorf("its schema is %q, not %q", l.Schema, wire.LeaseSchema)
	case l.Station != station:
		return fmt.Errorf("it is for station %q", l.Station)
	case lasts <= 0 || lasts > wire.MaxLease:
		return fmt.Errorf("it lasts %v", lasts)
	case len(l.Segments) > wire.MostItems:
		return errors.New("it has too many segments")
	}
	return nil
}

// load resumes what save wrote.
func (c *serviceClock) load(state *statedir.Dir) error {
	r := statedir.Records[clockRecord](state, 1<<10, clockName)[0]
	if r.Err != nil {
		return fmt.Errorf("nobody knows for how long it holds, and what is sensitive waits for another: %s: %w", clockName,
			r.Err)
	}
	return c.resume(r.Value)
}

// save writes down how far the time has come.
func (c *serviceClock) save(state *statedir.Dir) error {
	if err := state.Record(c.record(), clockName); err != nil {
		return fmt.Errorf("the time of the lease could not be saved: %w", err)
	}
	return nil
}

// clockEvery is how often the time is written down while a lease holds: no restart makes it last longer than that.
const clockEvery = 5 * time.Second

// KeepTime writes down how far the time has come, while there is a lease that it could end, until ctx is done.
func (v *DocumentStore) KeepTime(ctx context.Context) error {
	for {
		changed, wait := v.Changed(), time.Hour
		if l := v.Holdings().Lease; l != nil && v.clock.at(v.now().Round(0)).Before(l.ExpiresAt.Time) {
			if err := v.clock.save(v.state); err != nil {
				v.problems.Add("%v", err)
			}
			wait, changed = clockEvery, nil
		}
		if retry.Pause(ctx, wait, changed) != nil {
			return nil
		}
	}
}

// leaseLeast is the least time between two leases of which nothing has changed.
const leaseLeast = time.Second

// leases renews the lease while anything sensitive is held: after a third of its time, and as soon as what is
// sensitive, or what is recalled, changes.
func (f *Follower) leases(ctx context.Context) {
	asked, last := "", time.Time{}
	for failures := 0; ; {
		changed, h := f.documents.Changed(), f.documents.Holdings()
		wait, about := time.Hour, h.leaseAbout()
		if len(h.sensitive) > 0 {
			wait = 0
			if about == asked {
				held := f.documents.Holdings()
				wait = max(held.renewIn(f.documents.now(), f.opt.Sweep), time.Until(last.Add(leaseLeast)))
			}
			if wait <= 0 {
				if err := f.lease(ctx); err == nil {
					asked, last, failures = about, time.Now(), 0
					continue
				} else if ctx.Err() == nil {
					f.problems.Add("the lease could not be renewed: %v", err)
				}
				wait = retry.Backoff(failures)
				failures++
			}
		}
		if retry.Pause(ctx, wait, changed, f.api.Accepted()) != nil {
			return
		}
	}
}

// leaseAbout names what a lease depends on, as far as the station knows.
func (h *Holdings) leaseAbout() string {
	revision := int64(0)
	if h.Recalls != nil {
		revision = h.Recalls.Revision
	}
	return fmt.Sprint(revision, h.sensitive)
}

// renewIn is how long the lease need not be renewed yet; one that lacks something, no longer than soon.
func (h *Holdings) renewIn(now time.Time, soon time.Duration) time.Duration {
	if h.Lease == nil {
		return 0
	}
	third := h.Lease.ExpiresAt.Sub(h.Lease.IssuedAt.Time) / 3
	if h.unnamed() {
		third = min(third, soon)
	}
	return h.Lease.IssuedAt.Add(third).Sub(h.clock.at(now.Round(0)))
}

func (f *Follower) lease(ctx context.Context) error {
	if err := f.measure(ctx); err != nil { // the lease ends by the service's time
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	nonce, asked := newNonce(), time.Now()
	doc, err := f.service.Lease(ctx, nonce)
	if err != nil {
		return err
	}
	return f.documents.OfferLease(doc.Bytes, nonce, asked)
}
