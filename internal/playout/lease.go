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

// serviceTime estimates the service's time. It never returns an earlier time than is certain to have come, because
// leases end by it. It uses the station's own clock, corrected by the last measured offset, and the time that has
// certainly passed since a lease was requested, which does not change when the own clock is set back.
type serviceTime struct {
	now Now

	mu     sync.Mutex
	offset time.Duration // the station's clock minus the service's
	known  time.Time     // a service time that had come
	since  time.Time     // at this reading of the monotonic clock
}

// serviceTimeRecord is the state of the clock that survives a restart.
type serviceTimeRecord struct {
	ServiceTime schedules.Instant `json:"service_time"` // that had certainly come
	Offset      schedules.Millis  `json:"offset_ms"`
}

// at returns the service's time when the station's own clock shows at, which may be slightly in the future.
func (c *serviceTime) at(at time.Time) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	own := at.Add(-c.offset)
	counted := c.known.Add(time.Since(c.since) + max(at.Sub(c.now().Round(0)), 0))
	if counted.After(own) {
		return counted
	}
	return own
}

func (c *serviceTime) measured(offset time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset = offset
}

// begin counts from a service time that came no earlier than since, a reading of the monotonic clock. It never sets the
// clock back.
func (c *serviceTime) begin(known, since time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.since.IsZero() || known.After(c.known.Add(since.Sub(c.since))) {
		c.known, c.since = known, since
	}
}

// reset discards the times learned from leases and answers.
func (c *serviceTime) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset, c.known, c.since = 0, time.Time{}, time.Time{}
}

func (c *serviceTime) record() serviceTimeRecord {
	at := c.at(c.now().Round(0))
	c.mu.Lock()
	defer c.mu.Unlock()
	return serviceTimeRecord{schedules.At(at), schedules.Millis{Duration: c.offset.Round(time.Millisecond)}}
}

// serviceTimeSlack is how far the clock may be behind its record: it is slewed, and offsets are rounded.
const serviceTimeSlack = 2 * time.Second

// resume continues from the record of an earlier run. It fails if the clock shows an earlier time than that, because
// then the length of the interruption is unknown.
func (c *serviceTime) resume(r serviceTimeRecord) error {
	c.measured(r.Offset.Duration)
	if own := c.now().Round(0).Add(-r.Offset.Duration); own.Before(r.ServiceTime.Add(-serviceTimeSlack)) {
		return fmt.Errorf("the clock was set back while the player did not run: it shows %s and was at %s", schedules.At(own),
			r.ServiceTime)
	}
	c.begin(r.ServiceTime.Time, time.Now())
	return nil
}

// Unleased returns why the item may not start when the station's clock shows at, because it is sensitive and no lease
// covers it; "" if it may.
func (h *Holdings) Unleased(it *wire.QueueItem, at time.Time) string {
	switch {
	case !it.Sensitive:
		return ""
	case h.Lease == nil:
		return "it is sensitive and there is no lease"
	case !h.serviceTime.at(at).Before(h.Lease.ExpiresAt.Time):
		return fmt.Sprintf("it is sensitive and the lease ended at %s", h.Lease.ExpiresAt)
	case !slices.Contains(h.Lease.Segments, it.SegmentID):
		return "it is sensitive and the lease does not name it"
	}
	return ""
}

// unnamed reports whether the lease lacks a sensitive segment that may air otherwise.
func (h *Holdings) unnamed() bool {
	return slices.ContainsFunc(h.sensitive, func(id string) bool {
		return !h.recalled[id] && (h.Lease == nil || !slices.Contains(h.Lease.Segments, id))
	})
}

// OfferLease accepts the envelope of a lease, or returns why not. nonce identifies the request, and asked is when it
// was made, with a reading of the monotonic clock.
func (v *DocumentStore) OfferLease(envelope []byte, nonce string, asked time.Time) error {
	return v.takeLease(envelope, nonce, asked, true)
}

const (
	leaseName       = "lease.dsse"
	serviceTimeName = "lease-clock.json"
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
		return nil // it has no news, in particular about the time
	}
	if save {
		v.serviceTime.begin(l.IssuedAt.Time, asked)
		// A refused lease is removed: the next start must not accept it once the clock has caught up.
	} else if err := v.serviceTime.load(v.state); err != nil {
		return refuse(errors.Join(err, v.state.Remove(leaseName)))
	}
	next := *v.Holdings()
	next.Lease = &l
	v.keep(leaseName, envelope, "lease", m, save, &next)
	if save {
		if err := v.serviceTime.save(v.state); err != nil {
			v.problems.Add("%v", err)
		}
	}
	return nil
}

// admitLease validates a lease whose signature is valid.
func admitLease(l wire.Lease, station string) error {
	if err := checkHead(l.Schema, wire.LeaseSchema, l.Station, station); err != nil {
		return err
	}
	switch lasts := l.ExpiresAt.Sub(l.IssuedAt.Time); {
	case lasts <= 0 || lasts > wire.MaxLease:
		return fmt.Errorf("it lasts %v", lasts)
	case len(l.Segments) > wire.MostItems:
		return errors.New("it has too many segments")
	}
	return nil
}

// load resumes from the record that save wrote.
func (c *serviceTime) load(state *statedir.Dir) error {
	r := statedir.Records[serviceTimeRecord](state, 1<<10, serviceTimeName)[0]
	if r.Err != nil {
		return fmt.Errorf("when it ends cannot be known, and sensitive items wait for another lease: %s: %w",
			serviceTimeName, r.Err)
	}
	return c.resume(r.Value)
}

// save writes the clock's record.
func (c *serviceTime) save(state *statedir.Dir) error {
	if err := state.Record(c.record(), serviceTimeName); err != nil {
		return fmt.Errorf("the time of the lease could not be saved: %w", err)
	}
	return nil
}

// serviceTimeEvery is the interval at which the time is saved while a lease is valid: a restart prolongs a lease by at
// most this much.
const serviceTimeEvery = 5 * time.Second

// KeepTime saves the time until ctx is done, as long as there is a lease that could end.
func (v *DocumentStore) KeepTime(ctx context.Context) error {
	for {
		changed, wait := v.Changed(), time.Hour
		if l := v.Holdings().Lease; l != nil && v.serviceTime.at(v.now().Round(0)).Before(l.ExpiresAt.Time) {
			if err := v.serviceTime.save(v.state); err != nil {
				v.problems.Add("%v", err)
			}
			wait, changed = serviceTimeEvery, nil
		}
		if retry.Pause(ctx, wait, changed) != nil {
			return nil
		}
	}
}

// leaseLeast is the minimum time between two renewals of an unchanged lease.
const leaseLeast = time.Second

// leases renews the lease while a sensitive segment is held: after a third of its duration, and as soon as the
// sensitive or recalled segments change.
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

// leaseAbout returns a text that changes when the content of a new lease would change, as far as the station knows.
func (h *Holdings) leaseAbout() string {
	revision := int64(0)
	if h.Recalls != nil {
		revision = h.Recalls.Revision
	}
	return fmt.Sprint(revision, h.sensitive)
}

// renewIn returns how long the lease need not be renewed. For a lease that lacks a segment this is at most soon.
func (h *Holdings) renewIn(now time.Time, soon time.Duration) time.Duration {
	if h.Lease == nil {
		return 0
	}
	third := h.Lease.ExpiresAt.Sub(h.Lease.IssuedAt.Time) / 3
	if h.unnamed() {
		third = min(third, soon)
	}
	return h.Lease.IssuedAt.Add(third).Sub(h.serviceTime.at(now.Round(0)))
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
