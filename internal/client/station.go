package client

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"lifeline/internal/fault"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// Station contains the calls that one station's player uses.
type Station struct {
	client *Client
	id     string
}

// Station returns the calls for the station id.
func (c *Client) Station(id string) *Station { return &Station{c, id} }

// Accepted returns the channel Client.Accepted of its client.
func (s *Station) Accepted() <-chan struct{} { return s.client.Accepted() }

// Document is the unverified bytes of a signed document and its tag for the next request. Without Bytes, it has not
// changed since the tag that was sent.
type Document struct {
	Bytes []byte
	ETag  string
}

// Queue fetches the envelope of a day's queue, or of the current day if date is zero. With a tag and a wait, the
// service holds the call until there is a change. It fails with NotFound if no queue is published.
func (s *Station) Queue(ctx context.Context, date schedules.Date, tag string, wait time.Duration) (Document, error) {
	query := ""
	if !date.IsZero() {
		query = "date=" + date.String()
	}
	return s.document(ctx, wire.Station(s.id, "queue.dsse"), query, tag, wait, wire.MostQueueBytes)
}

// Fallback fetches the envelope of the station's fallback.
func (s *Station) Fallback(ctx context.Context, tag string) (Document, error) {
	return s.document(ctx, wire.Station(s.id, "fallback.dsse"), "", tag, 0, wire.MostFallbackBytes)
}

// Lease fetches the envelope of a new lease for sensitive segments. The lease contains the nonce.
func (s *Station) Lease(ctx context.Context, nonce string) (Document, error) {
	return s.document(ctx, wire.Station(s.id, "lease.dsse"), "nonce="+url.QueryEscape(nonce), "", 0,
		wire.MostLeaseBytes)
}

// Freshness fetches the envelope of a wire.Freshness that contains the nonce.
func (s *Station) Freshness(ctx context.Context, nonce string) (Document, error) {
	return s.document(ctx, wire.Station(s.id, "freshness.dsse"), "nonce="+url.QueryEscape(nonce), "", 0,
		wire.MostFreshnessBytes)
}

// Receipts fetches the envelope of the station's wire.Receipts. It fails with NotFound if there are none.
func (s *Station) Receipts(ctx context.Context) (Document, error) {
	return s.document(ctx, wire.Station(s.id, "receipts.dsse"), "", "", 0, wire.MostReceiptsBytes)
}

// MirrorList fetches the envelope of the station's wire.MirrorList. It fails with NotFound if there is none.
func (s *Station) MirrorList(ctx context.Context, tag string) (Document, error) {
	return s.document(ctx, wire.Station(s.id, "mirrors.dsse"), "", tag, 0, wire.MostListBytes)
}

// Recalls fetches the list of recalled segments, a wire.Recalls; only its envelope can be trusted.
func (s *Station) Recalls(ctx context.Context, tag string, wait time.Duration) (Document, error) {
	return s.document(ctx, wire.Base+"/recalls", "", tag, wait, wire.MostRecallsBytes)
}

func (s *Station) document(ctx context.Context, path, query, tag string, wait time.Duration, most int64) (Document,
	error) {
	header := uncached()
	if tag != "" {
		header.Set("If-None-Match", tag)
		if wait > 0 {
			query = strings.TrimPrefix(query+"&wait="+wait.String(), "&")
		}
	}
	asked := path
	if query != "" {
		asked += "?" + query
	}
	resp, err := s.client.Do(ctx, Request{Method: http.MethodGet, Path: asked, Header: header})
	if err != nil {
		return Document{}, err
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusNotModified {
		return Document{ETag: tag}, nil
	}
	b, err := s.read(ctx, resp.Body, most)
	if fault.Is(err, fault.TooLarge) {
		return Document{}, fmt.Errorf("%s: %w", path, err)
	}
	if err != nil {
		return Document{}, fault.Wrap(fault.Unavailable, err, "%s broke off", path)
	}
	return Document{b, resp.Header.Get("ETag")}, nil
}

// read reads a document of at most most bytes. It fails with TooLarge for a longer one. It reads documents longer than
// maxAnswer, which are rare, one at a time and in pieces that it joins when the document is complete: an attacker on
// the link could make all responses to a station long at the same time.
func (s *Station) read(ctx context.Context, body io.Reader, most int64) ([]byte, error) {
	first, err := io.ReadAll(io.LimitReader(body, maxAnswer))
	if err != nil || len(first) < maxAnswer {
		return first, err
	}
	select {
	case s.client.large <- struct{}{}:
		defer func() { <-s.client.large }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	pieces := [][]byte{first}
	for total := int64(len(first)); total <= most; {
		next := min(maxAnswer, most+1-total)
		piece := bytes.NewBuffer(make([]byte, 0, next+bytes.MinRead)) // large enough not to grow
		n, err := piece.ReadFrom(io.LimitReader(body, next))
		if err != nil {
			return nil, err
		}
		if total += n; n < next {
			return slices.Concat(append(pieces, piece.Bytes())...), nil
		}
		pieces = append(pieces, piece.Bytes())
	}
	return nil, fault.New(fault.TooLarge, "it is over %d bytes", most)
}

// uncached returns a header that asks proxies for the service's own answer: a cached copy may be old or damaged.
func uncached() http.Header { return http.Header{"Cache-Control": {"no-cache"}} }

// Audio is the rest of a recording from byte From on. The caller closes it.
type Audio struct {
	io.ReadCloser
	From int64
}

// Audio fetches a recording from byte from on. A service that cannot resume sends it from the start: see From. It fails
// with OutOfRange if from is at or beyond the recording's end.
func (s *Station) Audio(ctx context.Context, sha256 string, from int64) (Audio, error) {
	header := uncached()
	if from > 0 {
		header.Set("Range", fmt.Sprintf("bytes=%d-", from))
		header.Set("If-Range", strconv.Quote(sha256))
	}
	resp, err := s.client.Do(ctx, Request{Method: http.MethodGet, Path: wire.Audio(sha256), Header: header})
	if err != nil {
		return Audio{}, err
	}
	if resp.StatusCode != http.StatusPartialContent {
		return Audio{resp.Body, 0}, nil
	}
	start, _, ok := strings.Cut(strings.TrimPrefix(resp.Header.Get("Content-Range"), "bytes "), "-")
	n, err := strconv.ParseInt(start, 10, 64)
	if !ok || err != nil || n != from {
		resp.Body.Close()
		return Audio{}, fault.New(fault.Invalid, "asked for bytes from %d, got %q", from, resp.Header.Get("Content-Range"))
	}
	return Audio{resp.Body, n}, nil
}

// Window fetches a complete window of a day as one file in a format ("flac", "wav"). The caller closes it. The service
// sends the file while it renders it; bytes is -1 if the length is unknown. startAt selects the occurrence if the
// window starts several times on that day; zero: there is only one.
func (s *Station) Window(ctx context.Context, window string, date schedules.Date, startAt time.Time, format string) (
	file io.ReadCloser, bytes int64, err error) {
	path := wire.Window(s.id, window, date.String(), format)
	if !startAt.IsZero() {
		path += "?start_at=" + url.QueryEscape(schedules.At(startAt).String())
	}
	resp, err := s.client.Do(ctx, Request{Method: http.MethodGet, Path: path, Unpaced: true})
	if err != nil {
		return nil, 0, err
	}
	return resp.Body, resp.ContentLength, nil
}

// SendAsRun reports as-run entries and returns the result for each.
func (s *Station) SendAsRun(ctx context.Context, entries []schedules.AsRun) ([]wire.AsRunResult, error) {
	var out wire.AsRunResults
	_, err := s.client.Call(ctx, Request{Method: http.MethodPost, Path: wire.Station(s.id, "as-run"),
		Body: wire.AsRunReport{Entries: entries}, Most: maxAnswer}, &out)
	return out.Results, err
}

// SendStatus reports the station's status.
func (s *Station) SendStatus(ctx context.Context, status wire.Status) error {
	_, err := s.client.Call(ctx, Request{Method: http.MethodPost, Path: wire.Station(s.id, "status"), Body: status}, nil)
	return err
}

// Time returns the service's time.
func (s *Station) Time(ctx context.Context) (time.Time, error) { return s.client.Time(ctx) }

// Roots fetches the root documents after a version. It fails with NotFound if the service has no such route.
func (s *Station) Roots(ctx context.Context, after int64) (wire.Roots, error) {
	var roots wire.Roots
	_, err := s.client.Call(ctx, Request{Method: http.MethodGet, Path: wire.Base + "/roots?after=" +
		strconv.FormatInt(after, 10), Most: maxRoots}, &roots)
	return roots, err
}

// Keys returns the public keys that the service signs with.
func (c *caller) Keys(ctx context.Context) (wire.Keys, error) {
	var keys wire.Keys
	_, err := c.Call(ctx, Request{Method: http.MethodGet, Path: wire.Base + "/keys", Most: maxAnswer}, &keys)
	return keys, err
}
