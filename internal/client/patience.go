package client

import (
	"math/rand/v2"
	"sync"
	"time"

	"lifeline/internal/fault"
)

// The bounds of the time between two calls of a patient client whose token is refused.
const (
	patienceLeast = time.Second
	patienceMost  = time.Minute
)

// patience delays the calls of a client whose token is refused: many loops call a service, and each would continue to
// ask and get the same answer.
type patience struct {
	mu      sync.Mutex
	refusal error         // the current refusal; nil: the token is not known to be refused
	times   int           // consecutive refusals
	next    time.Time     // when a call may be sent again
	asking  bool          // such a call is in progress
	again   chan struct{} // closed when the token is accepted after a refusal
}

// Patient returns c for callers that call repeatedly: while its token is refused, one call is sent to the service at
// increasing intervals, and all others fail with the service's refusal.
func (c *Client) Patient() *Client {
	own := *c.caller
	own.patience = &patience{again: make(chan struct{})}
	return clientOf(&own)
}

// Accepted returns a channel that is closed when the token is accepted after it was refused; nil for a client that is
// not patient.
func (c *caller) Accepted() <-chan struct{} {
	if c.patience == nil {
		return nil
	}
	c.patience.mu.Lock()
	defer c.patience.mu.Unlock()
	return c.patience.again
}

// enter allows a call to be sent, or fails with the current refusal. After enter succeeds, the caller must call left
// with the result.
func (p *patience) enter() (left func(err error), err error) {
	if p == nil {
		return func(error) {}, nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.refusal == nil {
		return func(err error) { p.left(err, false) }, nil
	}
	if p.asking || time.Now().Before(p.next) {
		return nil, p.refusal
	}
	p.asking = true
	return func(err error) { p.left(err, true) }, nil
}

// left handles the result of a call. Of concurrent refused calls the first counts. A call that did not reach the
// service, or that the service was too busy for, has no effect.
func (p *patience) left(err error, asked bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if asked {
		p.asking = false
	}
	switch refused := fault.Is(err, fault.Unauthenticated); {
	case refused && (asked || p.refusal == nil):
		p.refusal = err
	case !asked:
		return
	case err == nil || answered(err):
		p.refusal, p.times = nil, 0
		close(p.again)
		p.again = make(chan struct{})
		return
	}
	wait := min(patienceLeast<<min(p.times, 10), patienceMost)
	p.next = time.Now().Add(wait/2 + rand.N(wait/2))
	p.times++
}

// answered reports whether err is the service's answer to a call whose token it accepts.
func answered(err error) bool {
	return fault.Is(err, fault.Forbidden) || fault.Is(err, fault.NotFound) || fault.Is(err, fault.Invalid)
}
