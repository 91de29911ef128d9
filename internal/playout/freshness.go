package playout

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"lifeline/internal/fault"
	"lifeline/internal/playout/retry"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// newNonce returns a random id for a request, so that a stored answer to another request is recognized.
func newNonce() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// answers returns an error unless named, the nonce in a signed document, is that of our request.
func answers(named, ours string) error {
	switch named {
	case ours:
		return nil
	case "":
		return errors.New("it does not name the request that it answers: the service is older than this player: update it")
	}
	return errors.New("it answers another request: somebody kept an old answer and sent it again")
}

// OfferFreshness accepts the envelope of the answer to a request, or returns why not. nonce identifies the request, and
// asked is when it was made, with a reading of the monotonic clock.
func (v *DocumentStore) OfferFreshness(envelope []byte, nonce string, asked time.Time) (wire.Freshness, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	f, err := v.openFreshness(envelope)
	if err == nil {
		err = answers(f.Nonce, nonce)
	}
	if err != nil {
		return wire.Freshness{}, fmt.Errorf("the service's time is refused: %w", err)
	}
	v.serviceTime.begin(f.At.Time, asked)
	v.contact.heard(asked, v.now())
	v.support(f.At)
	return f, nil
}

func (v *DocumentStore) openFreshness(envelope []byte) (f wire.Freshness, err error) {
	err = v.open(envelope, wire.FreshnessType, &f)
	if err == nil {
		err = checkHead(f.Schema, wire.FreshnessSchema, f.Station, v.station)
	}
	if err == nil {
		err = plausible(f.At, schedules.Instant{}, 0, v.now())
	}
	return f, err
}

// support records that a signed document was issued at made, so that this time has come.
func (v *DocumentStore) support(made schedules.Instant) {
	if made.After(v.supported) {
		v.supported = made.Time
	}
}

// measure fetches the service's time and newest revisions. The service issued its answer between the request and the
// arrival of the response: the middle of the two corrects the station's clock, and leases end by the later one.
func (f *Follower) measure(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	nonce, begun := newNonce(), time.Now()
	f.mu.Lock()
	f.tried = begun
	f.mu.Unlock()
	before, moved := f.time.look()
	doc, err := f.service.Freshness(ctx, nonce)
	if fault.Is(err, fault.NotFound) {
		return fault.New(fault.NotFound, "the service signs no time for this station, so that its time is not used: %v. If "+
			"the station and its token are right, the service is older than this player: update it", err)
	}
	if err != nil {
		return err
	}
	took := time.Since(begun)
	said, err := f.documents.OfferFreshness(doc.Bytes, nonce, begun)
	if err != nil {
		return err
	}
	f.documents.keepContact()
	ahead := f.time.Compare(before, moved, said.At.Time, took)
	// The smallest offset that the station's time may still have after Compare corrected it.
	f.documents.serviceTime.measured(f.time.Now().Round(0).Sub(said.At.Add(took)))
	f.mu.Lock()
	f.offset = ahead
	if begun.After(f.heard) {
		f.heard, f.said = begun, said
	}
	f.mu.Unlock()
	f.Compare(said)
	return nil
}

// watchEvery is the interval between checks for missing answers.
const watchEvery = 30 * time.Second

// watchAnswers raises and ends the alarms about missing answers until ctx is done. It does not wait for the sweeps,
// because an attacker on the link can prolong a sweep by sending answers a byte at a time. If the sweeps do not ask for
// the time, watchAnswers does.
func (f *Follower) watchAnswers(ctx context.Context) {
	f.tellStarved() // a restart does not end it
	for retry.Pause(ctx, watchEvery) == nil {
		f.tellStarved()
		f.documents.keepContact()
		f.tellExpiry()
		f.mu.Lock()
		tried, said := f.tried, f.said
		f.mu.Unlock()
		if time.Since(tried) >= f.opt.Sweep*3/2 && f.documents.Pinned() {
			_ = f.measure(ctx) // the sweeps report a failure
			f.tellStarved()
		} else if said.Station != "" {
			f.Compare(said)
		}
	}
}

// days returns the days whose queues the station fetches.
func (f *Follower) days() (out []schedules.Date) {
	today := schedules.DateOf(f.time.Now().In(f.documents.Holdings().Zone()))
	for day := -1; day <= f.opt.Days; day++ {
		out = append(out, today.AddDays(day))
	}
	return out
}
