package record

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/fault"
	"lifeline/internal/network"
	"lifeline/internal/replica"
	"lifeline/internal/sign"
	"lifeline/internal/store"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// Authentication tells what stations' own keys signed from what came without their signature, and keeps a note of the
// latter.
type Authentication struct {
	replica *replica.Replica
	network *network.Definitions
	now     func() time.Time

	mu     sync.Mutex
	latest map[string]schedules.Instant // by station: when its key signed the latest status that came here
}

// doubtEvery is how often a doubt that stands is stored again.
const doubtEvery = time.Minute

// unsigned returns how far a report without a signature is the station's own, and the reason if it is not: a station
// that has or had keys signs everything.
func (v *Authentication) unsigned(station string) (schedules.Authenticity, string) {
	row, _ := replica.StationKeysIn(v.replica).Get(station)
	if !row.Value.SeizedAt.IsZero() {
		return schedules.Unsigned, "the station counts as seized since " + row.Value.SeizedAt.String()
	}
	if len(row.Value.Keys) == 0 {
		return "", ""
	}
	return schedules.Unsigned, "the station has a key of its own, which did not sign this report"
}

// signed returns how far a report in an envelope is the station's own, and the reason if it is not. named is the
// station that the payload names. A signature of a station without keys cannot be verified: its report counts as one
// without a signature.
func (v *Authentication) signed(station, named, payloadType string, envelope []byte) (schedules.Authenticity, string) {
	if without, why := v.unsigned(station); without == "" {
		return without, why
	}
	signers := sign.Signers(envelope)
	for _, key := range v.network.Keys(station) {
		if _, err := sign.Verify(envelope, payloadType, key.Signing); err != nil {
			continue
		}
		switch {
		case key.State == replica.KeySeized:
			return schedules.SeizedKey, fmt.Sprintf("key %s signed it, which was seized at %s", key.ID, key.Until)
		case named != station:
			return schedules.WrongSignature, fmt.Sprintf("it is a report of station %.64q", named)
		case key.State == replica.KeyActive:
			return schedules.Signed, ""
		}
		return schedules.WrongSignature, fmt.Sprintf("key %s signed it, which another replaced at %s", key.ID, key.Until)
	}
	return schedules.WrongSignature, fmt.Sprintf("no key of the station signed it as it is; it names the key %.64q",
		strings.Join(signers, ", "))
}

// codeOf is the code of the doubt about a report that is not the station's own.
func codeOf(authenticity schedules.Authenticity) string {
	switch authenticity {
	case schedules.SeizedKey:
		return network.SeizedReports
	case schedules.WrongSignature:
		return network.WrongSignatures
	}
	return network.UnsignedReports
}

// doubt stores a reason to doubt a station's reports, unless it was stored shortly before.
func (v *Authentication) doubt(ctx context.Context, station, code, said string) error {
	return v.replica.Retry(ctx, func() error {
		now := schedules.At(v.now())
		row, _ := replica.DoubtsIn(v.replica).Get(station)
		next := row.Value
		next.Doubts = slices.Clone(next.Doubts)
		n := slices.IndexFunc(next.Doubts, func(d replica.Doubt) bool { return d.Code == code })
		if n < 0 {
			n, next.Doubts = len(next.Doubts), append(next.Doubts, replica.Doubt{Code: code})
		}
		d := &next.Doubts[n]
		if ago := now.Sub(d.Last.Time); !d.Last.IsZero() && ago >= 0 && ago < doubtEvery {
			return nil
		}
		if now.Sub(d.Last.Time) >= network.DoubtTold {
			d.Since = now
		}
		d.Last, d.Said = now, said
		write, err := v.write(station, next)
		if err != nil {
			return err
		}
		return v.replica.Commit(ctx, store.Commit{Writes: []store.Write{write},
			Origin: access.System.Origin(v.now(), "station.doubt", code+": "+said)})
	})
}

// noteSigned stores that something came that the station's present key signed, if a doubt, or the present key, is newer
// than what is stored of that.
func (v *Authentication) noteSigned(ctx context.Context, station string) error {
	return v.replica.Retry(ctx, func() error {
		row, _ := replica.DoubtsIn(v.replica).Get(station)
		keys, _ := replica.StationKeysIn(v.replica).Get(station)
		key, _ := keys.Value.Active()
		news := slices.ContainsFunc(row.Value.Doubts, func(d replica.Doubt) bool {
			return !row.Value.LastSignedAt.After(d.Last.Time) || row.Value.LastSignedAt.Before(key.Since.Time)
		})
		next, now := row.Value, schedules.At(v.now())
		if !news || next.LastSignedAt.Equal(now.Time) {
			return nil
		}
		next.LastSignedAt = now
		write, err := v.write(station, next)
		if err != nil {
			return err
		}
		return v.replica.Commit(ctx, store.Commit{Writes: []store.Write{write},
			Origin: access.System.Origin(v.now(), "station.vouched", "")})
	})
}

func (v *Authentication) write(station string, d replica.StationDoubts) (store.Write, error) {
	body, err := replica.Encode(d)
	return store.Write{Kind: replica.KindDoubts, ID: station, Expect: replica.DoubtsIn(v.replica).Revision(station),
		Body: body}, err
}

// refuse keeps a note of a status that is not the station's own.
func (v *Authentication) refuse(ctx context.Context, station, code, why string) error {
	if err := v.doubt(ctx, station, code, "a status: "+why); err != nil {
		return err
	}
	return fault.New(fault.Conflict, "this is not the word of station %s: %s. Enrol its player with a code that lifeline "+
		"station enrol %[1]s makes", station, why)
}

// signedAhead is how far a station's clock may be ahead of the service's in what it signs.
const signedAhead = 10 * time.Minute

// checkOrder checks the time at which a status was signed: a status is accepted only if it was signed after the latest
// one, so that nobody can send an earlier one again. repeated reports that it is the latest one. old is the reason for
// not accepting it.
func (v *Authentication) checkOrder(station string, at schedules.Instant) (repeated bool, old string) {
	last := v.lastSigned(station)
	v.mu.Lock()
	defer v.mu.Unlock()
	switch ahead := at.Sub(v.now()); {
	case at.Equal(last.Time):
		return true, ""
	case at.Before(last.Time):
		return false, fmt.Sprintf("it says that it was signed at %s, and a later one of %s has come", at, last)
	case ahead > signedAhead:
		return false, fmt.Sprintf("it says that it was signed at %s, which is still to come", at)
	}
	v.latest[station] = at
	return false, ""
}

// lastSigned returns when the station's key signed the latest status, as far as is known here.
func (v *Authentication) lastSigned(station string) schedules.Instant {
	row, _ := replica.DoubtsIn(v.replica).Get(station)
	v.mu.Lock()
	defer v.mu.Unlock()
	if known := v.latest[station]; known.After(row.Value.SignedAt.Time) {
		return known
	}
	return row.Value.SignedAt
}

// acknowledged corrects the revision of the recall list that a status claims to have: a claim of the latest list holds
// only with the proof of it. A station of an earlier release without a key of its own sends none. The result reports a
// claim that does not hold.
func (v *Authentication) acknowledged(station string, s *wire.Status, signed bool) (claimed bool) {
	row, ok := replica.RecallsIn(v.replica).Get(replica.RecallsID)
	if !ok || s.RecallsSeen != row.Value.Value.Revision || !signed && s.RecallsProof == "" ||
		s.RecallsProof == wire.RecallsProof(station, row.Value.Envelope.Plain) {
		return false
	}
	s.RecallsSeen--
	return true
}

// describeKey sets the fields describeKey a status that tell describeKey the station's key.
func (v *Authentication) describeKey(s *wire.Status) {
	row, _ := replica.StationKeysIn(v.replica).Get(s.Station)
	s.Enrolment = wire.NotEnrolled
	if key, ok := row.Value.Active(); ok {
		s.Enrolment, s.KeyID = wire.EnrolledState, key.ID
		s.SignedAt = v.lastSigned(s.Station)
	}
	if !row.Value.SeizedAt.IsZero() {
		s.Enrolment = wire.SeizedState
	}
}
