package httpapi

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"testing"

	"lifeline/internal/access"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// revisionOf returns the revision of a segment as If-Match has it, and its state.
func (c *browserTab) revisionOf(id string) (string, schedules.State) {
	c.t.Helper()
	s, err := c.parts.Library.Segments.Get(id)
	c.must(err)
	return fmt.Sprintf("%q", fmt.Sprint(s.Revision)), s.State
}

// confirming sends a request, which must be confirmed, and sends it again with the confirmation.
func (c *browserTab) confirming(what, method, path string, body any,
	headers map[string]string) *httptest.ResponseRecorder {
	c.t.Helper()
	asked := c.does(method, path, body, headers)
	var p wire.Problem
	c.into(asked, &p)
	if asked.Code != http.StatusForbidden || p.StepUp == nil {
		c.t.Fatalf("%s is done without a confirmation: %d %s", what, asked.Code, asked.Body)
	}
	again := maps.Clone(headers)
	if again == nil {
		again = map[string]string{}
	}
	again[wire.AssertionHeader] = c.device.Header(c.t, *p.StepUp)
	return c.does(method, path, body, again)
}

// sum returns the SHA-256 of a body as it is sent, in hexadecimal and as Repr-Digest has it.
func sum(t *testing.T, body any) (hexadecimal, digest string) {
	b, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:]), "sha-256=:" + base64.StdEncoding.EncodeToString(s[:]) + ":"
}

func tusOf(pairs ...string) map[string]string {
	text := ""
	for i := 0; i < len(pairs); i += 2 {
		text += pairs[i] + " " + base64.StdEncoding.EncodeToString([]byte(pairs[i+1])) + ","
	}
	return map[string]string{"Tus-Resumable": wire.TusVersion, "Upload-Length": "9",
		"Upload-Metadata": text[:len(text)-1], "Content-Type": ""}
}

func TestASessionConfirmsTheEditOfAnApprovedSegmentAndOfNoOther(t *testing.T) {
	c := newServed(t).signedIn("sora", "producer")
	is, _ := c.revisionOf("m2")
	path, language := wire.Segment("m2"), map[string]any{"language": "en"}
	c.says("of a past revision", c.does("PATCH", path, language, map[string]string{"If-Match": `"1"`}),
		http.StatusPreconditionFailed, "")
	c.says("of no revision", c.does("PATCH", path, language, nil), http.StatusPreconditionRequired, "")
	c.says("confirmed", c.confirming("an edit", "PATCH", path, language, map[string]string{"If-Match": is}),
		http.StatusOK, `"state":"pending"`)
	c.confirming("an edit of any revision", "PATCH", path, map[string]any{"title": "a"},
		map[string]string{"If-Match": "*"})
	is, _ = c.revisionOf("m2")
	c.says("of a pending segment", c.does("PATCH", path, map[string]any{"title": "b"}, map[string]string{"If-Match": is}),
		http.StatusOK, "")
	c.says("of none", c.does("PATCH", wire.Segment("none"), language, map[string]string{"If-Match": "*"}),
		http.StatusNotFound, "")
	s := c.served
	is, _ = c.revisionOf("m4")
	w := s.do("PATCH", wire.Segment("m4"), `{"title":"by a machine"}`, "If-Match", is)
	c.says("a token", w, http.StatusOK, "by a machine")
}

func TestASessionConfirmsTheVeryRecordingThatReplacesAnApprovedOne(t *testing.T) {
	c := newServed(t).signedIn("sora", "producer")
	is, _ := c.revisionOf("m2")
	path := wire.Segment("m2", "audio")
	_, digest := sum(t, "another sound")
	with := func(digest string) map[string]string {
		return map[string]string{"Content-Type": "audio/mpeg", "If-Match": is, digestHeader: digest}
	}
	c.says("without its hash", c.does("PUT", path, "another sound", with("")), http.StatusUnprocessableEntity,
		"must have the SHA-256")
	c.says("with what is no hash", c.does("PUT", path, "another sound", with("sha-256=:x:")),
		http.StatusUnprocessableEntity, digestHeader)
	c.says("other bytes", c.confirming("a recording", "PUT", path, "bytes of a thief", with(digest)),
		http.StatusUnprocessableEntity, "bytes that arrived")
	if now, state := c.revisionOf("m2"); now != is || state != schedules.Approved {
		t.Fatalf("m2 is %s at %s", state, now)
	}
	c.says("confirmed", c.confirming("a recording", "PUT", path, "another sound", with(digest)), http.StatusOK,
		`"state":"pending"`)
	is, _ = c.revisionOf("m2")
	c.says("of a pending segment", c.does("PUT", path, "a third sound", with("")), http.StatusOK, "")
}

func TestASessionConfirmsAnUploadInPiecesThatReplacesAnApprovedRecording(t *testing.T) {
	c := newServed(t).signedIn("sora", "producer")
	is, _ := c.revisionOf("m2")
	hash, digest := sum(t, "another sound")
	h := tusOf("replaces", "m2")
	h["If-Match"] = is
	c.says("without its hash", c.does("POST", wire.Uploads(), nil, h), http.StatusUnprocessableEntity,
		"must have the SHA-256")
	h = tusOf("replaces", "m2", "sha256", hash)
	h["If-Match"] = is
	asked := c.does("POST", wire.Uploads(), nil, h)
	c.says("in words", asked, http.StatusForbidden, "confirm by your passkey: replace the recording of a segment")
	c.says("confirmed", c.confirming("an upload", "POST", wire.Uploads(), nil, h), http.StatusCreated, "")
	var p wire.Problem
	c.into(asked, &p)
	c.says("the same act in one piece", c.does("PUT", wire.Segment("m2", "audio"), "another sound", map[string]string{
		"Content-Type": "audio/mpeg", "If-Match": is, digestHeader: digest,
		wire.AssertionHeader: c.device.Header(t, *p.StepUp)}), http.StatusOK, "")
	h["If-Match"], _ = c.revisionOf("m2")
	c.says("of a pending segment", c.does("POST", wire.Uploads(), nil, h), http.StatusCreated, "")
	h["If-Match"] = "*"
	c.says("of any revision", c.confirming("an upload", "POST", wire.Uploads(), nil, h), http.StatusPreconditionRequired,
		"not with *")
	c.says("of a new segment", c.does("POST", wire.Uploads(), nil, tusOf("kind", "music", "title", "x", "language",
		"zxx")), http.StatusCreated, "")
}

func TestASessionConfirmsAScriptThatApprovedSegmentsRead(t *testing.T) {
	c := newServed(t).signedIn("sora", "producer")
	script, err := c.parts.Scheduler.Network.Script("appeal")
	c.must(err)
	ruth := access.Actor{Name: "Ruth", Role: access.Admin}
	put := func() *httptest.ResponseRecorder {
		script.Title += "!"
		return c.does("PUT", "/v1/scripts/appeal", script, map[string]string{"If-Match": fmt.Sprintf("%q",
			fmt.Sprint(script.Revision))})
	}
	c.says("that nobody reads", put(), http.StatusOK, "")
	script.Revision++
	_, err = c.parts.Library.Segments.Edit(t.Context(), access.System, "m2", nil, func(s *schedules.Segment) {
		s.Kind, s.Persons = "reading", nil
		s.Script = &schedules.ScriptRef{ID: "appeal", Version: script.Versions[0].Version, Passages: []int{1}}
	})
	c.must(err)
	c.says("that a pending segment reads", put(), http.StatusOK, "")
	script.Revision++
	_, err = c.parts.Library.Approvals.Approve(t.Context(), ruth, "m2", nil, "")
	c.must(err)
	c.says("that an approved segment reads", put(), http.StatusForbidden, "step-up-required")
}

func TestASessionConfirmsTheEndOfSessionsOfOthersAndNotOfItsOwn(t *testing.T) {
	s := newServed(t)
	c, other := s.signedIn("sora", "admin"), s.signedIn("ruth-2", "producer")
	var theirs, own wire.Page[wire.Session]
	c.into(other.does("GET", "/v1/sessions", nil, nil), &theirs)
	c.into(c.does("GET", "/v1/sessions", nil, nil), &own)
	at := func(p wire.Page[wire.Session]) string { return "/v1/sessions/" + p.Items[0].ID }
	other.says("by who may not", other.does("DELETE", at(own), nil, nil), http.StatusNotFound, "")
	c.says("without a confirmation", c.does("DELETE", at(theirs), nil, nil), http.StatusForbidden, "step-up-required")
	other.says("it goes on", other.does("GET", "/v1/me", nil, nil), http.StatusOK, "")
	c.says("confirmed", c.confirming("the end", "DELETE", at(theirs), nil, nil), http.StatusNoContent, "")
	c.says("their own", c.does("DELETE", at(own), nil, nil), http.StatusNoContent, "")
}

// Who signs in by the identity provider alone does none of these, and all that harms nobody.
func TestASignInByTheProviderAloneTakesNothingOffTheAir(t *testing.T) {
	s := newServed(t)
	there := s.providing()
	s.linked("dora", there, "admin")
	other := s.signedIn("sora", "producer")
	var theirs wire.Page[wire.Session]
	other.into(other.does("GET", "/v1/sessions", nil, nil), &theirs)
	c := &browserTab{served: s}
	c.says("the sign-in", c.enters(there), http.StatusCreated, "")
	is, _ := c.revisionOf("m2")
	hash, digest := sum(t, "another sound")
	upload := tusOf("replaces", "m2", "sha256", hash)
	upload["If-Match"] = is
	const none = "must be confirmed by passkey, and you have none"
	c.says("an edit", c.does("PATCH", wire.Segment("m2"), map[string]any{"language": "en"},
		map[string]string{"If-Match": is}), http.StatusConflict, none)
	c.says("a recording", c.does("PUT", wire.Segment("m2", "audio"), "another sound", map[string]string{"If-Match": is,
		"Content-Type": "audio/mpeg", digestHeader: digest}), http.StatusConflict, none)
	c.says("an upload", c.does("POST", wire.Uploads(), nil, upload), http.StatusConflict, none)
	c.says("another's session", c.does("DELETE", "/v1/sessions/"+theirs.Items[0].ID, nil, nil), http.StatusConflict, none)
	if now, state := c.revisionOf("m2"); now != is || state != schedules.Approved {
		t.Errorf("m2 is %s at %s", state, now)
	}
	c.says("a new segment", c.does("POST", wire.Uploads(), nil, tusOf("kind", "music", "title", "x", "language", "zxx")),
		http.StatusCreated, "")
	var own wire.Page[wire.Session]
	c.into(c.does("GET", "/v1/sessions", nil, nil), &own)
	c.says("their own session", c.does("DELETE", "/v1/sessions/"+own.Items[0].ID, nil, nil), http.StatusNoContent, "")
}
