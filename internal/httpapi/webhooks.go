package httpapi

import (
	"net/http"

	"lifeline/internal/fault"
	"lifeline/internal/httpapi/apidoc"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// webhookHandlers manage webhooks.
type webhookHandlers struct{ *Parts }

func (a webhookHandlers) routes() []route {
	example := wire.Webhook{ID: "newsroom", Revision: 1, URL: "https://newsroom.example/lifeline",
		Changes: []string{"segment", "recall"}, Enabled: true}
	secret := example
	secret.Secret = "whsec_…"
	standing := wire.Deliveries{Standing: wire.WebhookStanding{Delivered: 41, Latest: 44},
		Page: wire.Page[wire.Attempt]{Items: []wire.Attempt{{ID: "41", Sequence: 41, Kind: "segment", At: exampleStart,
			Duration: schedules.Ms(38), Status: 204}}}}
	return []route{
		{a.listWebhooks, apidoc.Route{Method: http.MethodGet, Path: "/v1/webhooks", Roles: admins,
			ID: "listWebhooks", Tag: apidoc.ForEverybody, Summary: "List webhooks, without their secrets",
			Query: paged,
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "One page of webhooks, ordered by ID.",
				wire.Page[wire.Webhook]{Items: []wire.Webhook{example}})}}},
		{a.getWebhook, apidoc.Route{Method: http.MethodGet, Path: "/v1/webhooks/:webhook", Roles: admins,
			ID: "getWebhook", Tag: apidoc.ForEverybody, Summary: "Get a webhook, without its secret", Known: true,
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "The webhook.", example)}}},
		{a.putWebhook, apidoc.Route{Method: http.MethodPut, Path: "/v1/webhooks/:webhook", Roles: admins, Confirmed: true,
			ID: "putWebhook", Tag: apidoc.ForEverybody, Summary: "Create or replace a webhook",
			Match: apidoc.MatchTaken,
			Detail: "A delivery is a POST request that is signed by the Standard Webhooks scheme (webhook-id, " +
				"webhook-timestamp, webhook-signature). Changes are delivered one at a time, in their order, " +
				"each at least once. webhook-id is the ID of the change, as in /v1/changes: receivers use it " +
				"to ignore repeats. The body is {\"type\", \"timestamp\", \"data\"}, where data is the change. To " +
				"read the changed resource, the receiver uses a token of its own. A delivery succeeds with " +
				"any 2xx within 10 seconds. Redirects are not followed. A failed delivery is repeated for " +
				"five days, at growing intervals or after Retry-After. After five days, or after a 410, the " +
				"webhook is disabled with the reason. Its changes are kept: when it is enabled again, " +
				"deliveries continue with the next one. A delivery of type reset says that changes up to its " +
				"ID were missed and are no longer kept. Only the answer that creates a webhook has its " +
				"secret. Addresses must be https and public, unless the service is started with other " +
				"networks.",
			Takes: apidoc.TakesJSON(example), Answers: puts(secret),
			Faults: map[int]string{http.StatusPreconditionRequired: putFaults[http.StatusPreconditionRequired],
				http.StatusConflict: "There are too many webhooks."}}},
		{a.deleteWebhook, apidoc.Route{Method: http.MethodDelete, Path: "/v1/webhooks/:webhook", Roles: admins,
			Confirmed: true, ID: "deleteWebhook", Tag: apidoc.ForEverybody, Summary: "Delete a webhook",
			Match:   apidoc.MatchNeeded,
			Answers: []apidoc.Answer{apidoc.GivesNothing(http.StatusNoContent, "The webhook is deleted.")}}},
		{a.rotateWebhook, apidoc.Route{Method: http.MethodPost, Path: "/v1/webhooks/:webhook/rotate", Roles: admins,
			Confirmed: true, ID: "rotateWebhook", Tag: apidoc.ForEverybody, Summary: "Create a new secret for a webhook",
			Match:   apidoc.MatchTaken,
			Detail:  "The secret is in this answer only. For a day deliveries are signed with the old secret too.",
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "The webhook with its new secret.", secret, "ETag")}}},
		{a.deliveries, apidoc.Route{Method: http.MethodGet, Path: "/v1/webhooks/:webhook/deliveries", Roles: admins,
			ID: "listDeliveries", Tag: apidoc.ForEverybody,
			Summary: "Get the latest deliveries and the position of a webhook",
			Detail:  "The answer has the latest fifty attempts, newest first, in one page.",
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "The attempts and the position of the webhook.", standing)}}},
		{a.testWebhook, apidoc.Route{Method: http.MethodPost, Path: "/v1/webhooks/:webhook/test", Roles: admins,
			ID: "testWebhook", Tag: apidoc.ForEverybody, Summary: "Send a test to a webhook",
			Detail: "The service sends a delivery of type ping at once, even to a disabled webhook. It is not listed among " +
				"the deliveries.",
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "The result. If the delivery failed, error has the reason.",
				wire.Attempt{ID: "ping-0d9c6f2e41b7a8035c1e", Kind: wire.DeliveryPing, At: exampleStart, Duration: schedules.Ms(38),
					Status: 204})}}},
		{a.replayWebhook, apidoc.Route{Method: http.MethodPost, Path: "/v1/webhooks/:webhook/replay", Roles: admins,
			ID: "replayWebhook", Tag: apidoc.ForEverybody,
			Summary: "Set the position of a webhook, to repeat or skip changes",
			Takes:   apidoc.TakesJSON(wire.Replay{After: 17}),
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "The attempts and the new position.",
				standing)}}},
	}
}

func (a webhookHandlers) listWebhooks(c *call) error { return listing(c, a.Webhooks.Registry.List) }

func (a webhookHandlers) getWebhook(c *call) error {
	w, err := a.Webhooks.Registry.Get(c.param("webhook"))
	return resource(c, w, w.Revision, err)
}

// putWebhook creates or changes a webhook. The answer to the creation contains its secret.
func (a webhookHandlers) putWebhook(c *call) error {
	id := c.param("webhook")
	in := wire.Webhook{ID: id, Enabled: true}
	read := c.decode(&in)
	if unreadable(read) {
		return read
	}
	var own error
	if in.ID != id && in.ID != "" {
		own = fault.Fields(fault.Field{Field: "id", Message: "must be the ID in the path, or left out"})
	}
	in.ID = id
	if err := joinFindings(read, own, a.Webhooks.Registry.Check(in)); err != nil {
		return err
	}
	_, missing := a.Webhooks.Registry.Get(id)
	revision, err := c.startingFrom(missing == nil)
	if err != nil {
		return err
	}
	out, err := a.Webhooks.Registry.Put(c.r.Context(), c.actor, in, revision)
	if err != nil {
		return err
	}
	status := http.StatusOK
	if out.Secret != "" {
		status = http.StatusCreated
		c.w.Header().Set("Location", c.r.URL.Path)
	}
	return writeSecret(c, status, out)
}

// writeSecret answers with a webhook that may contain its secret; the answer must not be cached.
func writeSecret(c *call, status int, w wire.Webhook) error {
	c.w.Header().Set("Cache-Control", "no-store")
	setTag(c, w.Revision)
	return c.json(status, w)
}

func (a webhookHandlers) deleteWebhook(c *call) error {
	revision, err := c.mustMatch()
	if err != nil {
		return err
	}
	if err := a.Webhooks.Registry.Delete(c.r.Context(), c.actor, c.param("webhook"), revision); err != nil {
		return err
	}
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

func (a webhookHandlers) rotateWebhook(c *call) error {
	revision, err := c.ifMatch()
	if err != nil {
		return err
	}
	w, err := a.Webhooks.Registry.Rotate(c.r.Context(), c.actor, c.param("webhook"), revision)
	if err != nil {
		return err
	}
	return writeSecret(c, http.StatusOK, w)
}

func (a webhookHandlers) deliveries(c *call) error {
	d, err := a.Webhooks.Registry.Deliveries(c.param("webhook"))
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, d)
}

func (a webhookHandlers) testWebhook(c *call) error {
	attempt, err := a.Webhooks.Deliverer.Ping(c.r.Context(), c.param("webhook"))
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, attempt)
}

func (a webhookHandlers) replayWebhook(c *call) error {
	in := wire.Replay{After: -1} // required
	if err := c.decode(&in); err != nil {
		return err
	}
	d, err := a.Webhooks.Registry.Replay(c.r.Context(), c.actor, c.param("webhook"), in.After)
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, d)
}
