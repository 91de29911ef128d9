package webhooks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/fault"
	"lifeline/internal/replica"
	"lifeline/internal/servicetest"
	"lifeline/internal/store"
	"lifeline/internal/store/memory"
	"lifeline/internal/wire"
)

// receiver is an external service: it returns prepared answers and records the deliveries.
type receiver struct {
	mu     sync.Mutex
	answer func(m Message) (Reply, error) // nil means 204
	tries  []time.Time
	took   []string // type and webhook-id
}

func (r *receiver) Post(_ context.Context, m Message) (Reply, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tries = append(r.tries, time.Now())
	if r.answer != nil {
		if reply, err := r.answer(m); err != nil || reply.Status/100 != 2 {
			return reply, err
		}
	}
	var d wire.Delivery
	if err := json.Unmarshal(m.Body, &d); err != nil {
		return Reply{}, err
	}
	r.took = append(r.took, d.Type+" "+m.ID)
	return Reply{Status: http.StatusNoContent}, nil
}

func (r *receiver) Check(*url.URL) error { return nil }

// heard returns the deliveries received since the last call.
func (r *receiver) heard() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	took := r.took
	r.took = nil
	return took
}

func (r *receiver) answers(f func(Message) (Reply, error)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer, r.tries = f, nil
}

type uncounted struct{}

func (uncounted) Delivery(bool) {}

// exchange is a store with webhooks and a receiver.
type exchange struct {
	*Webhooks
	*receiver
	t     *testing.T
	store *memory.Store
}

func newExchange(t *testing.T, kept int, hook wire.Webhook) *exchange {
	t.Helper()
	x := &exchange{receiver: &receiver{}, t: t, store: memory.New(kept)}
	x.open()
	hook.ID, hook.URL, hook.Enabled = "newsroom", "https://newsroom.example/", true
	made, err := x.Registry.Put(t.Context(), access.Actor{Name: "Ada"}, hook, new(int64))
	if err != nil || made.Secret == "" {
		t.Fatal(made, err)
	}
	return x
}

// open starts a service on the store.
func (x *exchange) open() {
	x.t.Helper()
	m, err := replica.Open(x.t.Context(), x.store, testKinds)
	if err != nil {
		x.t.Fatal(err)
	}
	x.Webhooks = New(WebhookParts{Replica: m, Lock: replica.NewWorkLock(m, "one", 15*time.Second), Poster: x.receiver,
		Key:      []byte("key"),
		Patience: Patience{First: time.Second, Longest: 8 * time.Hour, GiveUp: 5 * 24 * time.Hour}, Meter: uncounted{},
		Log: slog.New(slog.DiscardHandler), Now: time.Now})
}

// change creates a document of a kind, and returns the expected delivery.
func (x *exchange) change(kind, id string) string {
	x.t.Helper()
	servicetest.Put(x.t, x.Registry.replica, kind, id, map[string]string{"id": id})
	if err := x.Registry.replica.CatchUp(x.t.Context()); err != nil {
		x.t.Fatal(err)
	}
	return fmt.Sprintf("%s %d", kind, x.Registry.replica.Sequence())
}

// run runs f while deliveries run.
func (x *exchange) run(f func()) {
	ctx, stop := context.WithCancel(x.t.Context())
	done := make(chan error)
	go func() { done <- x.Deliverer.Run(ctx) }()
	go func() { done <- x.Registry.replica.Run(ctx, func(err error) { x.t.Error(err) }) }()
	f()
	stop()
	if err := errors.Join(<-done, <-done); err != nil {
		x.t.Error(err)
	}
}

func (x *exchange) expect(what string, want ...string) {
	x.t.Helper()
	synctest.Wait()
	if got := x.heard(); !slices.Equal(got, want) {
		x.t.Errorf("%s: it heard %v, want %v", what, got, want)
	}
}

func failing(status int, after time.Duration) func(Message) (Reply, error) {
	return func(Message) (Reply, error) { return Reply{status, after}, nil }
}

func TestWebhookIsToldInOrderOfWhatItAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newExchange(t, 1000, wire.Webhook{Changes: []string{"segment", "station"}, Stations: []string{"harbour-dawn"}})
		var want []string
		want = append(want, x.change(replica.KindSegment, "a"))
		x.change(replica.KindClock, "c")
		x.change(replica.KindStation, "lantern-coast")
		want = append(want, x.change(replica.KindStation, "harbour-dawn"), x.change(replica.KindSegment, "a"))
		x.run(func() {
			time.Sleep(time.Second)
			x.expect("what was before it ran", want...)
			later := x.change(replica.KindSegment, "b")
			time.Sleep(time.Second)
			x.expect("what came while it ran", later)
		})
		x.run(func() {
			time.Sleep(time.Hour)
			x.expect("again from the start, nothing twice")
		})
	})
}

// While one delivery fails, the later ones wait; the waits double, and a delay requested by the receiver is respected.
func TestWebhookIsTriedAgainLaterAndLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newExchange(t, 1000, wire.Webhook{Changes: []string{"segment"}})
		x.answers(func(Message) (Reply, error) {
			if len(x.tries) == 3 {
				return Reply{http.StatusServiceUnavailable, time.Hour}, nil
			}
			return Reply{}, errors.New("refused")
		})
		first := x.change(replica.KindSegment, "a")
		x.run(func() {
			time.Sleep(time.Minute)
			second := x.change(replica.KindSegment, "b")
			time.Sleep(time.Hour)
			d, err := x.Registry.Deliveries("newsroom")
			if err != nil || d.Standing.Tries < 5 || len(d.Items) != d.Standing.Tries || d.Items[0].Error != "refused" ||
				d.Items[0].NextTry != d.Standing.NextTry {
				t.Errorf("it stands at %+v, %v", d, err)
			}
			for i, want := range []time.Duration{time.Second, 2 * time.Second, time.Hour, 8 * time.Second} {
				got := x.tries[i+1].Sub(x.tries[i])
				if off := float64(got)/float64(want) - 1; off < -jitter-.01 || off > jitter+.06 { // plus the pause of a check
					t.Errorf("wait %d is %v, want about %v", i+1, got, want)
				}
			}
			x.expect("while it fails")
			x.answers(nil)
			time.Sleep(time.Hour)
			x.expect("when it is well again", first, second)
		})
	})
}

// A delivery that fails for days is given up, and the reason is recorded; the missed changes are sent when the webhook
// is enabled again.
func TestWebhookIsGivenUpAndGoesOnWhereItWas(t *testing.T) {
	for name, answer := range map[string]func(Message) (Reply, error){"days": failing(500, 0),
		"gone": failing(http.StatusGone, 0)} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x := newExchange(t, 1000, wire.Webhook{Changes: []string{"segment"}})
				x.answers(answer)
				missed := x.change(replica.KindSegment, "a")
				x.run(func() {
					begun := time.Now()
					time.Sleep(4 * 24 * time.Hour)
					hook, err := x.Registry.Get("newsroom")
					if err != nil || hook.Enabled != (name == "days") {
						t.Fatalf("after four days: %+v, %v", hook, err)
					}
					time.Sleep(2 * 24 * time.Hour)
					hook, err = x.Registry.Get("newsroom")
					if err != nil || hook.Enabled || hook.DisabledBecause == "" || hook.DisabledAt.IsZero() {
						t.Fatalf("after six days: %+v, %v", hook, err)
					}
					tries := len(x.tries)
					if name == "days" && (tries < 20 || tries > 40) || name == "gone" && tries != 1 {
						t.Errorf("%d tries in %v", tries, time.Since(begun))
					}
					found, err := x.store.Audit(t.Context(), store.AuditQuery{Kind: KindWebhook, ID: "newsroom", Limit: 500})
					if err != nil || found[len(found)-1].Action != "webhook.disable" ||
						found[len(found)-1].Reason != hook.DisabledBecause {
						t.Errorf("the audit ends with %+v, %v", found, err)
					}
					x.answers(nil)
					later := x.change(replica.KindSegment, "b")
					time.Sleep(24 * time.Hour)
					x.expect("while it is given up")
					hook.Enabled = true
					if hook, err = x.Registry.Put(t.Context(), access.Actor{Name: "Ada"}, hook, &hook.Revision); err != nil ||
						hook.DisabledBecause != "" || hook.Secret != "" {
						t.Fatal(hook, err)
					}
					time.Sleep(time.Second)
					x.expect("enabled again", missed, later)
				})
			})
		})
	}
}

// A receiver that fails for long is an alarm with its start, reason and number of waiting changes, until a delivery
// succeeds. A receiver that was given up is an alarm until somebody handles it.
func TestAWebhookThatFailsForLongIsAnAlarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newExchange(t, 100, wire.Webhook{Changes: []string{"segment"}})
		alarm := func(code string, waiting int) {
			t.Helper()
			synctest.Wait()
			got, err := x.Deliverer.Alarms(t.Context())
			switch {
			case err != nil || code == "" && len(got) != 0:
				t.Errorf("%+v, %v", got, err)
			case code != "" && (len(got) != 1 || got[0].Code != code || got[0].Subject != "newsroom" ||
				got[0].Waiting != waiting ||
				got[0].Since.IsZero() || !strings.Contains(got[0].Error, "503") || !strings.Contains(got[0].Message, got[0].Error)):
				t.Errorf("%s with %d waiting: %+v", code, waiting, got)
			}
			if lasts := x.Deliverer.Failing()["newsroom"]; (lasts >= failingLong) != (code != "") {
				t.Errorf("it has failed for %v", lasts)
			}
		}
		x.answers(func(Message) (Reply, error) { return Reply{Status: 503}, nil })
		x.run(func() {
			x.change("segment", "a")
			x.change("segment", "b")
			time.Sleep(10 * time.Minute)
			alarm("", 0)
			time.Sleep(10 * time.Minute)
			alarm(wire.AlarmWebhookFailing, 2)
			time.Sleep(6 * 24 * time.Hour)
			alarm(wire.AlarmWebhookGivenUp, 2)
			x.answers(nil)
			w, err := x.Registry.Get("newsroom")
			if err != nil {
				t.Fatal(err)
			}
			w.Enabled = true
			if _, err := x.Registry.Put(t.Context(), access.Actor{Name: "Ada"}, w, &w.Revision); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
			alarm("", 0)
		})
	})
}

func TestWebhookIsToldThatItMissedWhatIsNoLongerKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newExchange(t, 5, wire.Webhook{Changes: []string{"segment"}})
		for range 20 {
			x.change(replica.KindSegment, "a")
		}
		latest := x.Registry.replica.Sequence()
		x.open() // it starts at the present end of the feed
		x.run(func() {
			time.Sleep(time.Second)
			x.expect("a reset", fmt.Sprintf("reset reset-%d", latest))
			next := x.change(replica.KindSegment, "a")
			time.Sleep(time.Second)
			x.expect("and then what comes", next)
		})
	})
}

func TestWebhookIsToldAgainOnDemand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newExchange(t, 1000, wire.Webhook{Changes: []string{"segment"}})
		begin := x.Registry.replica.Sequence()
		a, b := x.change(replica.KindSegment, "a"), x.change(replica.KindSegment, "b")
		x.run(func() {
			time.Sleep(time.Second)
			x.expect("at first", a, b)
			if _, err := x.Registry.Replay(t.Context(), access.Actor{Name: "Ada"}, "newsroom", begin); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
			x.expect("again", a, b)
			if _, err := x.Registry.Replay(t.Context(), access.Actor{Name: "Ada"}, "newsroom", 1_000_000); !fault.Is(err,
				fault.Invalid) {
				t.Errorf("from a change that is not there: %v", err)
			}
			if p, err := x.Deliverer.Ping(t.Context(), "newsroom"); err != nil || p.Error != "" ||
				p.Status != http.StatusNoContent {
				t.Errorf("a test: %+v, %v", p, err)
			}
			if got := x.heard(); len(got) != 1 || got[0][:10] != "ping ping-" {
				t.Errorf("a test is %v", got)
			}
			if err := x.Registry.Delete(t.Context(), access.Actor{Name: "Ada"}, "newsroom", nil); err != nil {
				t.Fatal(err)
			}
			x.change(replica.KindSegment, "b")
			time.Sleep(time.Hour)
			x.expect("removed")
		})
	})
}

// A new secret is used at once, and the old one beside it for a day; neither is stored.
func TestSecretsAreRotatedAndNotStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newExchange(t, 1000, wire.Webhook{Changes: []string{"segment"}})
		var signedBy []string
		x.answers(func(m Message) (Reply, error) {
			signedBy = m.Secrets
			return Reply{Status: http.StatusOK}, nil
		})
		ping := func() []string {
			if _, err := x.Deliverer.Ping(t.Context(), "newsroom"); err != nil {
				t.Fatal(err)
			}
			return signedBy
		}
		before := ping()
		made, err := x.Registry.Rotate(t.Context(), access.Actor{Name: "Ada"}, "newsroom", nil)
		if err != nil || len(before) != 1 || made.Secret == before[0] {
			t.Fatal(made, err)
		}
		if got := ping(); !slices.Equal(got, []string{made.Secret, before[0]}) {
			t.Errorf("signed by %d secrets", len(got))
		}
		time.Sleep(25 * time.Hour)
		if got := ping(); !slices.Equal(got, []string{made.Secret}) {
			t.Errorf("a day later by %d secrets", len(got))
		}
		if shown, err := x.Registry.Get("newsroom"); err != nil || shown.Secret != "" {
			t.Errorf("it is shown again: %v", err)
		}
		d, err := x.store.Get(t.Context(), KindWebhook, "newsroom")
		if err != nil {
			t.Fatal(err)
		}
		var kept map[string]any
		if err := json.Unmarshal(d.Body, &kept); err != nil || kept["secret"] != nil {
			t.Errorf("%s, %v", d.Body, err)
		}
	})
}

// A webhook for a mistyped station would never receive its changes. A webhook that names a station deleted since stays
// unchanged.
func TestWebhookNamesStationsThatAreThere(t *testing.T) {
	x := newExchange(t, 1000, wire.Webhook{Changes: []string{"queue"}, Stations: []string{"gone"}})
	x.change(replica.KindStation, "harbour-dawn")
	check := func(stations ...string) []fault.Field {
		w, err := x.Registry.Get("newsroom")
		if err != nil {
			t.Fatal(err)
		}
		w.Stations = stations
		return fault.FieldsOf(x.Registry.Check(w))
	}
	if wrong := check("gone", "harbour-dawn"); len(wrong) > 0 {
		t.Errorf("stations that are there, or were named before: %v", wrong)
	}
	if wrong := check("harbour-dawn", "harbor-dawn"); len(wrong) != 1 || wrong[0].Field != "stations[1]" ||
		wrong[0].Message != `"harbor-dawn" does not exist: the stations are harbour-dawn` {
		t.Errorf("a mistyped station: %v", wrong)
	}
}
