package library

import (
	"bufio"
	"context"
	"io"
	"sync"
	"time"

	"lifeline/internal/fault"
)

// pieceReader reads at most left bytes. It treats a failure of its source as the end, and records it.
type pieceReader struct {
	r      *bufio.Reader
	left   int64
	ended  bool
	broken error // the premature end
}

// more waits for the next byte.
func (a *pieceReader) more() bool {
	if a.ended {
		return false
	}
	_, err := a.r.Peek(1)
	a.note(err)
	return err == nil
}

func (a *pieceReader) Read(b []byte) (int, error) {
	if a.left == 0 || a.ended {
		return 0, io.EOF
	}
	n, err := a.r.Read(b[:min(int64(len(b)), a.left)])
	a.left -= int64(n)
	a.note(err)
	if err != nil {
		err = io.EOF
	}
	return n, err
}

func (a *pieceReader) note(err error) {
	a.ended = err != nil
	if err != nil && err != io.EOF {
		a.broken = err
	}
}

// uploadLocks gives each upload to one call at a time. A newer call takes it from an older one, whose connection is
// usually dead.
type uploadLocks struct {
	mu   sync.Mutex
	held map[string]*uploadLock
}

type uploadLock struct {
	cancel context.CancelFunc
	over   chan struct{}
}

// Lock asks the call that works on the upload to stop, and waits until no other call of this replica works on it. It
// returns the context for the work and the function that ends the turn. It fails with Busy if patience runs out or ctx
// ends first.
func (l *Uploads) Lock(ctx context.Context, id string, patience time.Duration) (context.Context, func(), error) {
	wait, stop := context.WithTimeout(ctx, patience)
	defer stop()
	t := &l.locks
	for {
		t.mu.Lock()
		before := t.held[id]
		if before == nil {
			working, cancel := context.WithCancel(ctx)
			mine := &uploadLock{cancel: cancel, over: make(chan struct{})}
			t.held[id] = mine
			t.mu.Unlock()
			return working, func() {
				cancel()
				t.mu.Lock()
				delete(t.held, id)
				t.mu.Unlock()
				close(mine.over)
			}, nil
		}
		t.mu.Unlock()
		before.cancel()
		select {
		case <-before.over:
		case <-wait.Done():
			return nil, nil, fault.New(fault.Busy, "another request is sending to this upload")
		}
	}
}
