package client

import (
	"context"
	"net/http"
	"strconv"

	"lifeline/internal/wire"
)

// Webhooks lists the webhooks, without their secrets.
func (c WebhookCalls) Webhooks(ctx context.Context) ([]wire.Webhook, error) {
	return list[wire.Webhook](ctx, c.caller, wire.Webhooks(), nil)
}

// Alarms lists the current alarms: conditions that a person must resolve.
func (c RecordCalls) Alarms(ctx context.Context) ([]wire.Alarm, error) {
	return list[wire.Alarm](ctx, c.caller, wire.Base+"/alarms", nil)
}

// Webhook returns a webhook. It fails with NotFound if it does not exist.
func (c WebhookCalls) Webhook(ctx context.Context, id string) (w wire.Webhook, err error) {
	_, err = c.Call(ctx, Request{Method: http.MethodGet, Path: wire.Webhooks(id)}, &w)
	return w, err
}

// PutWebhook creates a webhook and returns it with its secret, or changes the given revision of one.
func (c WebhookCalls) PutWebhook(ctx context.Context, w wire.Webhook) (out wire.Webhook, err error) {
	r := Request{Method: http.MethodPut, Path: wire.Webhooks(w.ID), Body: w}
	if w.Revision > 0 {
		r.Header = from(w.Revision)
	}
	_, err = c.Call(ctx, r, &out)
	return out, err
}

// DeleteWebhook removes a webhook if its revision is the given one.
func (c WebhookCalls) DeleteWebhook(ctx context.Context, id string, revision int64) error {
	_, err := c.Call(ctx, Request{Method: http.MethodDelete, Path: wire.Webhooks(id), Header: from(revision)}, nil)
	return err
}

func from(revision int64) http.Header {
	return http.Header{"If-Match": {strconv.Quote(strconv.FormatInt(revision, 10))}}
}

// RotateWebhook gives a webhook a new secret and returns it.
func (c WebhookCalls) RotateWebhook(ctx context.Context, id string) (w wire.Webhook, err error) {
	_, err = c.Call(ctx, Request{Method: http.MethodPost, Path: wire.Webhooks(id, "rotate")}, &w)
	return w, err
}

// TestWebhook sends a test to a webhook and returns the result.
func (c WebhookCalls) TestWebhook(ctx context.Context, id string) (a wire.Attempt, err error) {
	_, err = c.Call(ctx, Request{Method: http.MethodPost, Path: wire.Webhooks(id, "test")}, &a)
	return a, err
}

// Deliveries returns the recent deliveries of a webhook and its position.
func (c WebhookCalls) Deliveries(ctx context.Context, id string) (d wire.Deliveries, err error) {
	_, err = c.Call(ctx, Request{Method: http.MethodGet, Path: wire.Webhooks(id, "deliveries")}, &d)
	return d, err
}

// ReplayWebhook makes a webhook deliver the changes after the id after again, or skip those up to it.
func (c WebhookCalls) ReplayWebhook(ctx context.Context, id string, after int64) (d wire.Deliveries, err error) {
	_, err = c.Call(ctx, Request{Method: http.MethodPost, Path: wire.Webhooks(id, "replay"),
		Body: wire.Replay{After: after}}, &d)
	return d, err
}
