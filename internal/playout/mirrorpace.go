package playout

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// What a sender must bring in a while as long as there is another one to ask. One that keeps a connection alive with a
// byte now and then would otherwise hold a station up for hours.
const (
	paceOver  = 30 * time.Second
	paceLeast = 30 << 10 // bytes
)

// paceOf returns the bytes that must come in paceOver; 0: nobody is too slow under such a limit.
func paceOf(limit *rate.Limiter) int64 {
	if limit != nil && limit.Limit() < 4*paceLeast/rate.Limit(paceOver.Seconds()) {
		return 0
	}
	return paceLeast
}

// pace is how fast a mirror sent lately.
type pace struct {
	came  atomic.Int64 // bytes
	speed int64        // bytes a second of the latest file; 0: not known
}

// counted counts what is read of a body.
type counted struct {
	io.ReadCloser
	came *atomic.Int64
}

func (c counted) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.came.Add(int64(n))
	return n, err
}

// paced returns a context that also ends when less than least bytes come in paceOver.
func (p *pace) paced(ctx context.Context, least int64) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		look := time.NewTicker(paceOver)
		defer look.Stop()
		for before := p.came.Load(); ; {
			select {
			case <-ctx.Done():
				return
			case <-look.C:
			}
			came := p.came.Load()
			if came-before < least {
				cancel(fmt.Errorf("%d bytes came in %v", came-before, paceOver))
				return
			}
			before = came
		}
	}()
	return ctx, func() { cancel(nil) }
}

// inTurn calls get with one mirror after the other until one brings a file of n bytes. Mirrors that are too slow have
// the time that a poor link takes only when all others failed, and the fastest of them first.
func (m *Mirrors) inTurn(ctx context.Context, from []*mirrorHost, n int64, limit *rate.Limiter,
	get func(context.Context, *mirrorHost) error) (err error) {
	most := patience(n)
	if limit != nil {
		most += time.Duration(float64(n) / float64(limit.Limit()) * float64(time.Second))
	}
	var slow []*mirrorHost
	for _, s := range from {
		if s.tooSlow() || len(from) == 1 {
			slow = append(slow, s)
			continue
		}
		quick, cancel := s.pace.paced(ctx, paceOf(limit))
		err = s.timed(quick, most, get)
		if err != nil && quick.Err() != nil && ctx.Err() == nil {
			m.problems.Add("the mirror %s is too slow (%v): others are asked first", s.address, context.Cause(quick))
			slow = append(slow, s)
		}
		cancel()
		if err == nil || ctx.Err() != nil {
			return err
		}
	}
	slices.SortStableFunc(slow, func(a, b *mirrorHost) int { return cmp.Compare(b.speed(), a.speed()) })
	for _, s := range slow {
		if err = s.timed(ctx, most, get); err == nil || ctx.Err() != nil {
			return err
		}
	}
	return err
}

// timed calls get, for at most a time, and notes how fast the mirror sends.
func (s *mirrorHost) timed(ctx context.Context, most time.Duration,
	get func(context.Context, *mirrorHost) error) error {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	began, before := time.Now(), s.pace.came.Load()
	err := get(ctx, s)
	if err == nil || ctx.Err() != nil {
		took := max(time.Since(began), time.Millisecond)
		s.mu.Lock()
		s.pace.speed = max(1, (s.pace.came.Load()-before)*int64(time.Second)/int64(took))
		s.mu.Unlock()
	}
	return err
}

func (s *mirrorHost) speed() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pace.speed
}

// tooSlow reports whether a mirror sent its latest file more slowly than others are waited for.
func (s *mirrorHost) tooSlow() bool {
	speed := s.speed()
	return speed > 0 && speed < paceLeast/int64(paceOver/time.Second)
}
