package httpapi

import (
	"context"
	"math"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"lifeline/internal/fault"
)

// pace returns how long a caller must wait; 0 counts the request and lets it pass.
type pace interface {
	wait(ctx context.Context, caller string, now time.Time) time.Duration
}

// throttle limits each caller to a burst and a rate. The zero throttle does not limit.
type throttle struct {
	limit   rate.Limit
	burst   int
	mu      sync.Mutex
	buckets map[string]*rate.Limiter
}

// maxBuckets bounds the number of callers in memory. The least active are forgotten first.
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

// forget drops callers with full buckets. If too many remain, it drops all: that keeps nobody out.
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

// Failed logins from one address: a burst, then one per interval.
const (
	loginBurst = 20
	loginEvery = 3 * time.Second
)

// limitPace fails with TooMany, with the time of the next try, if a caller exceeds the pace.
func (a *api) limitPace(c *call, p pace, caller, what string) error {
	d := p.wait(c.r.Context(), caller, a.Now())
	if d <= 0 {
		return nil
	}
	seconds := int(math.Ceil(d.Seconds()))
	c.w.Header().Set("Retry-After", strconv.Itoa(seconds))
	return fault.New(fault.TooMany, "%s: try again in %d s", what, seconds)
}

// addressOf returns the caller's IPv4 address, or the /64 network of its IPv6 address, since a caller can use any
// address in its network.
func (o outside) addressOf(r *http.Request) string {
	host := o.remoteOf(r)
	ip, err := netip.ParseAddr(host)
	if err != nil || ip.Is4() {
		return host
	}
	network, err := ip.WithZone("").Prefix(64)
	if err != nil {
		return host
	}
	return network.String()
}
