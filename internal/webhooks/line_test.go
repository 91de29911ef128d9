package webhooks

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/replica"
	"lifeline/internal/wire"
)

func TestAnAlarmIsSentBeforeWhatWaitsAtTheReceiver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newExchange(t, 1000, wire.Webhook{Changes: []string{"segment", "alarm"}})
		var want []string
		for i := range 50 {
			want = append(want, x.change(replica.KindSegment, fmt.Sprint("s", i)))
		}
		x.Registry.poster = poster(func(ctx context.Context, m Message) (Reply, error) { // a slow receiver
			time.Sleep(300 * time.Millisecond)
			return x.receiver.Post(ctx, m)
		})
		x.run(func() {
			time.Sleep(2 * time.Second)
			synctest.Wait()
			before := x.heard()
			alarm := x.change(kindUrgent, "theft")
			time.Sleep(700 * time.Millisecond)
			synctest.Wait()
			got := x.heard()
			if at := slices.Index(got, alarm); len(before) == 0 || at < 0 || at > 1 { // one was being sent
				t.Errorf("after %d it heard %v", len(before), got)
			}
			time.Sleep(time.Minute)
			got = slices.Concat(before, got, x.heard())
			if got = slices.DeleteFunc(got, func(d string) bool { return d == alarm }); !slices.Equal(got, want) {
				t.Errorf("beside the alarm it heard %v", got)
			}
		})
	})
}

func TestAnAlarmIsTriedAtOnceThoughTheReceiverFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newExchange(t, 1000, wire.Webhook{Changes: []string{"segment", "alarm"}})
		first := x.change(replica.KindSegment, "a")
		x.answers(failing(500, 0))
		x.run(func() {
			time.Sleep(24 * time.Hour)
			synctest.Wait()
			tries := len(x.tries)
			x.change(kindUrgent, "unheard")
			time.Sleep(time.Second)
			synctest.Wait()
			if len(x.tries) != tries+1 {
				t.Errorf("a new alarm was tried %d times in a second", len(x.tries)-tries)
			}
			x.answers(nil)
			second := x.change(kindUrgent, "theft")
			time.Sleep(time.Second)
			synctest.Wait()
			got := x.heard()
			if len(got) != 3 || got[1] != second || got[2] != first {
				t.Errorf("it heard %v, want the alarms and then %s", got, first)
			}
		})
	})
}

func TestAnAlarmWaitsForNoOtherWebhook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newExchange(t, 1000, wire.Webhook{Changes: []string{"alarm"}})
		var hung atomic.Int64
		for i := range maxWebhooks - 1 {
			if _, err := x.Registry.Put(t.Context(), access.Actor{Name: "Ada"}, wire.Webhook{ID: fmt.Sprint("hung-", i),
				URL: "https://hung.example/", Changes: []string{"segment"}, Enabled: true}, nil); err != nil {
				t.Fatal(err)
			}
		}
		x.Registry.poster = poster(func(ctx context.Context, m Message) (Reply, error) {
			if m.URL != "https://hung.example/" {
				return x.receiver.Post(ctx, m)
			}
			hung.Add(1)
			<-ctx.Done()
			return Reply{}, ctx.Err()
		})
		x.run(func() {
			x.change(replica.KindSegment, "a")
			time.Sleep(time.Second)
			alarm := x.change(kindUrgent, "theft")
			time.Sleep(100 * time.Millisecond)
			x.expect(fmt.Sprint("beside ", hung.Load(), " that hang"), alarm)
		})
	})
}

// poster is a function that posts.
type poster func(context.Context, Message) (Reply, error)

func (p poster) Post(ctx context.Context, m Message) (Reply, error) { return p(ctx, m) }

func (p poster) Check(*url.URL) error { return nil }
