package control

import (
	"context"
	"slices"

	"lifeline/internal/fault"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// Await calls look until it answers a revision other than known, or ctx ends; it answers the last look either way.
// look is called anew whenever a document of the topic changes. Below zero nothing is known, and nobody waits.
func await[T any](ctx context.Context, m *Mirror, topic string, known int64, look func() (T, int64, error)) (T, error) {
	if known < 0 {
		v, _, err := look()
		return v, err
	}
	for {
		signal := m.signals.on(topic)
		v, revision, err := look()
		if err != nil && !fault.Is(err, fault.NotFound) || revision != known {
			return v, err
		}
		select {
		case <-ctx.Done():
			return v, err
		case <-signal:
		}
	}
}

// AwaitQueue is Queue, held back while its revision is known and ctx lasts. date is asked for at every look, since
// "today" changes.
func (s *Scheduler) AwaitQueue(ctx context.Context, station string, date func() schedules.Date, known int64) (*Sealed[wire.Queue], error) {
	return await(ctx, s.mirror, topic(kindQueue, station), known, func() (*Sealed[wire.Queue], int64, error) {
		q, err := s.Queue(context.WithoutCancel(ctx), station, date())
		if err != nil {
			return nil, 0, err
		}
		return q, q.Value.Revision, nil
	})
}

// AwaitFallback is Fallback, likewise.
func (s *Scheduler) AwaitFallback(ctx context.Context, station string, known int64) (Sealed[wire.Fallback], error) {
	return await(ctx, s.mirror, topic(kindFallback, station), known, func() (Sealed[wire.Fallback], int64, error) {
		f, err := s.Fallback(station)
		return f, f.Value.Revision, err
	})
}

// AwaitRecalls is Recalls, likewise.
func (l *Library) AwaitRecalls(ctx context.Context, known int64) Sealed[wire.Recalls] {
	r, _ := await(ctx, l.mirror, topic(kindRecalls, recallsID), known, func() (Sealed[wire.Recalls], int64, error) {
		r := l.Recalls()
		return r, r.Value.Revision, nil
	})
	return r
}

// StationHears reports whether a station's queues or fallback name a recording, so that it may fetch it.
func (s *Scheduler) StationHears(station, sha256 string) bool {
	names := func(items []wire.QueueItem) bool {
		return slices.ContainsFunc(items, func(i wire.QueueItem) bool { return i.Audio.SHA256 == sha256 })
	}
	if row, ok := fallbacksIn(s.mirror).get(station); ok && names(row.value.Value.Items) {
		return true
	}
	for _, row := range queuesIn(s.mirror).after(station+"/", "") {
		if names(row.value.Value.Items) || names(row.value.Value.Fallback) {
			return true
		}
	}
	return false
}
