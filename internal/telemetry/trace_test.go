package telemetry

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
)

func TestCollectorThatRefusesABatchIsAnError(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	defer server.Close()
	err := collector(server.URL+"/v1/traces").UploadTraces(t.Context(), []*tracepb.ResourceSpans{{SchemaUrl: "x"}})
	if err == nil || !strings.Contains(err.Error(), "503 Service Unavailable") {
		t.Errorf("the error is %v", err)
	}
}
