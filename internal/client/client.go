package client

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"time"

	"lifeline/internal/fault"
	"lifeline/internal/wire"
)

// Client calls one service with one token. It is safe for concurrent use. Its calls are divided by use; a Client has
// them all.
type Client struct {
	*caller
	LibraryCalls
	PlanningCalls
	RecordCalls
	WebhookCalls
	AccessCalls
}

// LibraryCalls are about segments, their recordings, and the persons in them.
type LibraryCalls struct{ *caller }

// PlanningCalls are about the network and the days of its stations.
type PlanningCalls struct{ *caller }

// RecordCalls are about what aired, who changed what, and how stations stand.
type RecordCalls struct{ *caller }

// WebhookCalls are about webhooks.
type WebhookCalls struct{ *caller }

// AccessCalls are about tokens, and about the keys that stations make for themselves.
type AccessCalls struct{ *caller }

// New returns a Client for the service at base, such as "http://127.0.0.1:8080". The timeouts of each call come from
// its context.
func New(base, token string, h *http.Client) *Client {
	own := *h
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return clientOf(&caller{base: strings.TrimRight(base, "/"), token: token, http: &own, large: make(chan struct{}, 1),
		ends: new(atomic.Int64)})
}

func clientOf(c *caller) *Client {
	return &Client{c, LibraryCalls{c}, PlanningCalls{c}, RecordCalls{c}, WebhookCalls{c}, AccessCalls{c}}
}

// caller sends requests with a token, and turns answers that are failures into errors.
type caller struct {
	base     string
	token    string
	http     *http.Client
	patience *patience     // nil: every call is sent, regardless of earlier refusals
	large    chan struct{} // held while a large document is read
	confirm  func(what, link string)
	ends     *atomic.Int64 // when the server's certificate expires, in Unix seconds; 0: it has shown none
}

// CertificateEnds returns when the certificate that the server showed last expires; zero if it has shown none.
func (c *caller) CertificateEnds() time.Time {
	if ends := c.ends.Load(); ends != 0 {
		return time.Unix(ends, 0)
	}
	return time.Time{}
}

// tlsAlert is in the transport's error for a server that answers plain HTTP with an alert of TLS (RFC 8446, section
// 5.1: content type 21, version 3).
const tlsAlert = `malformed HTTP response "\x15\x03`

// Request is one call. A field with its zero value is omitted.
type Request struct {
	Method, Path string
	Body         any       // encoded as JSON, unless Stream is given
	Stream       io.Reader // sent unchanged, with ContentType
	Length       int64     // of Stream in bytes, if known
	ContentType  string
	Header       http.Header
	Most         int64 // maximum bytes of the response that Call reads; 0: maxBody
	Also         int   // a status other than 2xx whose response has the body that Call reads; 0: none
	Unpaced      bool  // the response may be silent for a long time
}

// Do sends the request and returns any 2xx or 304 response, and one of the status r.Also; the caller closes its body.
// For every other response it returns an error of the kind of the status, with the service's message. If the service is
// unreachable, the error is fault.Unavailable.
func (c *caller) Do(ctx context.Context, r Request) (*http.Response, error) {
	left, err := c.patience.enter()
	if err != nil {
		return nil, err
	}
	again := repeats(&r)
	resp, err := c.do(ctx, r)
	var asked unconfirmed
	if c.confirm != nil && errors.As(err, &asked) && asked.challenge.Link != "" {
		resp, err = c.confirmed(ctx, r, again, asked)
	}
	left(err)
	return resp, err
}

func (c *caller) do(ctx context.Context, r Request) (*http.Response, error) {
	body, contentType := r.Stream, r.ContentType
	if body == nil && r.Body != nil {
		b, err := json.Marshal(r.Body)
		if err != nil {
			return nil, fmt.Errorf("client: %s %s: %w", r.Method, r.Path, err)
		}
		body, contentType = bytes.NewReader(b), "application/json"
	}
	calling, cancel := context.WithCancelCause(ctx)
	req, err := http.NewRequestWithContext(calling, r.Method, c.base+r.Path, body)
	if err != nil {
		cancel(nil)
		return nil, fmt.Errorf("client: %s %s: %w", r.Method, r.Path, err)
	}
	for k, v := range r.Header {
		req.Header[k] = v
	}
	if r.Length > 0 {
		req.ContentLength = r.Length
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	zipped := acceptGzip(req)
	resp, err := c.http.Do(req)
	if err != nil {
		cancel(nil)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		var told *url.Error
		if errors.As(err, &told) {
			err = told.Err // the address precedes it
		}
		if why := untrusted(c.base, err, time.Now()); why != nil {
			return nil, fault.Lasting(why)
		}
		if strings.Contains(err.Error(), tlsAlert) {
			return nil, fault.Lasting(c.speaksTLS())
		}
		return nil, fault.Wrap(fault.Unavailable, err, "the service at %s cannot be reached", c.base)
	}
	if resp.TLS != nil && len(resp.TLS.PeerCertificates) > 0 {
		c.ends.Store(resp.TLS.PeerCertificates[0].NotAfter.Unix())
	}
	resp.Body = pace(resp.Body, cancel, r.Unpaced)
	if zipped {
		unzip(resp)
	}
	if resp.StatusCode/100 == 2 || resp.StatusCode == http.StatusNotModified ||
		resp.StatusCode == r.Also && strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json") {
		return resp, nil
	}
	defer resp.Body.Close()
	if to, err := resp.Location(); err == nil && resp.StatusCode/100 == 3 {
		return nil, fault.Lasting(c.redirected(to, r.Path))
	}
	err = c.problem(resp)
	if fault.Is(err, fault.Unauthenticated) {
		why := "does not accept the access token that was given"
		if c.token == "" {
			why = "wants an access token, and none was given"
		}
		return nil, fault.Wrap(fault.Unauthenticated, err, "the service at %s %s", c.base, why)
	}
	return nil, err
}

// redirected returns the error for a redirect to another address. The client does not follow it: a change would arrive
// as a GET request, and the other server would get the token.
func (c *caller) redirected(to *url.URL, path string) error {
	path, _, _ = strings.Cut(path, "?")
	to.User, to.RawQuery, to.Fragment = nil, "", ""
	address, whole := strings.CutSuffix(to.String(), path)
	address = short(address)
	if !whole {
		return fault.New(fault.Unavailable, "the server at %s redirects to %s, which is not the same path of a Lifeline "+
			"service: is the address right?", c.base, short(to.String()))
	}
	return fault.New(fault.Unavailable, "the server at %s redirects to %s: use that address", c.base, address)
}

// Call sends r and decodes a JSON response into out, unless out is nil. It returns the response's header.
func (c *caller) Call(ctx context.Context, r Request, out any) (http.Header, error) {
	resp, err := c.Do(ctx, r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusNoContent || resp.StatusCode == http.StatusNotModified {
		return resp.Header, nil
	}
	if t := resp.Header.Get("Content-Type"); strings.HasPrefix(t, "text/html") {
		return nil, fault.Lasting(fault.New(fault.Unavailable, "the server at %s answered with a page: it is not a "+
			"Lifeline service, or something before it asks to sign in", c.base))
	}
	if out == nil { // the service confirms only with 204; a page of a proxy does not
		return nil, fault.Lasting(c.notLifeline(resp))
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, cmp.Or(r.Most, maxBody))).Decode(out); err != nil {
		return nil, fmt.Errorf("client: %s %s: %w", r.Method, r.Path, err)
	}
	return resp.Header, nil
}

// problem decodes a problem document. Another body comes from a proxy before the service or from another server, and
// states nothing about the service: a page that is not found does not mean that a document does not exist.
func (c *caller) problem(resp *http.Response) error {
	var p wire.Problem
	b, _ := io.ReadAll(io.LimitReader(resp.Body, maxProblem))
	own := json.Unmarshal(b, &p) == nil && p.Title != ""
	kind := wire.KindOf(resp.StatusCode)
	switch {
	case own:
		if p.StepUp != nil {
			return unconfirmed{fault.New(kind, "%s", p.Detail), *p.StepUp}
		}
		return &fault.Error{Kind: kind, Public: cmp.Or(p.Detail, p.Title), Fields: p.Errors}
	// Without a body, or equivalent to the service's.
	case resp.Request.Method == http.MethodHead, kind == fault.Unauthenticated, kind == fault.TooMany,
		kind == fault.OutOfRange:
		return fault.New(kind, "%s", short(resp.Status))
	case kind == fault.TooLarge:
		return proxyRefusal{fault.New(kind, "a proxy before the service at %s accepts no body of this size: "+
			"raise its limit (in nginx: client_max_body_size)", c.base)}
	case kind == fault.Unavailable:
		return fault.New(kind, "the proxy at %s answers %s: it does not reach the service behind it", c.base,
			short(resp.Status))
	}
	err := c.notLifeline(resp)
	switch status := resp.StatusCode; {
	case status/100 == 5, status == http.StatusRequestTimeout, status == http.StatusTooEarly:
		return err // a proxy may answer so for a while
	case status == http.StatusBadRequest && secure.Match(b):
		err = c.speaksTLS()
	}
	return fault.Lasting(err)
}

// secure matches how servers (Go, nginx, Apache) refuse plain HTTP where they speak TLS.
var secure = regexp.MustCompile(`HTTP request to an HTTPS server|HTTP request was sent to HTTPS|speaking plain HTTP`)

// speaksTLS returns the error for a server that speaks TLS and was called without.
func (c *caller) speaksTLS() error {
	return fault.New(fault.Unavailable, "the server at %s takes no plain HTTP: write https://%s", c.base,
		strings.TrimPrefix(c.base, "http://"))
}

// notLifeline returns the error for a response that is not of a Lifeline service.
func (c *caller) notLifeline(resp *http.Response) error {
	return fault.New(fault.Unavailable, "the server at %s answers %s, and not as a Lifeline service does: is the "+
		"address right, and the path in it?", c.base, short(resp.Status))
}

// proxyRefusal is a refusal of the request body by a proxy before the service, which may accept a smaller one.
type proxyRefusal struct{ error }

func (b proxyRefusal) Unwrap() error { return b.error }

// Time returns the service's time.
func (c *caller) Time(ctx context.Context) (time.Time, error) {
	var t wire.Time
	_, err := c.Call(ctx, Request{Method: http.MethodGet, Path: wire.Base + "/time"}, &t)
	return t.Now.Time, err
}

// Ready returns what each part of the service says of itself, and whether the service is ready.
func (c *caller) Ready(ctx context.Context) (r wire.Readiness, ready bool, err error) {
	resp, err := c.Do(ctx, Request{Method: http.MethodGet, Path: "/readyz", Also: http.StatusServiceUnavailable})
	if err != nil {
		return r, false, err
	}
	defer resp.Body.Close()
	err = json.NewDecoder(io.LimitReader(resp.Body, maxProblem)).Decode(&r)
	if err != nil || len(r.Parts) == 0 {
		return r, false, fault.Lasting(c.notLifeline(resp))
	}
	return r, resp.StatusCode == http.StatusOK, nil
}
