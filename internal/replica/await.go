package replica

import (
	"context"

	"lifeline/internal/fault"
)

// Await calls look until it returns a revision other than known, or until ctx ends, and returns the last result. It
// calls look again whenever a document of the topic changes. When known is negative it calls look once.
func Await[T any](ctx context.Context, m *Replica, topic string, known int64, look func() (T, int64, error)) (T,
	error) {
	if known < 0 {
		v, _, err := look()
		return v, err
	}
	for {
		signal := m.Signals.On(topic)
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
