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
	"lifeline/schedules"
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

func TestARequestForTooManyDaysIsRefusedBeforeAnyIsPlanned(t *testing.T) {
	s := newServed(t)
	var dates []string
	for n := range wire.MostDays + 1 {
		dates = append(dates, schedules.Date{Year: 2027, Month: 1, Day: 1}.AddDays(n).String())
	}
	s.store.committed = func() { t.Error("something was planned") }
	body, err := json.Marshal(map[string]any{"stations": []string{"s"}, "dates": dates, "seed": 1})
	s.must(err)
	for _, path := range []string{"/v1/plan", "/v1/publish"} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(string(body)))
		r.Header.Set("Authorization", "Bearer "+s.token)
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, r)
		if w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), "request fewer at once") {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}

func TestADayThatIsPublishedAlreadyIsAnsweredAsUnchanged(t *testing.T) {
	s := newServed(t)
	send := func(path, dates string) (out []wire.ManyResult) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(`{"stations":["s"],"seed":1,`+
			`"dates":[`+dates+`]}`))
		r.Header.Set("Authorization", "Bearer "+s.token)
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, r)
		var results struct{ Items []wire.ManyResult }
		s.must(json.Unmarshal(w.Body.Bytes(), &results))
		for _, m := range results.Items {
			if m.Problem != nil {
				t.Fatalf("%s: %s", path, w.Body)
			}
		}
		return results.Items
	}
	const first, both = `"2026-12-02"`, `"2026-12-02","2026-12-03"`
	if planned := send("/v1/plan", both); planned[0].Unchanged || planned[1].Unchanged {
		t.Errorf("planned: %+v", planned)
	}
	published := send("/v1/publish", first)
	again := send("/v1/publish", both)
	if published[0].Unchanged || !again[0].Unchanged || again[1].Unchanged || again[0].Revision != published[0].Revision {
		t.Errorf("published: %+v, again, with another day: %+v", published, again)
	}
}
