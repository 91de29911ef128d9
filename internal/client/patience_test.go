package client

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"lifeline/internal/fault"
	"lifeline/internal/wire"
)

// refusing is a transport without a network: it refuses the token while refuse is set.
type refusing struct {
	refuse atomic.Bool
	down   atomic.Bool
	calls  atomic.Int64
}

func (r *refusing) RoundTrip(req *http.Request) (*http.Response, error) {
	r.calls.Add(1)
	w := httptest.NewRecorder()
	switch {
	case r.down.Load():
		w.WriteHeader(http.StatusBadGateway)
	case r.refuse.Load():
		w.WriteHeader(http.StatusUnauthorized)
	default:
		w.WriteHeader(http.StatusNoContent)
	}
	resp := w.Result()
	resp.Request = req
	return resp, nil
}

func TestAPatientClientWhoseTokenIsRefusedAsksEverMoreSeldomAndAtOnceAgainWhenItWorks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		service := &refusing{}
		service.refuse.Store(true)
		c := New("http://service", "token", &http.Client{Transport: service}).Patient()
		call := func() error {
			_, err := c.Call(t.Context(), Request{Method: http.MethodGet, Path: wire.Base + "/recalls"}, nil)
			return err
		}
		asked := func(long time.Duration) int64 {
			before := service.calls.Load()
			for end := time.Now().Add(long); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
				for range 3 {
					if err := call(); !fault.Is(err, fault.Unauthenticated) && !service.down.Load() {
						t.Fatalf("a refused token is told as %v", err)
					}
				}
			}
			return service.calls.Load() - before
		}
		first, later := asked(time.Minute), asked(10*time.Minute)
		if first < 4 || first > 12 || later < 10 || later > 25 {
			t.Errorf("it asked %d times in the first minute and %d times in ten more", first, later)
		}
		accepted := c.Accepted()
		service.down.Store(true) // an unreachable service does not affect the refusal
		if n := asked(10 * time.Minute); n > 25 {
			t.Errorf("it asked %d times while nobody answered", n)
		}
		service.down.Store(false)
		service.refuse.Store(false)
		for deadline := time.Now().Add(patienceMost); call() != nil && time.Now().Before(deadline); {
			time.Sleep(100 * time.Millisecond)
		}
		select {
		case <-accepted:
		default:
			t.Error("nobody is told that the token is accepted")
		}
		before := service.calls.Load()
		for range 50 {
			if err := call(); err != nil {
				t.Fatal(err)
			}
		}
		if n := service.calls.Load() - before; n != 50 {
			t.Errorf("%d of 50 calls went to a service that accepts the token", n)
		}
	})
}

func TestAClientThatIsNotPatientAsksEachTime(t *testing.T) {
	service := &refusing{}
	service.refuse.Store(true)
	c := New("http://service", "token", &http.Client{Transport: service})
	for range 5 {
		if _, err := c.Call(t.Context(), Request{Method: http.MethodGet, Path: "/"}, nil); err == nil {
			t.Fatal("it is accepted")
		}
	}
	if n := service.calls.Load(); n != 5 || c.Accepted() != nil {
		t.Errorf("%d of 5 calls went out", n)
	}
}
