package httpapi

import (
	"context"
	"net/http"
	"sync"
	"time"

	"lifeline/internal/fault"
)

// validEvery is the interval at which the token of a running request is checked, and how long an answer may continue
// after the token has ended.
const validEvery = time.Second

// whileValid ends the call's context when its token is revoked, expires or is changed, on any replica: streams, waits,
// uploads and downloads end within about validEvery. release must be called before the handler returns, since the
// connection serves the next request then.
func (a *api) whileValid(c *call) (release func()) {
	ctx, end := context.WithCancelCause(c.r.Context())
	valid, lapse := context.WithCancelCause(context.WithoutCancel(ctx)) // the caller may go while the token remains valid
	c.r, c.valid = c.r.WithContext(ctx), valid
	var one sync.Mutex
	released := false
	controller, actor, body := http.NewResponseController(c.w), c.actor, c.r.ContentLength != 0
	var look *time.Timer
	look = time.AfterFunc(time.Hour, func() {
		one.Lock()
		defer one.Unlock()
		err := a.holds(actor)
		switch {
		case released:
		case err == nil:
			look.Reset(validEvery)
		default:
			lapse(err)
			end(err)
			controller.SetWriteDeadline(time.Now().Add(validEvery)) // writers without deadlines need none
			if body {
				controller.SetReadDeadline(time.Now()) // likewise; without a body, the deadline would end the next request
			}
		}
	})
	look.Reset(validEvery)
	return func() {
		one.Lock()
		defer one.Unlock()
		released = true
		look.Stop()
		lapse(nil) // has no effect if the context has ended
		end(nil)
	}
}

// whileAllowed returns a context that ends with the validity of the call's token.
func (c *call) whileAllowed() context.Context {
	if c.valid == nil {
		return context.Background()
	}
	return c.valid
}

// over returns why the call's token ended it early; nil if it did not.
func (c *call) over() error {
	if cause := context.Cause(c.whileAllowed()); fault.Is(cause, fault.Unauthenticated) {
		return cause
	}
	return nil
}
