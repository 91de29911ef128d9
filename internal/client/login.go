package client

import (
	"context"
	"net/http"
	"net/url"

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
