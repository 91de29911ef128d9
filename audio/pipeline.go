package audio

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"golang.org/x/sync/errgroup"
)

// job is a chunk in the pipeline.
type job struct {
	*chunk
	done chan error // receives the decoder's error
}

// pipeline decodes the chunks of fr in concurrent workers and passes them to use in order. At most workers+2 chunks
// exist at a time. It returns after all its goroutines have ended, with the first error of any.
func pipeline(ctx context.Context, fr *framer, workers int, use func(*chunk) error) error {
	g, ctx := errgroup.WithContext(ctx)
	todo, order := make(chan job), make(chan job, workers+2)
	free := make(chan *chunk, workers+2)
	for range cap(free) {
		free <- &chunk{}
	}
	g.Go(guarded(func() error {
		defer close(order)
		defer close(todo)
		return cut(ctx, fr, free, todo, order)
	}))
	for range workers {
		g.Go(guarded(func() error {
			d := newDecoder(fr.asm.format, fr.lock.Channels())
			for j := range todo {
				j.done <- d.decode(j.chunk)
			}
			return nil
		}))
	}
	g.Go(guarded(func() error {
		for j := range order {
			select {
			case err := <-j.done:
				if err != nil {
					return err
				}
			case <-ctx.Done():
				return ctx.Err()
			}
			if err := use(j.chunk); err != nil {
				return err
			}
			free <- j.chunk
		}
		return ctx.Err()
	}))
	return g.Wait()
}

// ErrPanicked means that the analysis itself failed, on whatever the recording holds.
var ErrPanicked = errors.New("audio: the analysis panicked")

// Recovered, deferred, sets err to ErrPanicked with its cause and place if the function panicked.
func Recovered(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("%w: %v\n%s", ErrPanicked, p, debug.Stack())
	}
}

// guarded returns f with its panics as errors: nobody else can recover those of a goroutine.
func guarded(f func() error) func() error {
	return func() (err error) {
		defer Recovered(&err)
		return f()
	}
}

// cut fills free chunks and sends them on, until the stream or ctx ends.
func cut(ctx context.Context, fr *framer, free <-chan *chunk, todo, order chan<- job) error {
	for {
		var c *chunk
		select {
		case c = <-free:
		case <-ctx.Done():
			return ctx.Err()
		}
		more, err := fr.fill(c, fr.chunkUnits(cap(order)))
		if err != nil || !more {
			return err
		}
		j := job{c, make(chan error, 1)}
		order <- j // never blocks: there are no more jobs than chunks
		select {
		case todo <- j:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
