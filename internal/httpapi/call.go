package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/fault"
	"lifeline/internal/httpapi/apidoc"
	"lifeline/internal/replica"
	"lifeline/internal/sign"
	"lifeline/internal/text"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// call is a request with its caller, and the means to answer it.
type call struct {
	w     http.ResponseWriter
	r     *http.Request
	actor access.Actor
	param func(name string) string // of the path
	print *print                   // of a request with an Idempotency-Key
	meter Meter
	most  int64      // bytes of a body that is read as a whole
	asked url.Values // of the address; nil until it is read

	stopping context.Context // ends when the service begins to stop

	valid context.Context // ends when the token does; nil without a token

	misread error // the error in asked

	held *held // the open requests of all callers

	stepUp *wire.PasskeyChallenge // of a request that must be confirmed
	sent   []byte                 // its body, if that is read as a whole

	noted string // what the audit says of a refusal in place of the answer; "": the same

	variant string // the part of the answer's ETags besides the revision
}

// longAnswer bounds the time of an answer whose work grows with the request: a report, plans of many days.
const longAnswer = 15 * time.Minute

// mayTakeLong extends the connection's write deadline, which otherwise counts from the request.
func (c *call) mayTakeLong() {
	// writers without deadlines need no extension
	http.NewResponseController(c.w).SetWriteDeadline(time.Now().Add(longAnswer))
}

// handler serves a call. A returned error becomes a problem document; the handler must not have written anything then.
type handler func(c *call) error

// The bounds of bodies besides apidoc.UsualBytes.
const (
	maxLarge = 8 << 20   // documents of many texts, reports of many airings
	maxSmall = 128 << 10 // reasons, statuses
)

// orStopped returns the reason why the service ended the request, if it did and err is not nil; else err.
func (c *call) orStopped(err error) error {
	if stopped := context.Cause(c.r.Context()); err != nil && fault.Is(stopped, fault.Unavailable) {
		return stopped
	}
	return err
}

// json answers with v.
func (c *call) json(status int, v any) error { return c.jsonAs("application/json", status, v) }

func (c *call) jsonAs(contentType string, status int, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("httpapi: encode %T: %w", v, err)
	}
	return c.bytes(status, contentType, append(b, '\n'))
}

// worthZipping is the minimum size of a body for compression.
const worthZipping = 1 << 10

// bytes answers with b, compressed if the caller accepts that.
func (c *call) bytes(status int, contentType string, b []byte) error {
	return c.text(status, contentType, replica.NewText(b))
}

// text is bytes for a text that is kept with its compressed form.
func (c *call) text(status int, contentType string, t replica.Text) error {
	h, b := c.w.Header(), t.Plain
	h.Set("Content-Type", contentType)
	if len(b) >= worthZipping {
		h.Add("Vary", "Accept-Encoding")
		if takesGzip(c.r) {
			zipped, err := t.Zipped()
			if err != nil {
				return err
			}
			h.Set("Content-Encoding", "gzip")
			b = zipped
		}
	}
	h.Set("Content-Length", strconv.Itoa(len(b)))
	c.w.WriteHeader(status)
	if c.r.Method != http.MethodHead {
		c.w.Write(b) // the client may be gone, which is no error of the service
	}
	return nil
}

// body reads a bounded body with one of the given media types, or without a media type.
func (c *call) body(types ...string) ([]byte, error) {
	if given := mediaType(c.r); given != "" {
		ok := false
		for _, t := range types {
			ok = ok || given == t
		}
		if !ok {
			return nil, fault.New(fault.Unsupported, "send %s, not %s", strings.Join(types, " or "), given)
		}
	}
	if e := c.r.Header.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		return nil, fault.New(fault.Unsupported, "send the body without a content encoding, not as %s", e)
	}
	return c.read()
}

// read reads a bounded body.
func (c *call) read() ([]byte, error) {
	var body bytes.Buffer
	if n := c.r.ContentLength; n > 0 && n <= c.most {
		body.Grow(int(n) + bytes.MinRead) // ReadFrom grows it otherwise, to more than twice its length
	}
	_, err := body.ReadFrom(http.MaxBytesReader(c.w, c.r.Body, c.most))
	b := body.Bytes()
	var over *http.MaxBytesError
	if errors.As(err, &over) {
		said := "the body is larger than " + apidoc.SizeOf(over.Limit)
		if n := c.r.ContentLength; n > 0 {
			said += fmt.Sprintf(": it has %d bytes", n)
		}
		return nil, fault.New(fault.TooLarge, "%s", said)
	}
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "the body did not arrive completely: send it again")
	}
	return b, nil
}

// decode reads a JSON body into v, strictly.
func (c *call) decode(v any) error {
	b, err := c.body("application/json", "application/merge-patch+json")
	if err != nil {
		return err
	}
	return decodeStrict(b, v)
}

// signedOr reads the body as a DSSE envelope whose payload has a schema, into signed, or as plain JSON, into plain. It
// returns the envelope, whose signature it does not check, or nil.
func (c *call) signedOr(schema string, signed, plain any) (envelope []byte, err error) {
	b, err := c.body("application/json", envelopeType)
	if err != nil {
		return nil, err
	}
	var probe struct {
		PayloadType *string `json:"payloadType"`
	}
	if err := json.Unmarshal(b, &probe); err != nil || probe.PayloadType == nil && mediaType(c.r) != envelopeType {
		return nil, decodeStrict(b, plain)
	}
	if err := decodeStrict(b, &wire.Envelope{}); err != nil {
		return nil, err
	}
	payload, err := sign.Payload(b)
	if err != nil {
		return nil, fault.Fields(fault.Field{Field: "payload", Message: "is no base64"})
	}
	var head struct {
		Schema string `json:"schema"`
	}
	if err := json.Unmarshal(payload, &head); err != nil || head.Schema != schema {
		return nil, fault.Fields(fault.Field{Field: "payload", Message: "must be JSON of the schema " + schema})
	}
	return b, decodeStrict(payload, signed)
}

// mediaType is the media type of the body in lower case; "": none is given.
func mediaType(r *http.Request) string {
	given, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	return strings.ToLower(strings.TrimSpace(given))
}

// envelope reads the body as a DSSE envelope in JSON, whose signature it does not check.
func (c *call) envelope() ([]byte, error) {
	b, err := c.body(envelopeType)
	if err != nil {
		return nil, err
	}
	return b, decodeStrict(b, &wire.Envelope{})
}

// decodeOptional is decode for an optional body.
func (c *call) decodeOptional(v any) error {
	if c.r.ContentLength == 0 {
		return nil
	}
	return c.decode(v)
}

// query returns the query parameters.
func (c *call) query() query {
	if c.asked == nil {
		c.asked, c.misread = asked(c.r.URL.RawQuery)
	}
	return query{c.asked}
}

// checkQuery returns what is wrong with the query's texts.
func (c *call) checkQuery() error {
	c.query()
	return c.misread
}

// station returns the path's station.
func (c *call) station() string { return c.param("station") }

// date returns the path's broadcast day.
func (c *call) date() (schedules.Date, error) {
	d, err := schedules.ParseDate(c.param("date"))
	if err != nil {
		return d, fault.Fields(fault.Field{Field: "date", Message: err.Error()})
	}
	return d, nil
}

// label returns a part of the path in the form in which labels are stored.
func (c *call) label(name string) string {
	kept, err := text.Label(c.param(name))
	if err != nil {
		return c.param(name) // no such label exists
	}
	return kept
}

// ifMatch returns the revision in If-Match; nil without one, or for *.
func (c *call) ifMatch() (*int64, error) {
	h := c.r.Header.Get("If-Match")
	if h == "" {
		return nil, nil
	}
	if h == "*" {
		return nil, nil // *: any revision
	}
	n, err := strconv.ParseInt(strings.Trim(h, `"`), 10, 64)
	if err != nil {
		return nil, fault.New(fault.Stale, "If-Match must be the latest revision, as in the ETag, such as \"4\"")
	}
	return &n, nil
}

// mustMatch is ifMatch for changes that require a revision.
func (c *call) mustMatch() (*int64, error) {
	n, err := c.ifMatch()
	if err == nil && c.r.Header.Get("If-Match") == "" {
		return nil, fault.New(fault.Unconditional, "send If-Match with the revision that your change starts from, so "+
			"that it does not overwrite another change")
	}
	return n, err
}

// startingFrom returns the revision from which a change of a document starts, whether the document exists or not.
func (c *call) startingFrom(exists bool) (*int64, error) {
	if exists {
		return c.mustMatch()
	}
	revision, err := c.ifMatch()
	if err == nil && c.r.Header.Get("If-Match") == "*" {
		return nil, fault.New(fault.Stale, "the resource does not exist, so no revision can match")
	}
	if revision == nil {
		revision = new(int64)
	}
	return revision, err
}

// setTag sets the ETag of an answer that is given in full.
func setTag(c *call, revision int64) {
	c.w.Header().Set("ETag", `"`+strconv.FormatInt(revision, 10)+c.variant+`"`)
}

// tag sets the ETag. If the caller has that revision, it answers 304 and returns true.
func (c *call) tag(revision int64) (notModified bool) {
	setTag(c, revision)
	if c.r.Method != http.MethodGet && c.r.Method != http.MethodHead {
		return false
	}
	if slices.Contains(c.knownAll(), revision) || c.r.Header.Get("If-None-Match") == "*" {
		c.w.WriteHeader(http.StatusNotModified)
		return true
	}
	return false
}

// knownAll returns the revisions in If-None-Match that belong to the requested variant.
func (c *call) knownAll() []int64 {
	var out []int64
	for t := range strings.SplitSeq(c.r.Header.Get("If-None-Match"), ",") {
		t = strings.Trim(strings.TrimPrefix(strings.TrimSpace(t), "W/"), `"`)
		revision, ok := strings.CutSuffix(t, c.variant)
		if n, err := strconv.ParseInt(revision, 10, 64); ok && err == nil {
			out = append(out, n)
		}
	}
	return out
}

// resource answers with a revisioned resource, or returns err.
func resource(c *call, v any, revision int64, err error) error {
	if err != nil {
		return err
	}
	if c.tag(revision) {
		return nil
	}
	return c.json(http.StatusOK, v)
}

// patience returns a context for a wait of at most limit. It ends with the call, and when the service begins to stop.
func (c *call) patience(limit time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(c.r.Context(), limit)
	release := context.AfterFunc(c.stopping, cancel)
	return ctx, func() {
		release()
		cancel()
	}
}
