package client

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"time"

	"lifeline/internal/fault"
	"lifeline/internal/wire"
)

const loginPath = wire.Base + "/sign-in/command-line"

// AskToLogIn asks for a request by which a person signs in this command line.
func (c AccessCalls) AskToLogIn(ctx context.Context, in wire.LoginAsk) (out wire.Login, err error) {
	_, err = c.Call(ctx, Request{Method: http.MethodPost, Path: loginPath + "/options", Body: in}, &out)
	return out, err
}

// LoggedIn returns the session that a request has become; one without a secret: nobody has approved it yet.
func (c AccessCalls) LoggedIn(ctx context.Context, in wire.LoginCheck) (out wire.SignedIn, err error) {
	_, err = c.Call(ctx, Request{Method: http.MethodPost, Path: loginPath, Body: in}, &out)
	return out, err
}

// Me returns who the caller is.
func (c AccessCalls) Me(ctx context.Context) (out wire.Me, err error) {
	_, err = c.Call(ctx, Request{Method: http.MethodGet, Path: wire.Base + "/me"}, &out)
	return out, err
}

// EndSession ends a session.
func (c AccessCalls) EndSession(ctx context.Context, id string) error {
	_, err := c.Call(ctx, Request{Method: http.MethodDelete, Path: wire.Base + "/sessions/" + url.PathEscape(id)}, nil)
	return err
}

// Confirming sets how the person is asked to confirm what the service wants confirmed: tell shows what is to be
// confirmed, and the address at which the person does it. The call then waits for the person.
func (c *Client) Confirming(tell func(what, link string)) *Client {
	c.confirm = tell
	return c
}

// unconfirmed is a refusal until the person of the session confirms the request.
type unconfirmed struct {
	error
	challenge wire.PasskeyChallenge
}

func (u unconfirmed) Unwrap() error { return u.error }

// confirmEvery is the time between two tries of a request that the person is to confirm.
const confirmEvery = 2 * time.Second

// confirmed repeats a request until its person has confirmed it, or the time for that is over.
func (c *caller) confirmed(ctx context.Context, r Request, asked unconfirmed) (*http.Response, error) {
	c.confirm(asked.Error(), asked.challenge.Link)
	over := time.After(asked.challenge.Timeout.Duration)
	r.Header = r.Header.Clone()
	if r.Header == nil {
		r.Header = http.Header{}
	}
	r.Header.Set(wire.ConfirmedHeader, base64.StdEncoding.EncodeToString(asked.challenge.Challenge))
	for {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-over:
			return nil, fault.Wrap(fault.Forbidden, asked, "nobody confirmed this in time: run the command again")
		case <-time.After(confirmEvery):
		}
		resp, err := c.do(ctx, r)
		if again := (unconfirmed{}); !errors.As(err, &again) {
			return resp, err
		}
	}
}
