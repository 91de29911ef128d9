package httpapi

import (
	"context"
	"net/http"
	"sync"
	"time"

	"lifeline/internal/fault"
)

// validEvery is how often what a request waits for or sends is held against its token, and how long an answer that is
// being written may go on once the token is over.
const validEvery = time.Second

// whileValid ends the call's context once its token is revoked, expired or changed, on whichever replica that was done:
// streams, waits, uploads and downloads end with it, within about validEvery. release must be called before the handler
// returns: the connection is another request's then.
func (a *api) whileValid(c *call) (release func()) {
	ctx, end := context.WithCancelCause(c.r.Context())
	valid, lapse := context.WithCancelCause(context.WithoutCancel(ctx)) // the caller may go, and the token still be good
	c.r, c.valid = c.r.WithContext(ctx), valid
	var one sync.Mutex
	released := false
	controller, actor, body := http.NewResponseController(c.w), c.actor, c.r.ContentLength != 0
	var look *time.Timer
	look = time.AfterFunc(time.Hour, func() {
		one.Lock()
		defer one.Unlock()
		err := a.Access.Holds(actor)
		switch {
		case released:
		case err == nil:
			look.Reset(validEvery)
		default:
			lapse(err)
			end(err)
			controller.SetWriteDeadline(time.Now().Add(validEvery)) // not every writer has deadlines, and those need none
			if body {
				controller.SetReadDeadline(time.Now()) // likewise; without a body, it would end the next request
			}
		}
	})
	look.Reset(validEvery)
	return func() {
		one.Lock()
		defer one.Unlock()
		released = true
		look.Stop()
		lapse(nil) // changes nothing where it has ended
		end(nil)
	}
}

// whileAllowed ends with the validity of the call's token.
func (c *call) whileAllowed() context.Context {
	if c.valid == nil {
		return context.Background()
	}
	return c.valid
}

// over is why the call was ended before it was done: its token; nil where it was not.
func (c *call) over() error {
	if cause := context.Cause(c.whileAllowed()); fault.Is(cause, fault.Unauthenticated) {
		return cause
	}
	return nil
}
