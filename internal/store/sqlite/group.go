package sqlite

import (
	"context"
	"database/sql"
	"slices"
	"sync"
)

// mostShare is how many writes share a transaction at most, so that none waits for long.
const mostShare = 128

// group has writes that come at once share a transaction, and so the wait for the disk. Whoever comes while none is
// under way begins one; whoever comes meanwhile waits, and the first of those leads the next, with all of them.
type group struct {
	mu      sync.Mutex
	leading bool
	waiting []*turn // the leader first, until it takes them
}

// turn is one caller's write. Its work may be done a second time, when the first was undone.
type turn struct {
	ctx    context.Context
	work   func(ctx context.Context, tx *sql.Tx) error
	err    error
	chosen bool      // to lead
	called chan bool // once, buffered: true to lead, or false when err is there
}

// write does work in a transaction, which is on disk when it returns, perhaps together with the work of others: what
// they fail with is theirs. When ctx ends before its turn, nothing is written.
func (s *Store) write(ctx context.Context, work func(ctx context.Context, tx *sql.Tx) error) error {
	t := &turn{ctx: ctx, work: work, called: make(chan bool, 1)}
	if !s.group.join(t) {
		var lead bool
		select {
		case lead = <-t.called:
		case <-ctx.Done():
			if s.group.leave(t) {
				return ctx.Err()
			}
			lead = <-t.called // it is under way
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

// join says whether t leads.
func (g *group) join(t *turn) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waiting = append(g.waiting, t)
	first := !g.leading
	t.chosen, g.leading = first, true
	return first
}

// leave says whether t still waited.
func (g *group) leave(t *turn) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	i := slices.Index(g.waiting, t)
	if i < 0 || t.chosen {
		return false
	}
	g.waiting = slices.Delete(g.waiting, i, i+1)
	return true
}

// take is the leader's: itself, and those who wait.
func (g *group) take() []*turn {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := min(len(g.waiting), mostShare)
	batch := slices.Clone(g.waiting[:n])
	g.waiting = slices.Delete(g.waiting, 0, n)
	return batch
}

// next lets another lead, if one waits.
func (g *group) next() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.leading = len(g.waiting) > 0; g.leading {
		g.waiting[0].chosen = true
		g.waiting[0].called <- true
	}
}

// share does a batch in one transaction and gives each its outcome. It answers false, having written nothing, when the
// transaction was lost before it was committed, as SQLite does when there is no room: then it does not say whose fault
// that was. A work under way is not cut short, since that would undo the others'.
func (s *Store) share(batch []*turn) bool {
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

// fail gives err to all who have not failed already.
func fail(batch []*turn, err error) {
	for _, t := range batch {
		if t.err == nil {
			t.err = err
		}
	}
}

// transact does work in a transaction of its own, which is on disk when it returns, or undone when ctx ends it.
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
