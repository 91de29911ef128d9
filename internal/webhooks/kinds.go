package webhooks

import (
	"reflect"

	"lifeline/internal/replica"
	"lifeline/internal/store"
)

const (
	KindWebhook  = "webhook"          // a receiver of changes
	KindProgress = "webhook-progress" // the progress of its deliveries; the id is the webhook's
)

var Kinds = replica.Kinds{
	{Name: KindWebhook, Form: reflect.TypeFor[webhook](), Copy: replica.Copied(replica.Parse[webhook]),
		Hides:   replica.Hiding("salt", "old_salt", "url"), // an address often holds a secret
		Inspect: replica.Looking(inspectWebhook)},
	{Name: KindProgress, Form: reflect.TypeFor[progress](), Copy: replica.Copied(replica.Parse[progress]),
		Inspect: replica.Readable[progress], Upgrades: []replica.Upgrade{withAhead}},
}

// withAhead adds what was sent ahead of its turn. Without it, nothing was. Down forgets it, so that what was sent ahead
// is sent once more in its turn.
var withAhead = replica.Adds(func(p *progress) { p.Ahead, p.Hurried = 0, 0 })

func webhooksIn(m *replica.Replica) *replica.Cache[webhook] {
	return replica.CacheOf[*replica.Cache[webhook]](m, KindWebhook)
}

func progressIn(m *replica.Replica) *replica.Cache[progress] {
	return replica.CacheOf[*replica.Cache[progress]](m, KindProgress)
}

func inspectWebhook(i *replica.Inspector, d store.Document, w webhook) {
	if w.ID != d.ID {
		i.Tell(d, "has the body of %s", w.ID)
	}
	if len(w.Salt) == 0 {
		i.Tell(d, "has no salt for its secret, so that nobody can check what it is sent. Give it a new secret")
	}
}
