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

// patience holds back the calls of a client whose token is refused: many loops call a service, and each would go on
// asking, though all are told the same.
type patience struct {
	mu      sync.Mutex
	refusal error         // that stands; nil: the token is not known to be refused
	times   int           // that the refusal came in a row
	next    time.Time     // when a call may ask again
	asking  bool          // a call asks again
	again   chan struct{} // closed when the token is accepted after a refusal
}

// Patient is c for who calls time and again: while its token is refused, one call asks the service now and then, ever
// more seldom, and all others fail with what it said.
func (c *Client) Patient() *Client {
	own := *c
	own.patience = &patience{again: make(chan struct{})}
	return &own
}

// Accepted is closed when the token is accepted after it was refused; nil for a client that is not patient.
func (c *Client) Accepted() <-chan struct{} {
	if c.patience == nil {
		return nil
	}
	c.patience.mu.Lock()
	defer c.patience.mu.Unlock()
	return c.patience.again
}

// enter lets a call go to the service, or fails with the refusal that stands. Whoever enters calls left with what came.
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

// left takes in what came of a call. Of calls that are refused side by side the first counts. One that did not reach
// the service, or that it has no time for, says nothing of the token.
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

// answered reports whether an error is what the service made of a call whose token it accepts.
func answered(err error) bool {
	return fault.Is(err, fault.Forbidden) || fault.Is(err, fault.NotFound) || fault.Is(err, fault.Invalid)
}
