package httpapi

import (
	"net/http"

	"lifeline/internal/fault"
	"lifeline/internal/httpapi/apidoc"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// webhookHandlers have other people's services told of changes.
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
			ID: "listWebhooks", Tag: apidoc.ForEverybody, Summary: "All webhooks, without their secrets",
			Query: paged,
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "One page of webhooks, by id.",
				wire.Page[wire.Webhook]{Items: []wire.Webhook{example}})}}},
		{a.getWebhook, apidoc.Route{Method: http.MethodGet, Path: "/v1/webhooks/:webhook", Roles: admins,
			ID: "getWebhook", Tag: apidoc.ForEverybody, Summary: "One webhook, without its secret", Known: true,
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "The webhook.", example)}}},
		{a.putWebhook, apidoc.Route{Method: http.MethodPut, Path: "/v1/webhooks/:webhook", Roles: admins,
			ID: "putWebhook", Tag: apidoc.ForEverybody, Summary: "Have an address told of changes",
			Match: apidoc.MatchTaken,
			Detail: "Deliveries are POST requests signed by the Standard Webhooks scheme (webhook-id, webhook-timestamp, " +
				"webhook-signature), one after the other in the order of the changes, each at least once; " +
				"webhook-id is the change's id, as in /v1/changes, by which repeats are known. The body is {\"type\", " +
				"\"timestamp\", \"data\"}, where data is the change; read what changed with a token of your own. " +
				"Any 2xx within 10 seconds takes it; redirections are not followed. What fails is tried again, later and later, " +
				"for five days; Retry-After is honoured, and 410 ends it. Then the webhook is disabled with the reason. " +
				"What it missed waits: enabled again it goes on where it was. A delivery of type reset says that changes up to " +
				"its id were missed and are no longer kept. " +
				"The secret is in the answer that makes the webhook, and nowhere else. Addresses are https and public, unless " +
				"the service is told of other networks.",
			Takes: apidoc.TakesJSON(example), Answers: puts(secret),
			Faults: map[int]string{http.StatusPreconditionRequired: putFaults[http.StatusPreconditionRequired],
				http.StatusConflict: "There are too many webhooks."}}},
		{a.deleteWebhook, apidoc.Route{Method: http.MethodDelete, Path: "/v1/webhooks/:webhook", Roles: admins,
			ID: "deleteWebhook", Tag: apidoc.ForEverybody, Summary: "Tell an address no more", Match: apidoc.MatchNeeded,
			Answers: []apidoc.Answer{apidoc.GivesNothing(http.StatusNoContent, "It is gone.")}}},
		{a.rotateWebhook, apidoc.Route{Method: http.MethodPost, Path: "/v1/webhooks/:webhook/rotate", Roles: admins,
			ID: "rotateWebhook", Tag: apidoc.ForEverybody, Summary: "Give a webhook a new secret",
			Match:   apidoc.MatchTaken,
			Detail:  "The secret is in this answer and nowhere else. For a day deliveries are signed with the old one as well.",
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "The webhook with its new secret.", secret, "ETag")}}},
		{a.deliveries, apidoc.Route{Method: http.MethodGet, Path: "/v1/webhooks/:webhook/deliveries", Roles: admins,
			ID: "listDeliveries", Tag: apidoc.ForEverybody,
			Summary: "What was tried last, and how far a webhook has come",
			Detail:  "The latest fifty attempts, newest first, in one page.",
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "The attempts and the standing.", standing)}}},
		{a.testWebhook, apidoc.Route{Method: http.MethodPost, Path: "/v1/webhooks/:webhook/test", Roles: admins,
			ID: "testWebhook", Tag: apidoc.ForEverybody, Summary: "Send a webhook a test, now",
			Detail: "A delivery of type ping, whether the webhook is enabled or not. It is no part of the deliveries.",
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "How it went; error says what failed.",
				wire.Attempt{ID: "ping-0d9c6f2e41b7a8035c1e", Kind: wire.DeliveryPing, At: exampleStart, Duration: schedules.Ms(38),
					Status: 204})}}},
		{a.replayWebhook, apidoc.Route{Method: http.MethodPost, Path: "/v1/webhooks/:webhook/replay", Roles: admins,
			ID: "replayWebhook", Tag: apidoc.ForEverybody,
			Summary: "Tell a webhook again, or have it skip",
			Takes:   apidoc.TakesJSON(wire.Replay{After: 17}),
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "Where it stands now.",
				standing)}}},
	}
}

func (a webhookHandlers) listWebhooks(c *call) error { return listing(c, a.Webhooks.Registry.List) }

func (a webhookHandlers) getWebhook(c *call) error {
	w, err := a.Webhooks.Registry.Get(c.param("webhook"))
	return resource(c, w, w.Revision, err)
}

// putWebhook makes or changes a webhook. The answer that makes it has its secret.
func (a webhookHandlers) putWebhook(c *call) error {
	id := c.param("webhook")
	in := wire.Webhook{ID: id, Enabled: true}
	read := c.decode(&in)
	if unreadable(read) {
		return read
	}
	var own error
	if in.ID != id && in.ID != "" {
		own = fault.Fields(fault.Field{Field: "id", Message: "must be the path's, or left out"})
	}
	in.ID = id
	if err := together(read, own, a.Webhooks.Registry.Check(in)); err != nil {
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
	return secretive(c, status, out)
}

// secretive answers a webhook that may have its secret in it: nobody on the way keeps that.
func secretive(c *call, status int, w wire.Webhook) error {
	c.w.Header().Set("Cache-Control", "no-store")
	c.tag(w.Revision)
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
	return secretive(c, http.StatusOK, w)
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
	in := wire.Replay{After: -1} // it must be said
	if err := c.decode(&in); err != nil {
		return err
	}
	d, err := a.Webhooks.Registry.Replay(c.r.Context(), c.actor, c.param("webhook"), in.After)
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, d)
}
