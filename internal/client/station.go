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

// Station is the part of the API that one station's player uses.
type Station struct {
	client *Client
	id     string
}

// Station speaks for the station id.
func (c *Client) Station(id string) *Station { return &Station{c, id} }

// Accepted is Client.Accepted of the client that it speaks by.
func (s *Station) Accepted() <-chan struct{} { return s.client.Accepted() }

// Document is a signed document as it came: its bytes and the tag to ask again with. Without Bytes it is unchanged
// since the tag that was sent.
type Document struct {
	Bytes []byte
	ETag  string
}

// Queue fetches the envelope of a day's queue, or of the day that contains now when date is zero. With a tag and a
// wait the service holds the call until there is a change. It fails with NotFound when nothing is published.
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

// Lease fetches the envelope of a fresh lease to air what is sensitive, which names the nonce.
func (s *Station) Lease(ctx context.Context, nonce string) (Document, error) {
	return s.document(ctx, wire.Station(s.id, "lease.dsse"), "nonce="+url.QueryEscape(nonce), "", 0,
		wire.MostLeaseBytes)
}

// Freshness fetches the envelope of a wire.Freshness that names the nonce.
func (s *Station) Freshness(ctx context.Context, nonce string) (Document, error) {
	return s.document(ctx, wire.Station(s.id, "freshness.dsse"), "nonce="+url.QueryEscape(nonce), "", 0,
		wire.MostFreshnessBytes)
}

// Recalls fetches the list of recalled segments, a wire.Recalls whose envelope is the one to believe.
func (s *Station) Recalls(ctx context.Context, tag string, wait time.Duration) (Document, error) {
	return s.document(ctx, wire.Base+"/recalls", "", tag, wait, wire.MostRecallsBytes)
}

func (s *Station) document(ctx context.Context, path, query, tag string, wait time.Duration, most int64) (Document,
	error) {
	header := ownWord()
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

// read reads a document of at most most bytes. It fails with TooLarge for a longer one. Of documents longer than
// maxAnswer, which few are, one is read at a time, and in pieces that are put together once it is whole: whoever is on
// the way could make all that a station asks for long at once.
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
		piece := bytes.NewBuffer(make([]byte, 0, next+bytes.MinRead)) // which need not grow
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

// ownWord asks whatever lies between for the service's own answer: a copy that a cache has may be old, or damaged.
func ownWord() http.Header { return http.Header{"Cache-Control": {"no-cache"}} }

// Audio is the rest of a recording from byte From on, which the caller closes.
type Audio struct {
	io.ReadCloser
	From int64
}

// Audio fetches a recording from byte from on. A service that cannot resume answers from the start: see From. It
// fails with OutOfRange when from lies at or beyond the recording's end.
func (s *Station) Audio(ctx context.Context, sha256 string, from int64) (Audio, error) {
	header := ownWord()
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

// Window fetches a whole window of a day as one file of a format ("flac", "wav"), which the caller closes. It comes as
// it is made; bytes is -1 where its length is not known. startAt says which, where the window starts several times on
// its day; zero: there is one.
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

// SendAsRun reports what aired and answers what became of each entry.
func (s *Station) SendAsRun(ctx context.Context, entries []schedules.AsRun) ([]wire.AsRunResult, error) {
	var out wire.AsRunResults
	_, err := s.client.Call(ctx, Request{Method: http.MethodPost, Path: wire.Station(s.id, "as-run"),
		Body: wire.AsRunReport{Entries: entries}, Most: maxAnswer}, &out)
	return out.Results, err
}

// SendStatus reports how the station stands.
func (s *Station) SendStatus(ctx context.Context, status wire.Status) error {
	_, err := s.client.Call(ctx, Request{Method: http.MethodPost, Path: wire.Station(s.id, "status"), Body: status}, nil)
	return err
}

// Time asks the service for its time.
func (s *Station) Time(ctx context.Context) (time.Time, error) { return s.client.Time(ctx) }

// Roots fetches the root documents after a version. It fails with NotFound at a service that knows of none.
func (s *Station) Roots(ctx context.Context, after int64) (wire.Roots, error) {
	var roots wire.Roots
	_, err := s.client.Call(ctx, Request{Method: http.MethodGet, Path: wire.Base + "/roots?after=" +
		strconv.FormatInt(after, 10), Most: maxRoots}, &roots)
	return roots, err
}

// Keys asks for the public keys that the service signs with.
func (c *Client) Keys(ctx context.Context) (wire.Keys, error) {
	var keys wire.Keys
	_, err := c.Call(ctx, Request{Method: http.MethodGet, Path: wire.Base + "/keys", Most: maxAnswer}, &keys)
	return keys, err
}
