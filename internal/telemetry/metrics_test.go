package telemetry

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"lifeline/internal/record"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

func TestOpenMetricsNameNoStationAndNoWebhook(t *testing.T) {
	f := NewFigures()
	waits := func() map[string]time.Duration { return map[string]time.Duration{"newsroom": time.Second} }
	f.Census(func() record.Census {
		return record.Census{Segments: map[schedules.State]int{schedules.Approved: 3},
			Stations: []wire.Status{{Station: "harbour-dawn"}},
			Problems: map[string]map[string]int{"harbour-dawn": {"no_fallback": 1}}}
	}, waits, waits, func() map[string]time.Duration { return map[string]time.Duration{"repair": 0} })
	said := func(h http.Handler) string {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
		return w.Body.String()
	}
	for _, name := range []string{"harbour-dawn", "newsroom", "go_build_info"} {
		if !strings.Contains(said(f.Handler()), name) {
			t.Errorf("the metrics do not name %s", name)
		}
		if strings.Contains(said(f.OpenHandler()), name) {
			t.Errorf("the open metrics name %s", name)
		}
	}
	if open := said(f.OpenHandler()); !strings.Contains(open, `lifeline_segments{state="approved"} 3`) ||
		!strings.Contains(open, "go_goroutines") {
		t.Errorf("the open metrics: %s", open)
	}
}
