package webhooks

import (
	"strings"
	"testing"
	"testing/synctest"

	"lifeline/internal/replica"
	"lifeline/internal/store"
	"lifeline/internal/wire"
)

func TestFsckIsContentWithAWebhook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newExchange(t, 100, wire.Webhook{ID: "newsroom", URL: "https://news.example/hook", Changes: []string{"segment"},
			Enabled: true})
		for _, kind := range []string{KindWebhook, KindProgress} {
			d, err := x.store.Get(t.Context(), kind, "newsroom")
			if err != nil {
				t.Fatal(err)
			}
			var problems []string
			look := func(d store.Document) {
				replica.NewInspector(testKinds, func(p string) { problems = append(problems, p) }).Document(d)
			}
			if look(d); len(problems) > 0 {
				t.Errorf("of what the service wrote it says %q", problems)
			}
			d.Body = []byte(`{"salt":`)
			if look(d); len(problems) != 1 || !strings.Contains(problems[0], "cannot be read") {
				t.Errorf("of a damaged %s it says %q", kind, problems)
			}
		}
	})
}
