// Package client is the typed HTTP client of the API: the player, the command line and the end-to-end tests speak
// through it.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"lifeline/internal/fault"
	"lifeline/internal/wire"
)

// maxBody bounds every JSON answer that is read into memory.
const maxBody = 64 << 20

// Client speaks to one service with one token. It is safe for concurrent use.
type Client struct {
	base  string
	token string
	http  *http.Client
}

// New speaks to the service at base, such as "http://127.0.0.1:8080". The timeouts of each call are its context's.
func New(base, token string, h *http.Client) *Client {
	own := *h
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Client{strings.TrimRight(base, "/"), token, &own}
}

// Request is one call. The zero value of a field leaves it out.
type Request struct {
	Method, Path string
	Body         any       // encoded as JSON, unless Stream is given
	Stream       io.Reader // sent as it is, with ContentType
	Length       int64     // of Stream in bytes, where it is known
	ContentType  string
	Header       http.Header
}

// Do sends the call and answers any 2xx or 304 response, whose body the caller closes. Every other answer is an error
// of the kind that its status stands for, with the service's own words; a service out of reach is fault.Unavailable.
func (c *Client) Do(ctx context.Context, r Request) (*http.Response, error) {
	body, contentType := r.Stream, r.ContentType
	if body == nil && r.Body != nil {
		b, err := json.Marshal(r.Body)
		if err != nil {
			return nil, fmt.Errorf("client: %s %s: %w", r.Method, r.Path, err)
		}
		body, contentType = bytes.NewReader(b), "application/json"
	}
	req, err := http.NewRequestWithContext(ctx, r.Method, c.base+r.Path, body)
	if err != nil {
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
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		var told *url.Error
		if errors.As(err, &told) {
			err = told.Err // the address stands before it
		}
		return nil, fault.Wrap(fault.Unavailable, err, "the service at %s cannot be reached", c.base)
	}
	if zipped {
		unzip(resp)
	}
	if resp.StatusCode/100 == 2 || resp.StatusCode == http.StatusNotModified {
		return resp, nil
	}
	defer resp.Body.Close()
	if to, err := resp.Location(); err == nil && resp.StatusCode/100 == 3 {
		return nil, c.elsewhere(to, r.Path)
	}
	err = problem(resp)
	if fault.Is(err, fault.Unauthenticated) {
		why := "does not accept the access token that was given"
		if c.token == "" {
			why = "wants an access token, and none was given"
		}
		return nil, fault.Wrap(fault.Unauthenticated, err, "the service at %s %s", c.base, why)
	}
	return nil, err
}

// elsewhere says that the service is at another address. The client does not go there by itself: a change would arrive
// as a question, and the token at whoever is there.
func (c *Client) elsewhere(to *url.URL, path string) error {
	path, _, _ = strings.Cut(path, "?")
	to.User, to.RawQuery, to.Fragment = nil, "", ""
	address, whole := strings.CutSuffix(to.String(), path)
	if !whole {
		return fault.New(fault.Unavailable, "the server at %s redirects to %s, which is not the same path of a Lifeline service: is the address right?", c.base, to)
	}
	return fault.New(fault.Unavailable, "the server at %s redirects to %s: use that address", c.base, address)
}

// Call sends r and decodes a JSON answer into out, unless out is nil. It answers the response's header.
func (c *Client) Call(ctx context.Context, r Request, out any) (http.Header, error) {
	resp, err := c.Do(ctx, r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if out == nil || resp.StatusCode == http.StatusNoContent || resp.StatusCode == http.StatusNotModified {
		return resp.Header, nil
	}
	if t := resp.Header.Get("Content-Type"); strings.HasPrefix(t, "text/html") {
		return nil, fault.New(fault.Unavailable, "the server at %s answered with a page: it is not a Lifeline service, or something before it asks to sign in", c.base)
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxBody)).Decode(out); err != nil {
		return nil, fmt.Errorf("client: %s %s: %w", r.Method, r.Path, err)
	}
	return resp.Header, nil
}

// problem reads a problem document; what is none (a proxy's page) is told by its status.
func problem(resp *http.Response) error {
	var p wire.Problem
	b, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if json.Unmarshal(b, &p) != nil || p.Title == "" {
		p = wire.Problem{Detail: resp.Status}
	}
	if p.Detail == "" {
		p.Detail = p.Title
	}
	return &fault.Error{Kind: wire.KindOf(resp.StatusCode), Public: p.Detail, Fields: p.Errors}
}

// Time asks the service for its time.
func (c *Client) Time(ctx context.Context) (time.Time, error) {
	var t wire.Time
	_, err := c.Call(ctx, Request{Method: http.MethodGet, Path: wire.Base + "/time"}, &t)
	return t.Now.Time, err
}
