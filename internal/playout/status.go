package playout

import (
	"context"
	"time"

	"lifeline/internal/client"
	"lifeline/internal/fault"
	"lifeline/internal/playout/retry"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// Reporter reports the station's status to the service, each minute and after changes.
type Reporter struct {
	station   string
	service   *client.Station
	documents *DocumentStore
	cache     *Cache
	follower  *Follower
	problems  *Problems
	playing   func() string   // item on the air
	level     func() *float64 // peak of the output, in dBFS; nil: silence
	now       Now
	version   string
	instance  string    // differs at each start
	identity  *Identity // nil: the status is not signed

	signed schedules.Instant // when the latest status was signed
}

const (
	statusEvery = time.Minute
	statusLeast = 5 * time.Second // minimum interval between two reports
)

// Run reports until ctx is done. It does not repeat a failed report, because the next one supersedes it. It
// acknowledges recalls at once, because people wait for that.
func (r *Reporter) Run(ctx context.Context) error {
	for {
		changed, alarmed, accepted := r.documents.Changed(), r.problems.Alarmed(), r.service.Accepted()
		status := r.Status()
		call, cancel := context.WithTimeout(ctx, callTimeout)
		if err := r.send(call, status); ctx.Err() == nil {
			r.answered(err)
			r.certificate(r.follower.api.CertificateEnds())
		}
		cancel()
		recalled, err := r.rest(ctx, status.RecallsSeen)
		if err != nil || !recalled && retry.Pause(ctx, statusEvery-statusLeast, changed, alarmed, accepted) != nil {
			return nil
		}
	}
}

// signedAhead is how far the time of a signature may be ahead of the station's time, after that was set back.
const signedAhead = 5 * time.Minute

// send reports a status, signed if the station has a key of its own. Each is signed later than the one before, so that
// the service takes it for a newer one even if the station's time was set back a little.
func (r *Reporter) send(ctx context.Context, status wire.Status) error {
	if r.identity == nil {
		return r.service.SendStatus(ctx, status)
	}
	at := schedules.At(r.now())
	if next := schedules.At(r.signed.Add(time.Millisecond)); next.After(at.Time) && next.Sub(at.Time) < signedAhead {
		at = next
	}
	r.signed = at
	envelope, err := r.identity.sign(wire.StatusType, wire.SignedStatus{Schema: wire.StatusSchema,
		Station: r.identity.Station, SignedAt: at, Status: status})
	if err != nil {
		return err
	}
	return r.service.SendSignedStatus(ctx, envelope)
}

// answered handles the service's answer to a report. A service that does not know the station, or rejects this token
// for it, serves no documents to the player either: its queues would look like unpublished days.
func (r *Reporter) answered(err error) {
	const alarm = "station"
	switch {
	case err == nil:
		r.problems.Calm(alarm)
	case fault.Is(err, fault.Unauthenticated):
		cure := "Make a token where the service runs: lifeline token create --name NAME --role station --station %s; put it " +
			"where this player reads its own (--token-file, LIFELINE_TOKEN), and start the player again"
		if r.identity != nil {
			cure = "Enrol the station anew: make a code where the service runs (lifeline station enrol %s), stop this player, " +
				"run playout enrol with the code, and start the player again"
		}
		r.problems.Raise(alarm, "%v. What the station holds continues to air, but no recall and no change arrives. "+cure,
			err, r.station)
	case fault.Is(err, fault.NotFound) || fault.Is(err, fault.Forbidden):
		r.problems.Raise(alarm, "the service has nothing for this station, %s, and this token: %v. Check that --station "+
			"and the token belong to the same station", r.station, err)
	default:
		r.problems.Add("the status could not be reported: %v", err)
	}
}

// certificateSoon is how long before its expiry the service's certificate raises an alarm.
const certificateSoon = 14 * 24 * time.Hour

// certificate raises an alarm before the service's certificate expires; zero: the service has none.
func (r *Reporter) certificate(ends time.Time) {
	const alarm = "certificate"
	if ends.IsZero() || ends.Sub(r.now()) >= certificateSoon {
		r.problems.Calm(alarm)
		return
	}
	r.problems.Raise(alarm, "the service's certificate ends at %s: whoever runs the service must renew it, or this "+
		"station does not reach it after that", ends.UTC().Format(time.DateTime+" UTC"))
}

// rest waits for the minimum interval between two reports, or until the recalls differ from the revision told.
func (r *Reporter) rest(ctx context.Context, told int64) (recalled bool, err error) {
	for end := time.Now().Add(statusLeast); time.Until(end) > 0; {
		changed := r.documents.Changed()
		if h := r.documents.Holdings(); h.Recalls != nil && h.Recalls.Revision != told {
			return true, nil
		}
		if err := retry.Pause(ctx, time.Until(end), changed); err != nil {
			return false, err
		}
	}
	return false, nil
}

// Status returns the station's current status.
func (r *Reporter) Status() wire.Status {
	h, now := r.documents.Holdings(), r.now()
	s := wire.Status{AudioVerified: r.cache.Verified(), PlayerVersion: cleanText(r.version), Playing: r.playing(),
		ClockOffset: schedules.Millis{Duration: r.follower.Offset()},
		ClockSet:    schedules.Millis{Duration: r.follower.time.Set()}, CoverHours: cover(h, now, r.cache).Hours(),
		Alarms: r.problems.Alarms(), Problems: r.problems.List(),
		Instance: r.instance, Seen: &h.Seen}
	today := schedules.DateOf(now.In(h.Zone()))
	if q := h.ValidQueue(today, now); q != nil {
		s.QueueDate, s.QueueRevision = today.String(), q.Revision
	}
	if s.Playing != "" {
		s.PeakDBFS = r.level()
	}
	if h.Recalls != nil {
		s.RecallsSeen, s.RecallsProof = h.Recalls.Revision, h.recallsProof
	}
	if h.Lease != nil {
		s.LeaseUntil = h.Lease.ExpiresAt
	}
	for _, w := range wants(h, now) {
		if !r.cache.Has(w.audio) {
			s.AudioMissing++
		}
	}
	return s
}

// cover returns for how long from now on all planned items can air from the cache. It ends at the first item without
// its audio, and at the end of the last day that has a queue. Sensitive items do not count: without the link the
// fallback airs in their place.
func cover(h *Holdings, now time.Time, cache *Cache) time.Duration {
	if h.forgot {
		return 0
	}
	until := now
	zone := h.Zone()
	for day := schedules.DateOf(now.In(zone)); ; day = day.AddDays(1) {
		q := h.ValidQueue(day, now)
		if q == nil || q.Withdrawn {
			return until.Sub(now)
		}
		for i := range q.Items {
			it := &q.Items[i]
			if it.StartAt.Add(it.Duration.Duration).After(now) && !h.Recalled(it) && !it.Sensitive && !cache.Has(it.Audio) {
				return max(it.StartAt.Sub(now), 0)
			}
		}
		next := day.AddDays(1)
		until = time.Date(next.Year, next.Month, next.Day, 0, 0, 0, 0, zone)
		if q.ExpiresAt.Before(until) {
			until = q.ExpiresAt.Time
		}
	}
}
