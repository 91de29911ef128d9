package webhooks

import (
	"testing"
	"testing/synctest"

	"lifeline/internal/access"
	"lifeline/internal/replica"
	"lifeline/internal/servicetest"
	"lifeline/internal/wire"
)

func TestAHeartbeatWakesTheWebhooksThatAreToldOfIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newExchange(t, 100, wire.Webhook{ID: "newsroom", URL: "https://news.example/hook", Changes: []string{"status"},
			Enabled: true})
		x.Deliverer.subscribe()
		if err := x.Registry.replica.CatchUp(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			kind        string
			body        any
			told, beats bool
		}{{replica.KindStatus, wire.Status{}, false, true}, {replica.KindQueue, map[string]any{"payload": []byte("{}")}, true,
			true}, {KindProgress, progress{}, true, true},
			{access.KindToken, struct{}{}, false, false}} {
			told, beats := x.Registry.replica.Signals.On(topicTold), x.Registry.replica.Signals.On(topicToldOften)
			servicetest.Put(t, x.Registry.replica, c.kind, c.kind+"/2026-11-29", c.body)
			if err := x.Registry.replica.CatchUp(t.Context()); err != nil {
				t.Fatal(err)
			}
			if woken(told) != c.told || woken(beats) != c.beats {
				t.Errorf("a change of a %s wakes %v, %v", c.kind, woken(told), woken(beats))
			}
		}
	})
}

func woken(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
