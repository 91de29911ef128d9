package storetest

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"lifeline/internal/fault"
	"lifeline/internal/store"
)

const (
	workers = 4
	trail   = 5 // number of steps whose documents a worker keeps
)

// Work puts a mixed load on s until ctx ends. Each worker continues, step by step, from the state of s. A step is one
// commit, which updates two documents, creates one and deletes one, and then one append to the as-run log. Work writes
// each acknowledgement as a line, "commit <worker> <step>" or "append <worker> <step>", in one write. It retries while
// the store is Unavailable.
func Work(ctx context.Context, s Store, acknowledged io.Writer) error {
	var all errgroup.Group
	for w := range workers {
		all.Go(func() error {
			for ctx.Err() == nil {
				if err := work(ctx, s, w, acknowledged); ctx.Err() == nil && !fault.Is(err, fault.Unavailable) {
					return fmt.Errorf("worker %d: %w", w, err)
				}
			}
			return nil
		})
	}
	return all.Wait()
}

// work runs one worker until anything fails.
func work(ctx context.Context, s Store, w int, acknowledged io.Writer) error {
	d, err := s.Get(ctx, "work", left(w))
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	for n := int(d.Revision); ; n++ {
		if n > 0 { // the first iteration repeats a step that may have been done
			if _, err := s.Append(ctx, reports(w, n)); err != nil {
				return err
			}
			if _, err := fmt.Fprintf(acknowledged, "append %d %d\n", w, n); err != nil {
				return err
			}
		}
		if _, err := s.Commit(ctx, step(w, n+1)); err != nil {
			return err
		}
		if _, err := fmt.Fprintf(acknowledged, "commit %d %d\n", w, n+1); err != nil {
			return err
		}
	}
}

func left(w int) string       { return fmt.Sprintf("%d/left", w) }
func right(w int) string      { return fmt.Sprintf("%d/right", w) }
func trace(w, n int) string   { return fmt.Sprintf("%d/step %08d", w, n) }
func worker(w int) string     { return fmt.Sprintf("worker %d", w) }
func instant(n int) time.Time { return time.Unix(int64(n), 0).UTC() }

// step returns the worker's n-th commit, counted from 1.
func step(w, n int) store.Commit {
	body := strconv.Itoa(n)
	c := store.Commit{Origin: store.Origin{At: instant(n), By: worker(w), RequestID: body}}
	c.Writes = []store.Write{put("work", left(w), int64(n-1), body), put("work", trace(w, n), 0, body),
		put("work", right(w), int64(n-1), body)}
	if n > trail {
		c.Writes = append(c.Writes, remove("work", trace(w, n-trail), 1))
	}
	return c
}

// reports returns the as-run entries of the n-th step.
func reports(w, n int) []store.Entry {
	return []store.Entry{
		{Station: worker(w), Sequence: int64(2*n - 1), At: instant(n), Body: []byte(strconv.Itoa(n))},
		{Station: worker(w), Sequence: int64(2 * n), At: instant(n), Body: []byte(strconv.Itoa(n))},
	}
}
