package webhooks

import (
	"slices"
	"testing"

	"lifeline/internal/replica"
	"lifeline/internal/servicetest"
)

func TestWebhookIsStoredWithEveryFieldOfTheContractButItsSecret(t *testing.T) {
	stored, err := replica.Parse[webhook](servicetest.Golden(t, "webhook.v1"))
	if err != nil {
		t.Fatal(err)
	}
	w := publicForm(replica.Row[webhook]{Value: stored, Revision: 4})
	if got := servicetest.Unfilled(w); !slices.Equal(got, []string{"Webhook.secret"}) {
		t.Errorf("%q are not stored", got)
	}
	again := publicForm(replica.Row[webhook]{Value: ownersPart(w), Revision: 4})
	if got := servicetest.Unfilled(again); !slices.Equal(got, []string{"Webhook.disabled_at", "Webhook.disabled_because",
		"Webhook.secret"}) {
		t.Errorf("of what its owner wants, %q are not stored", got)
	}
}
