package client

import (
	"context"
	"net/http"
	"strconv"

	"lifeline/internal/wire"
)

// AskErasure asks for something to be erased for good, once another person has confirmed it.
func (c LibraryCalls) AskErasure(ctx context.Context, in wire.ErasureRequest) (out wire.Erasure, err error) {
	_, err = c.Call(ctx, Request{Method: http.MethodPost, Path: wire.Erasures(), Body: in}, &out)
	return out, err
}

// Erasures lists the erasures, the newest first.
func (c LibraryCalls) Erasures(ctx context.Context) ([]wire.Erasure, error) {
	var out wire.Page[wire.Erasure]
	_, err := c.Call(ctx, Request{Method: http.MethodGet, Path: wire.Erasures()}, &out)
	return out.Items, err
}

// Erasure returns an erasure.
func (c LibraryCalls) Erasure(ctx context.Context, id string) (out wire.Erasure, err error) {
	_, err = c.Call(ctx, Request{Method: http.MethodGet, Path: wire.Erasures(id)}, &out)
	return out, err
}

// DecideErasure confirms or drops an erasure as it was shown. It fails with Stale if it has changed since.
func (c LibraryCalls) DecideErasure(ctx context.Context, shown wire.Erasure, verb, reason string) (out wire.Erasure,
	err error) {
	_, err = c.Call(ctx, Request{Method: http.MethodPost, Path: wire.Erasures(shown.ID, verb), Body: wire.Reason{
		Reason: reason}, Header: http.Header{"If-Match": {strconv.Quote(strconv.FormatInt(shown.Revision, 10))}}}, &out)
	return out, err
}
