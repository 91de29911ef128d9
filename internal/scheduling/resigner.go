package scheduling

import (
	"context"
	"errors"
	"fmt"

	"lifeline/internal/access"
	"lifeline/internal/library"
	"lifeline/internal/replica"
	"lifeline/internal/store"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// Resigner signs with the present key the documents that another key had signed.
type Resigner struct {
	*core
	rundowns  *Rundowns
	publisher *Publisher
	fallbacks *Fallbacks
}

// Resign signs again the documents that another key signed, or whose number is not above the floor, if stations still
// pull them: the recall list, the fallback lists, and the queues that are not over, each as a new revision with the
// same content. A failure does not stop the rest.
func (s *Resigner) Resign(ctx context.Context) error {
	floor := s.replica.Floor()
	failed := s.replica.Retry(ctx, func() error { return s.recalls(ctx) })
	for id, row := range replica.FallbacksIn(s.replica).After("", "") {
		f := row.Value.Value
		if !s.mustSign(wire.FallbackType, row.Value.Signer, f.Revision, floor.Above) {
			continue
		}
		f.Revision = floor.Above + row.Revision + 1
		if err := s.fallbacks.issue(ctx, dueFallback{f, row.Revision}); err != nil && !errors.Is(err, replica.ErrRace) {
			failed = errors.Join(failed, fmt.Errorf("sign the fallback of %s: %w", id, err))
		}
	}
	var queues []wire.Queue
	for _, row := range replica.QueuesIn(s.replica).After("", "") {
		q := row.Value
		if s.mustSign(wire.QueueType, q.Signer, q.Value.Revision, floor.Days) && q.Value.ExpiresAt.After(s.now()) {
			queues = append(queues, q.Value)
		}
	}
	return errors.Join(failed, eachDay(ctx, "sign", queues, s.day))
}

// mustSign reports whether a document must be signed again, because another key signed it or its number is not above
// the floor.
func (s *Resigner) mustSign(payloadType, signer string, revision, floor int64) bool {
	return signer != s.signer.KeyID(payloadType) || revision <= floor
}

func (s *Resigner) recalls(ctx context.Context) error {
	row, ok := replica.RecallsIn(s.replica).Get(replica.RecallsID)
	if !ok || !s.mustSign(wire.RecallsType, row.Value.Signer, row.Value.Value.Revision, s.replica.Floor().Above) {
		return nil
	}
	list, err := library.SignRecalls(s.replica, s.signer, s.replica.Floor(), s.now())
	if err != nil {
		return err
	}
	return s.replica.Commit(ctx, store.Commit{Writes: []store.Write{list},
		Origin: access.System.Origin(s.now(), "recalls.sign", access.ReasonSign)})
}

func (s *Resigner) day(ctx context.Context, station string, date schedules.Date) error {
	return s.replica.Retry(ctx, func() error {
		latest, _, base, err := s.rundowns.publishedDay(ctx, station, date)
		if err != nil {
			return err
		}
		signed, err := s.queues.Queue(ctx, station, date)
		if err != nil || !s.mustSign(wire.QueueType, signed.Signer, signed.Value.Revision, s.replica.Floor().Days) {
			return err // nil: another replica was faster
		}
		p := publication{before: latest, base: base, rundown: base, action: "queue.sign", reason: access.ReasonSign}
		if latest.rundown.Status == schedules.Draft {
			p.draft = &latest.rundown
		}
		_, err = s.publisher.publishAsService(ctx, p)
		return err
	})
}
