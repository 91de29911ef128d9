package httpapi

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"lifeline/internal/access"
)

func TestStreamsOfATokenAreBoundedAndEndWithIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServed(t)
		var stop context.CancelFunc
		s.parts.Stopping, stop = context.WithCancel(t.Context())
		defer stop()
		s.handler = New(s.parts)
		viewer, err := s.parts.Access.Create(t.Context(), access.System, access.NewToken{Name: "Anna", Role: access.Viewer})
		s.must(err)
		ask := func(ctx context.Context, secret string) *httptest.ResponseRecorder {
			r := httptest.NewRequest(http.MethodGet, "/v1/changes", nil).WithContext(ctx)
			r.Header.Set("Authorization", "Bearer "+secret)
			w := httptest.NewRecorder()
			s.handler.ServeHTTP(w, r)
			return w
		}
		var streams sync.WaitGroup
		one, leave := context.WithCancel(t.Context())
		defer leave()
		streams.Go(func() { ask(one, viewer.Secret) })
		for range aStream.most - 1 {
			streams.Go(func() {
				if w := ask(t.Context(), viewer.Secret); w.Code != http.StatusOK {
					t.Error(w.Code, w.Body)
				}
			})
		}
		synctest.Wait()
		if w := ask(t.Context(), viewer.Secret); w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") == "" {
			t.Error("one more than the bound:", w.Code, w.Body)
		}
		leave()
		synctest.Wait()
		streams.Go(func() { ask(t.Context(), viewer.Secret) })
		synctest.Wait()
		other, leaveOther := context.WithCancel(t.Context())
		var others sync.WaitGroup
		others.Go(func() {
			if w := ask(other, s.token); w.Code != http.StatusOK {
				t.Error("another token:", w.Code, w.Body)
			}
		})
		synctest.Wait()
		s.must(s.parts.Access.Revoke(t.Context(), access.System, viewer.ID))
		begun := time.Now()
		streams.Wait()
		if took := time.Since(begun); took > 2*validEvery {
			t.Error("the streams went on after the token was revoked, for", took)
		}
		leaveOther()
		others.Wait()
	})
}
