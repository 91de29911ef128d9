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

// newNonce names a request, so that nobody can have stored up the answer.
func newNonce() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// answers reports why a signed document that names a nonce is not the answer to the request of ours; nil: it is.
func answers(named, ours string) error {
	switch named {
	case ours:
		return nil
	case "":
		return errors.New("it does not name the request that it answers: the service is older than this player, so bring " +
			"it up to date")
	}
	return errors.New("it answers another request: somebody stored it up on the way")
}

// OfferFreshness takes the envelope of the answer to the request of a nonce, made at a reading of the monotonic clock,
// or says why not.
func (v *DocumentStore) OfferFreshness(envelope []byte, nonce string, asked time.Time) (wire.Freshness, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	var f wire.Freshness
	err := v.open(envelope, wire.FreshnessType, &f)
	switch {
	case err != nil:
	case f.Schema != wire.FreshnessSchema:
		err = fmt.Errorf("its schema is %q, not %q", f.Schema, wire.FreshnessSchema)
	case f.Station != v.station:
		err = fmt.Errorf("it is for station %q", f.Station)
	default:
		err = errors.Join(answers(f.Nonce, nonce), plausible(f.At, schedules.Instant{}, 0, v.now()))
	}
	if err != nil {
		return wire.Freshness{}, fmt.Errorf("the service's time is refused: %w", err)
	}
	v.clock.begin(f.At.Time, asked)
	v.support(f.At)
	return f, nil
}

// support notes that a signed document was made at an instant, which therefore has come.
func (v *DocumentStore) support(made schedules.Instant) {
	if made.After(v.supported) {
		v.supported = made.Time
	}
}

// measure asks the service for its time and the newest revisions. The service made its answer between the call and its
// arrival: the middle of the two corrects the station's clock, and leases end by the later one.
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
		return fault.New(fault.NotFound, "the service signs no time for this station, so that none is believed: %v. Where "+
			"the station and its token are right, the service is older than this player: bring it up to date", err)
	}
	if err != nil {
		return err
	}
	took := time.Since(begun)
	said, err := f.documents.OfferFreshness(doc.Bytes, nonce, begun)
	if err != nil {
		return err
	}
	ahead := f.time.Compare(before, moved, said.At.Time, took)
	// what it leaves the station's time off by, at the least
	f.documents.clock.measured(f.time.Now().Round(0).Sub(said.At.Add(took)))
	f.mu.Lock()
	f.offset = ahead
	if begun.After(f.heard) {
		f.heard, f.said = begun, said
	}
	f.mu.Unlock()
	f.Compare(said)
	return nil
}

// starvedAfter is the time without an answer that the service signed for the station, after which the station says so.
const starvedAfter = 10 * time.Minute

// heedEvery is how often the station looks whether it is kept from news.
const heedEvery = 30 * time.Second

// heed tells, until ctx is done, when the station is kept from news. It waits for no sweep: whoever holds the link may
// make a sweep last long, by answers that come a byte at a time. Where the sweeps do not ask for the time, heed does.
func (f *Follower) heed(ctx context.Context) {
	for retry.Pause(ctx, heedEvery) == nil {
		f.tellStarved()
		f.tellExpiry()
		f.mu.Lock()
		tried, said := f.tried, f.said
		f.mu.Unlock()
		if time.Since(tried) >= f.opt.Sweep*3/2 && f.documents.Pinned() {
			_ = f.measure(ctx) // the sweeps tell of a failure
			f.tellStarved()
		} else if said.Station != "" {
			f.Compare(said)
		}
	}
}

// tellStarved raises the alarm of a station that hears nothing of the service, and ends it.
func (f *Follower) tellStarved() {
	const alarm = "starved"
	f.mu.Lock()
	quiet := time.Since(f.heard)
	f.mu.Unlock()
	if quiet < starvedAfter {
		f.problems.Calm(alarm)
		return
	}
	f.problems.Raise(alarm, "the service has signed no answer to this station for %v: recalls and changes do not "+
		"arrive. See to the link: "+
		"it is down, or somebody holds it", quiet.Truncate(time.Minute))
}

// days are those whose queues the station asks for.
func (f *Follower) days() (out []schedules.Date) {
	today := schedules.DateOf(f.time.Now().In(f.documents.Holdings().Zone()))
	for day := -1; day <= f.opt.Days; day++ {
		out = append(out, today.AddDays(day))
	}
	return out
}
