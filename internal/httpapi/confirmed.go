package httpapi

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"

	"lifeline/internal/access"
	"lifeline/internal/access/signin"
	"lifeline/internal/fault"
	"lifeline/internal/library"
	"lifeline/internal/openapi"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// stepUps has persons who are signed in confirm what counts.
type stepUps struct{ *Parts }

// confirmed fails with Unconfirmed unless the person of a session has just confirmed this very request by passkey, or
// it is harmless.
func (a stepUps) confirmed(c *call, r route) error {
	if c.actor.Session == "" || !r.Confirmed {
		return nil
	}
	if !r.Streams() {
		body, err := c.read() // before it is asked what the request would change: a body may come slowly
		if err != nil {
			return err
		}
		c.sent = body
		c.r.Body, c.r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	}
	if a.harmless(c, r) {
		return nil
	}
	act, err := actOf(c, r)
	if err != nil {
		return err
	}
	if given := c.r.Header.Get(wire.AssertionHeader); given != "" {
		var in wire.Assertion
		b, err := base64.StdEncoding.DecodeString(given)
		if err != nil || json.Unmarshal(b, &in) != nil {
			return fault.Fields(fault.Field{Field: wire.AssertionHeader, Message: "must be JSON in base64"})
		}
		err = a.SignIn.Confirm(c.r.Context(), c.actor, act, in)
		if !fault.Is(err, fault.Unconfirmed) {
			return err
		}
		return a.unconfirmed(c, act, err)
	}
	if given := c.r.Header.Get(wire.ConfirmedHeader); given != "" {
		challenge, err := base64.StdEncoding.DecodeString(given)
		if err != nil {
			return fault.Fields(fault.Field{Field: wire.ConfirmedHeader, Message: "must be a challenge in base64"})
		}
		err = a.SignIn.Confirmed(c.r.Context(), c.actor, act, challenge)
		if !fault.Is(err, fault.Unconfirmed) {
			return err
		}
		return a.unconfirmed(c, act, err)
	}
	what := r.Summary
	if act.Operation == replaceAudio {
		what = replacesRecording
	}
	return a.unconfirmed(c, act, fault.New(fault.Unconfirmed, "confirm by your passkey: %s",
		strings.ToLower(what[:1])+what[1:]))
}

// unconfirmed has the answer say how to confirm the act.
func (a stepUps) unconfirmed(c *call, act signin.Act, why error) error {
	request, err := a.SignIn.AskToConfirm(c.actor, act)
	if err != nil {
		return err
	}
	c.stepUp = &request
	return why
}

// harmless reports whether a request needs no confirmation, though others of its operation do: a dry run, the end of a
// session of one's own, and what changes no approved segment.
func (a stepUps) harmless(c *call, r route) bool {
	switch r.ID {
	case "endSession":
		return c.actor.Role != access.Admin || slices.ContainsFunc(a.SignIn.Sessions(c.actor), func(own wire.Session) bool {
			return own.ID == c.param("session")
		})
	case "editSegment", replaceAudio:
		return a.spares(c, c.param("segment"))
	case "startUpload":
		id := replaced(c.r)
		return id == "" || a.spares(c, id)
	case "putScript":
		read, _ := a.Library.Segments.List(library.SegmentFilter{Script: c.param("script"), State: schedules.Approved,
			Limit: 1})
		return len(read) == 0
	}
	if !slices.ContainsFunc(r.Query, func(p openapi.Parameter) bool { return p.Name == dryRunParameter.Name }) {
		return false
	}
	dry, err := c.query().flag(dryRunParameter.Name)
	return err == nil && dry
}

// spares reports whether a request changes no approved segment: the revision in If-Match is that of a segment which is
// not approved, or is past, so that the request will fail. Where If-Match names none, any revision may be changed.
func (a stepUps) spares(c *call, id string) bool {
	s, err := a.Library.Segments.Get(id)
	if err != nil {
		return true
	}
	revision, err := c.ifMatch()
	if err != nil || c.r.Header.Get("If-Match") == "" {
		return true
	}
	return revision != nil && (*revision < s.Revision || *revision == s.Revision && s.State != schedules.Approved)
}

// replaced returns the segment whose recording an upload in chunks is to replace; "": none.
func replaced(r *http.Request) string {
	given, err := metadata(r.Header.Get("Upload-Metadata"))
	if err != nil {
		return ""
	}
	return given["replaces"]
}

// replaceAudio is the operation, in whose words both ways to replace a recording are confirmed.
const (
	replaceAudio      = "replaceAudio"
	replacesRecording = "Replace the recording of a segment"
)

// actOf returns what a request does, in the form that its person confirms. Both ways to replace a recording are one
// act, which is bound to the hash of the new one: its bytes come later.
func actOf(c *call, r route) (signin.Act, error) {
	act := signin.Act{Operation: r.ID, Method: c.r.Method, Path: c.r.URL.RequestURI(), IfMatch: c.r.Header.Get("If-Match"),
		Body: c.sent}
	var field, id, hash string
	switch r.ID {
	case "startUpload":
		given, err := metadata(c.r.Header.Get("Upload-Metadata"))
		if err != nil {
			return act, err
		}
		field, id, hash = "Upload-Metadata", given["replaces"], strings.ToLower(given["sha256"])
	case replaceAudio:
		given, err := digestOf(c.r)
		if err != nil {
			return act, err
		}
		field, id, hash = digestHeader, c.param("segment"), given
	default:
		return act, nil
	}
	if !hashForm.MatchString(hash) {
		return act, fault.Fields(fault.Field{Field: field, Message: "must have the SHA-256 of the new recording, which a " +
			"session confirms where the segment is approved"})
	}
	return signin.Act{Operation: replaceAudio, Method: http.MethodPut, Path: wire.Segment(id, "audio"),
		IfMatch: act.IfMatch, Body: []byte(hash)}, nil
}

// digestHeader has the hash of a recording (RFC 9530).
const digestHeader = "Repr-Digest"

// digestParameter describes that header of a request.
var digestParameter = openapi.Parameter{Name: digestHeader, In: "header", Schema: openapi.String(),
	Description: "SHA-256 of the recording (RFC 9530). Other bytes are refused. A session must send it to replace the " +
		"recording of an approved segment.",
	Example: "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:"}

// digestOf returns the SHA-256 that a request announces, in hexadecimal; "": none.
func digestOf(r *http.Request) (string, error) {
	given := r.Header.Get(digestHeader)
	if given == "" {
		return "", nil
	}
	text, ok := strings.CutPrefix(given, "sha-256=:")
	text, ends := strings.CutSuffix(text, ":")
	sum, err := base64.StdEncoding.DecodeString(text)
	if !ok || !ends || err != nil || len(sum) != 32 {
		return "", fault.Fields(fault.Field{Field: digestHeader, Message: "must be a SHA-256 such as " +
			digestParameter.Example.(string)})
	}
	return hex.EncodeToString(sum), nil
}

// approvedConfirmed says, for the document, when an operation on a segment must be confirmed.
const approvedConfirmed = " A session must confirm it only where the segment is approved."
