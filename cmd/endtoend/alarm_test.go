package endtoend

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"lifeline/internal/access"
	"lifeline/internal/client"
	"lifeline/internal/harness/longform"
	"lifeline/internal/wire"
)

// The alarm of a mass recall reaches a webhook within a second of the answer to the fifth recall: while the service has
// nothing else to do, while twenty other receivers hang, and while it is also busy. LIFELINE_PROVE=alarm measures each
// 50 times.
func TestAlarmOfAMassRecallReachesAWebhookWithinASecond(t *testing.T) {
	longform.Only(t)
	rounds, bound := 1, time.Minute // the order is held without a clock by the tests of package webhooks
	if proving("alarm") {
		rounds, bound = 50, time.Second
	}
	c := serveDefaults(furnish(t))
	c.Webhooks = []string{"127.0.0.0/8"}
	stolen := tokenOf(t, c, access.NewToken{Name: "Thief", Role: access.Producer})
	p := startProcess(t, c, adminOf(t, c))
	defer p.kill(t)
	newsroom, alarms := hearAlarms(t)
	hook := func(id, url string, changes ...string) {
		t.Helper()
		if _, err := p.client.PutWebhook(t.Context(), wire.Webhook{ID: id, URL: url, Enabled: true,
			Changes: changes}); err != nil {
			t.Fatal(err)
		}
	}
	hook("newsroom", newsroom, append(slices.Clone(toldInTests), "alarm")...)
	thief := client.New(p.url, stolen, &http.Client{})

	measure := func(how string) {
		var waits []time.Duration
		for range rounds {
			for len(alarms) > 0 {
				<-alarms
			}
			var answered time.Time
			for _, id := range []string{"news-ko", "commentary-ko", "names-ko", "news-en", "commentary-cmn-door"} {
				if _, err := thief.Act(t.Context(), id, "recall", "x"); err != nil {
					t.Fatal(err)
				}
				answered = time.Now()
			}
			select {
			case at := <-alarms:
				waits = append(waits, at.Sub(answered))
			case <-time.After(time.Minute):
				t.Fatalf("%s: no alarm in a minute", how)
			}
			if _, err := p.client.UndoRecalls(t.Context(), wire.RecallsOf{By: "Thief", Reason: "x"}); err != nil {
				t.Fatal(err)
			}
		}
		slices.Sort(waits)
		t.Logf("%s: %d alarms, half within %s, all within %s", how, rounds, waits[len(waits)/2], waits[len(waits)-1])
		if waits[len(waits)-1] > bound {
			t.Errorf("%s: an alarm came after %s", how, waits[len(waits)-1])
		}
	}
	measure("idle")
	if !proving("alarm") {
		return
	}
	var hanging atomic.Int64
	ended := make(chan struct{})
	hung := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		hanging.Add(1)
		<-ended
	}))
	defer hung.Close()
	defer close(ended)
	for i := range 20 {
		hook(fmt.Sprint("hung-", i), hung.URL, append(slices.Clone(toldInTests), "alarm")...)
	}
	measure("beside 20 receivers that hang")
	busy, stop := context.WithCancel(t.Context())
	var work errgroup.Group
	var done atomic.Int64
	for worker := range 4 {
		work.Go(func() error {
			l := newLedger()
			for n := worker*100_000 + 1; busy.Err() == nil; n++ {
				if err := uploadWork(busy, p.client, l, n); err != nil && busy.Err() == nil {
					return err
				}
				done.Add(1)
			}
			return nil
		})
	}
	measure("and busy")
	stop()
	if err := work.Wait(); err != nil {
		t.Error(err)
	}
	t.Logf("%d requests hung, %d uploads beside them", hanging.Load(), done.Load())
}

// hearAlarms returns the address of a receiver of webhooks, and when each alarm arrives there.
func hearAlarms(t *testing.T) (address string, alarms chan time.Time) {
	t.Helper()
	alarms = make(chan time.Time, 100)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		at := time.Now()
		var d wire.Delivery
		if err := json.NewDecoder(r.Body).Decode(&d); err == nil && d.Type == "alarm" {
			alarms <- at
		}
	}))
	t.Cleanup(receiver.Close)
	return receiver.URL, alarms
}
