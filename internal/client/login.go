package client

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
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

// SignInWays returns how persons may sign in.
func (c AccessCalls) SignInWays(ctx context.Context) (out wire.SignInWays, err error) {
	_, err = c.Call(ctx, Request{Method: http.MethodGet, Path: wire.Base + "/sign-in"}, &out)
	return out, err
}

// Me returns who the caller is.
func (c AccessCalls) Me(ctx context.Context) (out wire.Me, err error) {
	_, err = c.Call(ctx, Request{Method: http.MethodGet, Path: wire.Base + "/me"}, &out)
	return out, err
}

// Sessions returns where the caller's person is signed in, the latest first.
func (c AccessCalls) Sessions(ctx context.Context) ([]wire.Session, error) {
	var out wire.Page[wire.Session]
	_, err := c.Call(ctx, Request{Method: http.MethodGet, Path: wire.Base + "/sessions"}, &out)
	return out.Items, err
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

// repeats returns how to get the stream of a request anew for each time that it is sent, before it is sent first; nil
// if it can be sent once only.
func repeats(r *Request) (again func() io.Reader) {
	switch stream := r.Stream.(type) {
	case nil:
		return func() io.Reader { return nil }
	case *bytes.Reader:
		whole := *stream
		return func() io.Reader { own := whole; return &own }
	case *strings.Reader:
		whole := *stream
		return func() io.Reader { own := whole; return &own }
	}
	return nil
}

// confirmed repeats a request until its person has confirmed it, or the time for that is over. again returns its stream
// anew; nil: it cannot be repeated.
func (c *caller) confirmed(ctx context.Context, r Request, again func() io.Reader, asked unconfirmed) (*http.Response,
	error) {
	if again == nil {
		return nil, fault.Wrap(fault.Forbidden, asked, "this must be confirmed by passkey, and what it sends can be sent "+
			"only once: do it in the console, or run the command with a token (--token-file)")
	}
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
		r.Stream = again()
		resp, err := c.do(ctx, r)
		if still := (unconfirmed{}); !errors.As(err, &still) {
			return resp, err
		}
	}
}
