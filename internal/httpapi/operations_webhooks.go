package httpapi

import (
	"net/http"

	"lifeline/internal/wire"
	"lifeline/schedules"
)

// webhookOperations are those on what other people's services are told of.
func webhookOperations() []operation {
	const hooks, hook = "/v1/webhooks", "/v1/webhooks/:webhook"
	example := wire.Webhook{ID: "newsroom", Revision: 1, URL: "https://newsroom.example/lifeline",
		Changes: []string{"segment", "recall"}, Enabled: true}
	secret := example
	secret.Secret = "whsec_…"
	standing := wire.Deliveries{Standing: wire.WebhookStanding{Delivered: 41, Latest: 44},
		Page: wire.Page[wire.Attempt]{Items: []wire.Attempt{{ID: "41", Sequence: 41, Kind: "segment", At: exampleStart,
			Duration: schedules.Ms(38), Status: 204}}}}
	return []operation{
		{at: "GET " + hooks, id: "listWebhooks", tag: forEverybody, summary: "All webhooks, without their secrets",
			query: paged,
			answers: []answer{gives(http.StatusOK, "One page of webhooks, by id.",
				wire.Page[wire.Webhook]{Items: []wire.Webhook{example}})}},
		{at: "GET " + hook, id: "getWebhook", tag: forEverybody, summary: "One webhook, without its secret", known: true,
			answers: []answer{gives(http.StatusOK, "The webhook.", example)}},
		{at: "PUT " + hook, id: "putWebhook", tag: forEverybody, summary: "Have an address told of changes",
			match: matchTaken,
			detail: "Deliveries are POST requests signed by the Standard Webhooks scheme (webhook-id, webhook-timestamp, " +
				"webhook-signature), one after the other in the order of the changes, each at least once; " +
				"webhook-id is the change's id, as in /v1/changes, by which repeats are known. The body is {\"type\", " +
				"\"timestamp\", \"data\"}, where data is the change; read what changed with a token of your own. " +
				"Any 2xx within 10 seconds takes it; redirections are not followed. What fails is tried again, later and later, " +
				"for five days; Retry-After is honoured, and 410 ends it. Then the webhook is disabled with the reason. " +
				"What it missed waits: enabled again it goes on where it was. A delivery of type reset says that changes up to " +
				"its id were missed and are no longer kept. " +
				"The secret is in the answer that makes the webhook, and nowhere else. Addresses are https and public, unless " +
				"the service is told of other networks.",
			takes: takesJSON(example), answers: puts(secret),
			faults: map[int]string{http.StatusPreconditionRequired: putFaults[http.StatusPreconditionRequired],
				http.StatusConflict: "There are too many webhooks."}},
		{at: "DELETE " + hook, id: "deleteWebhook", tag: forEverybody, summary: "Tell an address no more", match: matchNeeded,
			answers: []answer{givesNothing(http.StatusNoContent, "It is gone.")}},
		{at: "POST " + hook + "/rotate", id: "rotateWebhook", tag: forEverybody, summary: "Give a webhook a new secret",
			match:   matchTaken,
			detail:  "The secret is in this answer and nowhere else. For a day deliveries are signed with the old one as well.",
			answers: []answer{gives(http.StatusOK, "The webhook with its new secret.", secret, "ETag")}},
		{at: "GET " + hook + "/deliveries", id: "listDeliveries", tag: forEverybody,
			summary: "What was tried last, and how far a webhook has come",
			detail:  "The latest fifty attempts, newest first, in one page.",
			answers: []answer{gives(http.StatusOK, "The attempts and the standing.", standing)}},
		{at: "POST " + hook + "/test", id: "testWebhook", tag: forEverybody, summary: "Send a webhook a test, now",
			detail: "A delivery of type ping, whether the webhook is enabled or not. It is no part of the deliveries.",
			answers: []answer{gives(http.StatusOK, "How it went; error says what failed.",
				wire.Attempt{ID: "ping-0d9c6f2e41b7a8035c1e", Kind: wire.DeliveryPing, At: exampleStart, Duration: schedules.Ms(38),
					Status: 204})}},
		{at: "POST " + hook + "/replay", id: "replayWebhook", tag: forEverybody,
			summary: "Tell a webhook again, or have it skip",
			takes:   takesJSON(wire.Replay{After: 17}), answers: []answer{gives(http.StatusOK, "Where it stands now.",
				standing)}},
	}
}
