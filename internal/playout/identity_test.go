package playout

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"lifeline/internal/client"
	"lifeline/internal/fault"
	"lifeline/internal/playout/spool"
	"lifeline/internal/playout/statedir"
	"lifeline/internal/sign"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// enroller answers enrolments for the station harbour.
type enroller struct {
	t    *testing.T
	lose bool             // the answer is lost on the way
	got  []wire.Enrolment // what came
}

func (e *enroller) RoundTrip(r *http.Request) (*http.Response, error) {
	var envelope json.RawMessage
	if err := json.NewDecoder(r.Body).Decode(&envelope); err != nil {
		e.t.Fatal(err)
	}
	payload, err := sign.Payload(envelope)
	if err != nil {
		e.t.Fatal(err)
	}
	var in wire.Enrolment
	if err := json.Unmarshal(payload, &in); err != nil {
		e.t.Fatal(err)
	}
	if _, err := sign.Verify(envelope, wire.EnrolmentType, in.Signing); err != nil {
		e.t.Errorf("the new key did not sign: %v", err)
	}
	e.got = append(e.got, in)
	if e.lose {
		return nil, http.ErrServerClosed
	}
	b, err := json.Marshal(wire.Enrolled{Station: "harbour", KeyID: sign.KeyID(in.Signing), Token: "lifeline_a_b"})
	if err != nil {
		e.t.Fatal(err)
	}
	return &http.Response{StatusCode: http.StatusCreated, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(bytes.NewReader(b)), Request: r}, nil
}

func TestAStationKeepsTheKeysThatItEnrolledThroughALostAnswer(t *testing.T) {
	dir := t.TempDir()
	state, err := statedir.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer state.Close()
	if id, err := LoadIdentity(state); id != nil || err != nil {
		t.Errorf("before the enrolment: %+v, %v", id, err)
	}
	service := &enroller{t: t, lose: true}
	enrol := func(code, station string) error {
		_, err := Enrol(t.Context(), state, client.New("http://service", "", &http.Client{Transport: service}), code, station,
			time.Unix(0, 0))
		return err
	}
	if err := enrol("7K3F-9QXT-M2WB", ""); err == nil {
		t.Error("a lost answer is an enrolment")
	}
	if id, err := LoadIdentity(state); id != nil || err != nil {
		t.Errorf("after a lost answer: %+v, %v", id, err)
	}
	service.lose = false
	if err := enrol("7K3F-9QXT-M2WB", ""); err != nil {
		t.Fatal(err)
	}
	lost, kept := service.got[0], service.got[1]
	if sign.KeyID(lost.Signing) != sign.KeyID(kept.Signing) || lost.Recipient != kept.Recipient {
		t.Error("the keys of the lost answer were thrown away")
	}
	id, err := LoadIdentity(state)
	if err != nil || id == nil || id.Station != "harbour" || id.Token != "lifeline_a_b" ||
		id.Signer().KeyID() != sign.KeyID(service.got[1].Signing) {
		t.Fatalf("%+v, %v", id, err)
	}
	for _, name := range statedir.Twice(identityName) {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, enrollingName)); err == nil {
		t.Error("the code stays in the directory")
	}

	if err := enrol("7K3F-9QXT-AAAA", ""); err != nil || service.got[2].Station != "harbour" ||
		sign.KeyID(service.got[2].Signing) == sign.KeyID(service.got[1].Signing) {
		t.Errorf("another code is sent as %+v, %v", service.got[2], err)
	}
	if err := state.For("shed"); !fault.Is(err, fault.Conflict) {
		t.Errorf("a player of another station takes the directory: %v", err)
	}
	if err := enrol("7K3F-9QXT-AAAA", "lantern"); !fault.Is(err, fault.Conflict) || len(service.got) != 3 {
		t.Errorf("the code is sent for another station: %v", err)
	}
}

func TestAPlayerThatStartsAfterItsEnrolmentHasLostNothing(t *testing.T) {
	dir := t.TempDir()
	state, err := statedir.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer state.Close()
	now := time.Unix(1e9, 0)
	api := client.New("http://service", "", &http.Client{Transport: &enroller{t: t}})
	for _, code := range []string{"7K3F-9QXT-M2WB", "8K3F-9QXT-M2WB"} {
		if _, err := Enrol(t.Context(), state, api, code, "", now); err != nil {
			t.Fatal(err)
		}
	}
	s, err := spool.Open(state, now.Unix(), func(format string, args ...any) { t.Errorf(format, args...) })
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil || s.Lost() != "" {
		t.Errorf("lost %q, %v", s.Lost(), err)
	}
}

func TestWhatIsCarriedToTheServiceIsInReportsThatItTakes(t *testing.T) {
	entries := make([]schedules.AsRun, 2*wire.MostAsRun+1)
	for i := range entries {
		entries[i] = schedules.AsRun{Sequence: int64(i + 1), Detail: strings.Repeat("a", 2*mostTold)}
	}
	bodies, err := reportsOf(nil, entries)
	if err != nil {
		t.Fatal(err)
	}
	var got []int
	next := int64(1)
	for _, body := range bodies {
		var r wire.AsRunReport
		if err := json.Unmarshal(body, &r); err != nil {
			t.Fatal(err)
		}
		got = append(got, len(r.Entries))
		for _, e := range r.Entries {
			if e.Sequence != next || len([]rune(e.Detail)) > mostTold {
				t.Fatalf("entry %d in place of %d, with a detail of %d bytes", e.Sequence, next, len(e.Detail))
			}
			next++
		}
	}
	if !slices.Equal(got, []int{wire.MostAsRun, wire.MostAsRun, 1}) {
		t.Errorf("reports of %v entries", got)
	}
}

func TestADamagedIdentityIsReadFromItsOtherCopyOrToldOf(t *testing.T) {
	dir := t.TempDir()
	state, err := statedir.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer state.Close()
	if _, err := Enrol(t.Context(), state, client.New("http://service", "", &http.Client{Transport: &enroller{t: t}}),
		"7K3F-9QXT-M2WB", "harbour", time.Unix(0, 0)); err != nil {
		t.Fatal(err)
	}
	names := statedir.Twice(identityName)
	for i, name := range names {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(`{"station":"harbour"`), 0o600); err != nil {
			t.Fatal(err)
		}
		if id, err := LoadIdentity(state); (err == nil) != (i == 0) || (id != nil) != (i == 0) {
			t.Errorf("with %d damaged copies: %+v, %v", i+1, id, err)
		}
	}
}

// An enrolled station signs what it reports over the link and what is carried, each for its purpose and in order.
func TestReportsOfAnEnrolledStationAreSignedForTheirPurpose(t *testing.T) {
	state, err := statedir.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer state.Close()
	api := client.New("http://service", "", &http.Client{Transport: &enroller{t: t}})
	if _, err := Enrol(t.Context(), state, api, "7K3F-9QXT-M2WB", "harbour", time.Unix(0, 0)); err != nil {
		t.Fatal(err)
	}
	id, err := LoadIdentity(state)
	if err != nil {
		t.Fatal(err)
	}
	log, err := spool.Open(state, 1, t.Logf)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := log.Append(schedules.AsRun{SegmentID: "a", Outcome: schedules.Skipped}, false); err != nil {
		t.Fatal(err)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	opened := func(envelope []byte, payloadType string, v any) {
		t.Helper()
		payload, err := sign.Verify(envelope, payloadType, id.Signer().Public())
		if err == nil {
			err = json.Unmarshal(payload, v)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	bodies, n, err := Unreported(state)
	if err != nil || n != 1 || len(bodies) != 1 {
		t.Fatal(n, err)
	}
	var carried wire.SignedAsRun
	opened(bodies[0], wire.AsRunType, &carried)
	if carried.Schema != wire.AsRunSchema || carried.Station != "harbour" || len(carried.Entries) != 1 ||
		carried.Entries[0].SegmentID != "a" {
		t.Errorf("carried is %+v", carried)
	}

	var sent [][]byte
	take := roundTrip(func(r *http.Request) (*http.Response, error) {
		b, err := io.ReadAll(r.Body)
		sent = append(sent, b)
		return &http.Response{StatusCode: http.StatusNoContent, Header: http.Header{}, Body: http.NoBody, Request: r}, err
	})
	api = client.New("http://service", "", &http.Client{Transport: take})
	now := time.Unix(1000, 0)
	r := &Reporter{service: api.Station("harbour"), identity: id, now: func() time.Time { return now }}
	last := schedules.Instant{}
	for n, step := range []time.Duration{0, time.Minute, -time.Minute, 0} {
		now = now.Add(step)
		if err := r.send(t.Context(), wire.Status{PlayerVersion: "1"}); err != nil {
			t.Fatal(err)
		}
		var status wire.SignedStatus
		opened(sent[n], wire.StatusType, &status)
		if status.Station != "harbour" || status.Status.PlayerVersion != "1" || !status.SignedAt.After(last.Time) {
			t.Errorf("status %d is %+v, after %s", n, status, last)
		}
		last = status.SignedAt
	}
	now = now.Add(-24 * time.Hour) // the clock was far ahead: the signature says what it is now
	if err := r.send(t.Context(), wire.Status{}); err != nil || !r.signed.Equal(now) {
		t.Errorf("signed at %s, %v", r.signed, err)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// The cure of a refused token is another token, or another enrolment where the station has keys of its own: an enrolled
// station's reports by a token alone do not count, and a seized one gets no token.
func TestTheCureOfARefusedTokenIsEnrolmentWhereTheStationIsEnrolled(t *testing.T) {
	for identity, words := range map[*Identity][]string{
		nil:          {"lifeline token create", "--token-file"},
		{Token: "t"}: {"lifeline station enrol harbour", "playout enrol"},
	} {
		r := &Reporter{station: "harbour", identity: identity, problems: NewProblems(time.Now, slog.New(slog.DiscardHandler))}
		r.answered(fault.New(fault.Unauthenticated, "the service does not accept the access token"))
		told := strings.Join(r.problems.Alarms(), "\n")
		for _, word := range words {
			if !strings.Contains(told, word) {
				t.Errorf("the alarm does not say %q: %s", word, told)
			}
		}
	}
}
