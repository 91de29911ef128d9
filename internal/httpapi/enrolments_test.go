package httpapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"lifeline/internal/replica"
	"lifeline/internal/trust"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// ask sends v, or an envelope in JSON, and decodes the answer into out. It returns the status.
func (s *served) ask(token, method, path string, v, out any) int {
	s.t.Helper()
	body, envelope := v.([]byte)
	if !envelope {
		var err error
		body, err = json.Marshal(v)
		s.must(err)
	}
	r := httptest.NewRequestWithContext(s.t.Context(), method, path, strings.NewReader(string(body)))
	r.Header.Set("Content-Type", "application/json")
	if envelope {
		r.Header.Set("Content-Type", envelopeType)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	if w.Code >= 300 {
		s.t.Logf("%s %s: %d %s", method, path, w.Code, w.Body)
	} else if out != nil {
		s.must(json.Unmarshal(w.Body.Bytes(), out))
	}
	return w.Code
}

func (s *served) signed(by trust.StationIdentity, payloadType string, v any) []byte {
	s.t.Helper()
	payload, err := json.Marshal(v)
	s.must(err)
	envelope, err := by.Signer().Sign(payloadType, payload)
	s.must(err)
	return envelope
}

// A station's whole way: its code, its reports of any length, its recalls, and its end.
func TestAStationEnrolsSignsAndIsSeizedOverHTTP(t *testing.T) {
	s := newServed(t)
	keys, err := trust.NewStationIdentity()
	s.must(err)
	var code wire.EnrolmentCode
	if got := s.ask(s.token, http.MethodPost, "/v1/stations/s/enrolment", wire.NewEnrolment{}, &code); got != 201 ||
		len(code.Service.Keys) != 1 {
		t.Fatalf("%d %+v", got, code)
	}
	enrolment := func(code string) []byte {
		return s.signed(keys, wire.EnrolmentType, wire.Enrolment{Schema: wire.EnrolmentSchema, Code: code,
			Signing: keys.Signer().Public(), Recipient: keys.Recipient()})
	}
	var in wire.Enrolled
	if got := s.ask("", http.MethodPost, "/v1/enrolments", enrolment(code.Code), &in); got != 201 || in.Station != "s" ||
		!slices.Equal(in.Service.Keys, code.Service.Keys) {
		t.Fatalf("%d %+v", got, in)
	}

	var list wire.Recalls
	if got := s.ask(in.Token, http.MethodGet, "/v1/recalls", nil, &list); got != 200 {
		t.Fatal(got)
	}
	envelope, err := json.Marshal(list.Envelope)
	s.must(err)
	status := wire.SignedStatus{Schema: wire.StatusSchema, Station: "s", SignedAt: schedules.At(s.now),
		Status: wire.Status{RecallsSeen: list.Revision, RecallsProof: wire.RecallsProof("s", envelope),
			Problems: slices.Repeat([]string{strings.Repeat("the link broke ", 20)}, 20)}}
	const statuses = "/v1/stations/s/status"
	if got := s.ask(in.Token, http.MethodPost, statuses, s.signed(keys, wire.StatusType, status), nil); got != 204 {
		t.Errorf("a long status: %d", got)
	}
	var now wire.Status
	if got := s.ask(in.Token, http.MethodGet, statuses, nil, &now); got != 200 || now.RecallsSeen != list.Revision ||
		now.Enrolment != wire.EnrolledState || now.KeyID != in.KeyID || !now.SignedAt.Equal(s.now) {
		t.Errorf("%d %+v", got, now)
	}
	if got := s.ask(in.Token, http.MethodPost, statuses, wire.Status{}, nil); got != 409 {
		t.Errorf("an unsigned status: %d", got)
	}

	report := wire.SignedAsRun{Schema: wire.AsRunSchema, Station: "s"}
	for n := range 300 {
		report.Entries = append(report.Entries, schedules.AsRun{Sequence: int64(n + 1), ItemID: fmt.Sprint("i", n),
			SegmentID: "m1", StartedAt: schedules.At(s.now.Add(-time.Hour)), EndedAt: schedules.At(s.now.Add(-time.Minute)),
			Outcome: schedules.Aired, Detail: strings.Repeat("said ", 20)})
	}
	const reports = "/v1/stations/s/as-run"
	var results wire.AsRunResults
	if got := s.ask(in.Token, http.MethodPost, reports, s.signed(keys, wire.AsRunType, report), &results); got != 200 ||
		len(results.Results) != 300 || slices.ContainsFunc(results.Results, func(r wire.AsRunResult) bool {
		return r.Status != "accepted"
	}) {
		t.Errorf("a long report: %d %+v", got, results)
	}
	carried := json.RawMessage(s.signed(keys, wire.AsRunType, report)) // posted as plain JSON, as from a file
	if got := s.ask(s.token, http.MethodPost, reports, carried, &results); got != 200 ||
		results.Results[0].Status != "repeated" {
		t.Errorf("what was carried: %d %+v", got, results)
	}
	for what, bad := range map[string]any{"another schema": s.signed(keys, wire.AsRunType, status),
		"no JSON": []byte(`{"payloadType":"x","payload":"e30","signatures":[]}`)} {
		if got := s.ask(in.Token, http.MethodPost, reports, bad, nil); got != 422 && got != 400 {
			t.Errorf("%s: %d", what, got)
		}
	}

	var held wire.Seizure
	if got := s.ask(s.token, http.MethodPost, "/v1/stations/s/seized", wire.Reason{Reason: "raid"}, &held); got != 200 ||
		len(held.Tokens) != 1 || !slices.Equal(held.Keys, []string{in.KeyID}) || len(held.Segments) == 0 {
		t.Errorf("%d %+v", got, held)
	}
	if got := s.ask(in.Token, http.MethodGet, "/v1/stations/s/queue", nil, nil); got != 401 {
		t.Errorf("after the seizure its token: %d", got)
	}
	if got := s.ask(s.token, http.MethodPost, reports, carried, &results); got != 200 ||
		results.Results[0].Status != "rejected" {
		t.Errorf("after the seizure a report that its key signed: %d %+v", got, results.Results[0])
	}
	if row, _ := replica.DoubtsIn(s.parts.Replica).Get("s"); !slices.ContainsFunc(row.Value.Doubts,
		func(d replica.Doubt) bool { return d.Code == "seized_reports" }) {
		t.Errorf("the doubts are %+v", row.Value.Doubts)
	}
	if got := s.ask(s.token, http.MethodPost, "/v1/stations/s/enrolment", wire.NewEnrolment{}, &code); got != 201 {
		t.Fatalf("a new code: %d", got)
	}
	if got := s.ask("", http.MethodPost, "/v1/enrolments", enrolment(code.Code), nil); got != 409 {
		t.Errorf("the seized key enrols again: %d", got)
	}
	slowed := 0
	for range 2 * loginBurst {
		if s.ask("", http.MethodPost, "/v1/enrolments", enrolment("0000-0000-0000"), nil) == 429 {
			slowed++
		}
	}
	if slowed < loginBurst {
		t.Errorf("of those who guess %d are slowed down", slowed)
	}
}
