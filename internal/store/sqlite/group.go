package sqlite

import (
	"context"
	"database/sql"
	"slices"
	"sync"
)

// mostShare bounds the number of writes that share a transaction, so that none waits for long.
const mostShare = 128

// group lets concurrent writes share a transaction and so the wait for the disk. A write that arrives while none is
// running starts a transaction. Writes that arrive meanwhile wait, and the first of them leads the next transaction
// with all of them.
type group struct {
	mu      sync.Mutex
	leading bool
	waiting []*pending // the leader first, until it takes them
}

// pending is one caller's write. Its work may run a second time if the first transaction was rolled back.
type pending struct {
	ctx    context.Context
	work   func(ctx context.Context, tx *sql.Tx) error
	err    error
	chosen bool      // chosen as leader
	called chan bool // buffered, receives one value: true to lead, or false when err is set
}

// write runs work in a transaction, perhaps together with the work of other callers. When it returns, the transaction
// is on disk. It returns only the error of its own work. If ctx ends before the work starts, nothing is written.
func (s *Store) write(ctx context.Context, work func(ctx context.Context, tx *sql.Tx) error) error {
	t := &pending{ctx: ctx, work: work, called: make(chan bool, 1)}
	if !s.group.join(t) {
		var lead bool
		select {
		case lead = <-t.called:
		case <-ctx.Done():
			if s.group.leave(t) {
				return ctx.Err()
			}
			lead = <-t.called // the work is already running
		}
		if !lead {
			return t.err
		}
	}
	batch := s.group.take()
	defer s.committed(context.WithoutCancel(ctx))
	defer func() {
		s.group.next()
		for _, other := range batch[1:] {
			other.called <- false
		}
	}()
	if len(batch) == 1 || !s.share(batch) {
		for _, t := range batch {
			t.err = s.transact(t.ctx, t.work)
		}
	}
	return t.err
}

// join adds t and reports whether it leads.
func (g *group) join(t *pending) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waiting = append(g.waiting, t)
	first := !g.leading
	t.chosen, g.leading = first, true
	return first
}

// leave removes t and reports whether it was still waiting.
func (g *group) leave(t *pending) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	i := slices.Index(g.waiting, t)
	if i < 0 || t.chosen {
		return false
	}
	g.waiting = slices.Delete(g.waiting, i, i+1)
	return true
}

// take returns the leader and the waiting writes.
func (g *group) take() []*pending {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := min(len(g.waiting), mostShare)
	batch := slices.Clone(g.waiting[:n])
	g.waiting = slices.Delete(g.waiting, 0, n)
	return batch
}

// next makes the first waiting write the leader, if there is one.
func (g *group) next() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.leading = len(g.waiting) > 0; g.leading {
		g.waiting[0].chosen = true
		g.waiting[0].called <- true
	}
}

// share runs a batch in one transaction and gives each write its outcome. It returns false, having written nothing, if
// the transaction was lost before it was committed. SQLite does that when there is no space, and does not say which
// write caused it. share never interrupts running work, because that would roll back the others.
func (s *Store) share(batch []*pending) bool {
	ctx := context.WithoutCancel(batch[0].ctx)
	tx, err := s.writer.BeginTx(ctx, nil)
	if err != nil {
		fail(batch, classify(ctx, err))
		return true
	}
	defer tx.Rollback()
	for _, t := range batch {
		if t.err = t.ctx.Err(); t.err != nil {
			continue
		}
		if _, err := tx.ExecContext(ctx, "SAVEPOINT turn"); err != nil {
			return false
		}
		if err := t.work(ctx, tx); err != nil {
			t.err = classify(ctx, err)
			if _, err := tx.ExecContext(ctx, "ROLLBACK TO turn"); err != nil {
				return false
			}
		}
		if _, err := tx.ExecContext(ctx, "RELEASE turn"); err != nil {
			return false
		}
	}
	if err := tx.Commit(); err != nil {
		fail(batch, classify(ctx, err))
	}
	return true
}

// fail sets err on all writes that have not failed already.
func fail(batch []*pending, err error) {
	for _, t := range batch {
		if t.err == nil {
			t.err = err
		}
	}
}

// transact runs work in a transaction of its own. When it returns, the transaction is on disk, or rolled back if ctx
// ended it.
func (s *Store) transact(ctx context.Context, work func(ctx context.Context, tx *sql.Tx) error) error {
	tx, err := s.writer.BeginTx(ctx, nil)
	if err != nil {
		return classify(ctx, err)
	}
	defer tx.Rollback()
	if err := work(ctx, tx); err != nil {
		return classify(ctx, err)
	}
	return classify(ctx, tx.Commit())
}
