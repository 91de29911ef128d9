package httpapi

import (
	"net/http"

	"lifeline/internal/console"
	"lifeline/internal/openapi"
	"lifeline/internal/wire"
)

func everybodyOperations() []operation {
	return []operation{
		{at: "GET /v1/me", id: "getMe", tag: forEverybody, summary: "Who the token says is asking, and what it opens",
			detail: "For programs that offer only what would be allowed.",
			answers: []answer{gives(http.StatusOK, "Its holder.", wire.Me{Name: "Hana", Role: "producer",
				May: []string{"approveSegment", "uploadSegment"}})}},
		{at: "GET /healthz", id: "getHealth", tag: forEverybody, summary: "Whether the service is alive",
			answers: []answer{gives(http.StatusOK, "It is.", wire.Health{Status: "alive"})}},
		{at: "GET /readyz", id: "getReadiness", tag: forEverybody, summary: "Whether store, audio and workers can be " +
			"reached, and whether there is room",
			detail: "While room is short, uploads and then other changes are refused, but what is urgent is not: the service " +
				"is still ready, and says what is short.",
			answers: []answer{gives(http.StatusOK, "All of them.", wire.Readiness{Parts: map[string]string{"store": "ready",
				"audio": "ready", "workers": "ready", "room": "ready"}}),
				gives(http.StatusServiceUnavailable, "Not all of them.",
					wire.Readiness{Parts: map[string]string{"store": "out of reach", "audio": "ready", "workers": "ready",
						"room": "ready"}})}},
		{at: "GET /metrics", id: "getMetrics", tag: forEverybody, summary: "Figures for Prometheus",
			answers: []answer{givesBytes("text/plain", http.StatusOK, "The text format.")},
			faults:  map[int]string{http.StatusNotFound: "They are served at an address of their own."}},
		{at: "GET /openapi.json", id: "getOpenAPI", tag: forEverybody, summary: "This document",
			answers: []answer{gives(http.StatusOK, "OpenAPI 3.1.", map[string]any{})}},
		{at: "GET /docs", id: "getDocs", tag: forEverybody, summary: "This document, to read",
			answers: []answer{givesBytes("text/html; charset=utf-8", http.StatusOK, "A page without scripts.")}},
		{at: "GET /", id: "getConsole", tag: forEverybody, summary: "The console: a page for people to work with",
			answers: []answer{givesBytes("text/html; charset=utf-8", http.StatusOK, "The page.", "ETag"),
				givesNothing(http.StatusNotModified, "The caller has it already.", "ETag")}},
		{at: "GET " + console.Root + ":build/:asset", id: "getConsoleAsset", tag: forEverybody,
			summary: "A file of the console",
			detail:  "It never changes under its name.",
			answers: []answer{{http.StatusOK, "The file.", []form{{mediaType: "text/javascript", schema: openapi.String()},
				{mediaType: "text/css", schema: openapi.String()},
				{mediaType: "image/svg+xml", schema: openapi.String()}}, []string{"ETag"}}, givesNothing(http.StatusNotModified,
				"The caller has it already.", "ETag")}},
	}
}
