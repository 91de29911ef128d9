package playout

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"lifeline/internal/client"
	"lifeline/internal/playout/retry"
	"lifeline/internal/playout/spool"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// Sender reports the entries in the spool until the service acknowledges them.
type Sender struct {
	spool    *spool.Spool
	service  *client.Station
	problems *Problems
	identity *Identity    // nil: reports are not signed
	answers  atomic.Int64 // to reports
}

const (
	sendBatch   = 200
	sendTimeout = 30 * time.Second
	sendAgain   = 10 * time.Minute // retry interval for entries that the service rejected
)

// Run sends entries, oldest first, until ctx is done. A rejected entry stays in the spool and is sent again later; it
// does not delay the others.
func (s *Sender) Run(ctx context.Context) error {
	rejected := map[int64]time.Time{}
	for failures := 0; ; {
		pending, more := s.spool.Pending(10 * sendBatch)
		now := time.Now()
		batch := pending[:0]
		for _, e := range pending {
			if len(batch) < sendBatch && !rejected[e.Sequence].After(now) {
				e.Detail = cleanText(e.Detail)
				batch = append(batch, e)
			}
		}
		wait := sendAgain
		if len(batch) > 0 {
			call, cancel := context.WithTimeout(ctx, sendTimeout)
			results, err := s.send(call, batch)
			cancel()
			if err == nil {
				err = s.take(batch, results, rejected, now)
			}
			if err != nil && ctx.Err() == nil {
				s.problems.Add("what aired could not be reported: %v", err)
				wait, more = retry.Backoff(failures), nil
				failures++
			} else {
				failures, wait = 0, 0
			}
		}
		if wait > 0 {
			if err := retry.Pause(ctx, wait, more, s.service.Accepted()); err != nil {
				return nil
			}
		} else if ctx.Err() != nil {
			return nil
		}
	}
}

// send reports entries, signed if the station has a key of its own.
func (s *Sender) send(ctx context.Context, entries []schedules.AsRun) ([]wire.AsRunResult, error) {
	if s.identity == nil {
		return s.service.SendAsRun(ctx, entries)
	}
	envelope, err := s.identity.Report(entries)
	if err != nil {
		return nil, err
	}
	return s.service.SendSignedAsRun(ctx, envelope)
}

// take handles the results for the entries sent. It fails if the answer names none of them.
func (s *Sender) take(sent []schedules.AsRun, results []wire.AsRunResult, rejected map[int64]time.Time,
	now time.Time) error {
	asked := map[int64]bool{}
	for _, e := range sent {
		asked[e.Sequence] = true
	}
	var acked []int64
	answered := 0
	for _, r := range results {
		if !asked[r.Sequence] {
			continue
		}
		answered++
		switch r.Status {
		case "accepted", "repeated":
			acked = append(acked, r.Sequence)
			if r.Message != "" {
				s.problems.Add("as-run entry %d: %s", r.Sequence, r.Message)
			}
			delete(rejected, r.Sequence)
		default:
			s.problems.Add("as-run entry %d was %s: %s", r.Sequence, r.Status, r.Message)
			rejected[r.Sequence] = now.Add(sendAgain)
		}
	}
	if answered == 0 {
		return errors.New("the answer names none of the entries sent")
	}
	s.answers.Add(1)
	return s.spool.Ack(acked...)
}
