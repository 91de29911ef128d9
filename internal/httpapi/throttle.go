package httpapi

import (
	"context"
	"math"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"lifeline/internal/fault"
)

// pace says how long a caller must wait; 0 lets it pass, and counts it.
type pace interface {
	wait(ctx context.Context, caller string, now time.Time) time.Duration
}

// throttle lets each of many callers do so much in so much time. The zero throttle lets everything pass.
type throttle struct {
	limit   rate.Limit
	burst   int
	mu      sync.Mutex
	buckets map[string]*rate.Limiter
}

// maxBuckets bounds the callers that are remembered. Those that have been quiet are forgotten first.
const maxBuckets = 50_000

func newThrottle(perSecond float64, burst int) *throttle {
	return &throttle{limit: rate.Limit(perSecond), burst: burst, buckets: map[string]*rate.Limiter{}}
}

func (t *throttle) wait(_ context.Context, caller string, now time.Time) time.Duration {
	if t.limit <= 0 {
		return 0
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	b, ok := t.buckets[caller]
	if !ok {
		if len(t.buckets) >= maxBuckets {
			t.forget(now)
		}
		b = rate.NewLimiter(t.limit, t.burst)
		t.buckets[caller] = b
	}
	r := b.ReserveN(now, 1)
	d := r.DelayFrom(now)
	if d > 0 {
		r.CancelAt(now)
	}
	return d
}

// forget drops the callers whose buckets are full again; should all be busy, all: nobody is kept out by that.
func (t *throttle) forget(now time.Time) {
	for caller, b := range t.buckets {
		if b.TokensAt(now) >= float64(t.burst) {
			delete(t.buckets, caller)
		}
	}
	if len(t.buckets) >= maxBuckets {
		clear(t.buckets)
	}
}

// Failed logins: so many at once, and then one every so often, from one address.
const (
	loginBurst = 20
	loginEvery = 3 * time.Second
)

// slowDown fails with TooMany, and says when to try again, while a caller is too fast.
func (a *api) slowDown(c *call, p pace, caller, what string) error {
	d := p.wait(c.r.Context(), caller, a.Now())
	if d <= 0 {
		return nil
	}
	seconds := int(math.Ceil(d.Seconds()))
	c.w.Header().Set("Retry-After", strconv.Itoa(seconds))
	return fault.New(fault.TooMany, "%s: try again in %d s", what, seconds)
}

// addressOf is where a request comes from: an IPv4 address, or the network of an IPv6 one, of which a caller has as
// many as it likes.
func addressOf(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	ip, err := netip.ParseAddr(host)
	if err != nil || ip.Unmap().Is4() {
		return host
	}
	network, err := ip.WithZone("").Prefix(64)
	if err != nil {
		return host
	}
	return network.String()
}
