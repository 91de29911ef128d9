package httpapi

import (
	"net/http"
	"testing"

	"lifeline/internal/access"
	"lifeline/internal/store"
	"lifeline/internal/wire"
)

func TestRefusedRequestIsOnTheAuditWithItsReason(t *testing.T) {
	s := newServed(t)
	viewer, err := s.parts.Access.Create(t.Context(), access.System, access.NewToken{Name: "Mina", Role: access.Viewer})
	s.must(err)
	var p wire.Problem
	if status := s.ask(viewer.Secret, http.MethodGet, "/v1/audit", nil, &p); status != http.StatusForbidden {
		t.Fatalf("a viewer read the audit: %d", status)
	}
	if status := s.ask("stolen-and-ended", http.MethodGet, "/v1/segments", nil, &p); status != http.StatusUnauthorized {
		t.Fatalf("an unknown token was answered with %d", status)
	}
	records, _, err := s.parts.Logbook.Audit(t.Context(), store.AuditQuery{Limit: 2})
	s.must(err)
	for i, want := range []wire.AuditRecord{{ID: "GET /v1/segments"}, {ID: "GET /v1/audit", By: "Mina"}} {
		r := records[i]
		if r.Action != "request.refused" || r.ID != want.ID || r.By != want.By || r.Reason == "" || r.Remote == "" ||
			r.RequestID == "" || r.To != 0 {
			t.Errorf("the audit has %+v, want the refusal of %+v", r, want)
		}
	}
}
