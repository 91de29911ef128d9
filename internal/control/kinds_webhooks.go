package control

import "lifeline/internal/store"

const (
	kindWebhook  = "webhook"          // who is told of changes
	kindProgress = "webhook-progress" // how far that has come: the webhook's id
)

var webhookKinds = Kinds{
	{Name: kindWebhook, Copy: copied(plain[webhook]), Inspect: looking(inspectWebhook)},
	{Name: kindProgress, Copy: copied(plain[progress]), Inspect: readable[progress]},
}

func webhooksIn(m *Mirror) *table[webhook] { return rowsOf[*table[webhook]](m, kindWebhook) }

func progressIn(m *Mirror) *table[progress] { return rowsOf[*table[progress]](m, kindProgress) }

func inspectWebhook(i *Inspector, d store.Document, w webhook) {
	if w.ID != d.ID {
		i.tell(d, "says of itself that it is %s", w.ID)
	}
	if len(w.Salt) == 0 {
		i.tell(d, "has no salt for its secret, so that nobody can check what it is sent. Give it a new secret")
	}
}
