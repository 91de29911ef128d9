package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"lifeline/internal/fault"
	"lifeline/internal/wire"
)

// If the service stops during a request for many days, the result names the reason for each day that was not done, and
// the finished days are kept.
func TestDaysThatAStoppingServiceDidNotPlanSayWhy(t *testing.T) {
	s := newServed(t)
	ctx, end := context.WithCancelCause(t.Context())
	s.store.committed = func() { end(fault.New(fault.Unavailable, "the service is stopping")) } // after the first day
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/v1/plan",
		strings.NewReader(`{"stations":["s"],"dates":["2026-12-02","2026-12-03","2026-12-04"],"seed":1}`))
	r.Header.Set("Authorization", "Bearer "+s.token)
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	var results struct{ Items []wire.ManyResult }
	s.must(json.Unmarshal(w.Body.Bytes(), &results))
	if w.Code != http.StatusOK || len(results.Items) != 3 || results.Items[0].Problem != nil {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	for _, m := range results.Items[1:] {
		if m.Problem == nil || m.Problem.Status != http.StatusServiceUnavailable ||
			m.Problem.Detail != "the service is stopping" {
			t.Errorf("%s: %+v", m.Date, m.Problem)
		}
	}
}
