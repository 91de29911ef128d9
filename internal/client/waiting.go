package client

import (
	"context"
	"net/http"
	"net/url"

	"lifeline/internal/wire"
)

// Waiting returns the changes that wait for a second person, the oldest first.
func (c AccessCalls) Waiting(ctx context.Context) ([]wire.Waiting, error) {
	return list[wire.Waiting](ctx, c.caller, wire.Base+"/waiting", nil)
}

// DecideWaiting decides on a change that waits: confirm or withdraw.
func (c AccessCalls) DecideWaiting(ctx context.Context, id, decision string) (out wire.Waiting, err error) {
	path := wire.Base + "/waiting/" + url.PathEscape(id) + "/" + decision
	_, err = c.Call(ctx, Request{Method: http.MethodPost, Path: path}, &out)
	return out, err
}
