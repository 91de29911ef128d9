package playout

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/url"
	"os"
	"time"

	"golang.org/x/time/rate"

	"lifeline/internal/mirror"
	"lifeline/internal/wire"
)

// mirrorClient returns a client that sends no credentials, and whose waits are bounded.
func mirrorClient(transport http.RoundTripper) *http.Client {
	if transport == nil {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.DisableCompression = true // nothing of a mirror can be compressed
		t.MaxResponseHeaderBytes = 64 << 10
		t.ResponseHeaderTimeout, t.TLSHandshakeTimeout = callTimeout, callTimeout
		transport = t
	}
	return &http.Client{Transport: transport, CheckRedirect: leads}
}

// leads refuses to follow a mirror's redirect to a place without TLS, and lets no host know by which mirror a station
// came.
func leads(to *http.Request, via []*http.Request) error {
	to.Header.Del("Referer")
	switch {
	case len(via) > 3:
		return errors.New("it redirects again and again")
	case via[0].URL.Scheme == "https" && to.URL.Scheme != "https":
		return fmt.Errorf("it redirects to %s, without TLS", to.URL.Scheme)
	}
	return nil
}

// open requests a file of a mirror from byte from on. It returns the byte at which the answer begins.
func (m *Mirrors) open(ctx context.Context, s *mirrorHost, name string, from int64) (io.ReadCloser, int64, error) {
	address, err := url.JoinPath(s.address, name)
	if err != nil {
		return nil, 0, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, 0, err
	}
	r.Header.Set("User-Agent", "Mozilla/5.0") // as of anybody
	if name == m.pointer {
		r.Header.Set("Cache-Control", "no-cache")
	}
	if from > 0 {
		r.Header.Set("Range", fmt.Sprintf("bytes=%d-", from))
	}
	resp, err := m.http.Do(r)
	if failed := (*url.Error)(nil); errors.As(err, &failed) {
		err = failed.Err // the address is known
	}
	if err != nil {
		return nil, 0, err
	}
	var begins int64
	switch {
	case resp.StatusCode == http.StatusOK:
		return counted{resp.Body, &s.pace.came}, 0, nil
	case resp.StatusCode == http.StatusPartialContent && from > 0:
		if _, err := fmt.Sscanf(resp.Header.Get("Content-Range"), "bytes %d-", &begins); err == nil && begins == from {
			return counted{resp.Body, &s.pace.came}, from, nil
		}
	}
	resp.Body.Close()
	if resp.StatusCode == http.StatusNotFound {
		return nil, 0, errNotThere
	}
	return nil, 0, fmt.Errorf("it answers %d", resp.StatusCode)
}

var errNotThere = errors.New("it has no such file")

// read reads a file of a mirror as a whole.
func (m *Mirrors) read(ctx context.Context, s *mirrorHost, name string, most int64) ([]byte, error) {
	body, _, err := m.open(ctx, s, name, 0)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	b := bytes.NewBuffer(make([]byte, 0, most+1+bytes.MinRead)) // large enough not to grow
	n, err := b.ReadFrom(io.LimitReader(body, most+1))
	if err == nil && n > most {
		return nil, forgery{fmt.Errorf("it sends over %d bytes", most)}
	}
	return b.Bytes(), err
}

// patience returns how long the transfer of a file may take: at least a kilobyte must come in a second.
func patience(n int64) time.Duration { return callTimeout + time.Duration(n>>10)*time.Second }

// file returns the content of a file from the first mirror that has it.
func (m *Mirrors) file(ctx context.Context, from []*mirrorHost, f wire.MirrorFile, most int64) (content []byte,
	err error) {
	err = m.inTurn(ctx, from, f.Bytes, nil, func(ctx context.Context, s *mirrorHost) (err error) {
		content, err = m.fileOf(ctx, s, f, most)
		return err
	})
	return content, err
}

func (m *Mirrors) fileOf(ctx context.Context, s *mirrorHost, f wire.MirrorFile, most int64) ([]byte, error) {
	b, err := m.read(ctx, s, mirror.FileName(f.SHA256), f.Bytes)
	sum := sha256.Sum256(b)
	if err == nil && hex.EncodeToString(sum[:]) != f.SHA256 {
		err = wrongFile(int64(len(b)), f)
	}
	m.noteForgery(s, f, err)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.address, err)
	}
	return mirror.OpenBytes(b, most, m.opt.Key)
}

// noteForgery records a failure to read a file that is the mirror's fault: it served another, or it serves the pointer
// that names the file, and not the file.
func (m *Mirrors) noteForgery(s *mirrorHost, f wire.MirrorFile, err error) {
	switch {
	case errors.As(err, new(forgery)):
		m.wrong(s, err)
	case errors.Is(err, errNotThere) && s.current():
		m.note(s, forgery{fmt.Errorf("it serves the newest pointer, and not file %.12s that this names", f.SHA256)})
	default:
		return
	}
	m.tell(s)
}

// wrongFile is the lie of a mirror that served n bytes that are not the file.
func wrongFile(n int64, f wire.MirrorFile) error {
	if n < f.Bytes {
		return forgery{fmt.Errorf("file %.12s is truncated: %d bytes of %d", f.SHA256, n, f.Bytes)}
	}
	return forgery{fmt.Errorf("what it serves as file %.12s is another file", f.SHA256)}
}

// Recording fetches a recording into the cache, at most at the rate of limit (nil: unlimited). It fails if no mirror
// has it.
func (m *Mirrors) Recording(ctx context.Context, audio wire.AudioRef, limit *rate.Limiter) error {
	m.mu.Lock()
	f, named := m.recordings[audio.SHA256]
	m.mu.Unlock()
	if !named {
		return errors.New("the mirrors do not have it")
	}
	return m.inTurn(ctx, m.order(nil), f.Bytes, limit, func(ctx context.Context, s *mirrorHost) error {
		err := m.recordingOf(ctx, s, f, audio, limit)
		if err == nil {
			return nil
		}
		m.noteForgery(s, f, err)
		return fmt.Errorf("%s: %w", s.address, err)
	})
}

// Names reports whether the mirrors are known to have a recording.
func (m *Mirrors) Names(sha256 string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, named := m.recordings[sha256]
	return named
}

// recordingOf fetches a recording from one mirror: the whole encrypted file first, so that its hash says whether the
// mirror lies.
func (m *Mirrors) recordingOf(ctx context.Context, s *mirrorHost, f wire.MirrorFile, audio wire.AudioRef,
	limit *rate.Limiter) (err error) {
	root, name := m.cache.state.Root, "audio/"+audio.SHA256+".sealed"
	file, err := root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close(), root.Remove(name)) }()
	sum := sha256.New()
	for at := int64(0); at < f.Bytes; {
		n, err := m.transfer(ctx, s, f, part{file, sum, limit}, at)
		if n <= at { // no progress
			return errors.Join(err, ctx.Err())
		}
		at = n
		if err == nil {
			break
		}
	}
	size, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	if size != f.Bytes || hex.EncodeToString(sum.Sum(nil)) != f.SHA256 {
		return wrongFile(size, f)
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	content, err := mirror.Open(file, audio.Bytes, m.opt.Key)
	if err != nil {
		return err
	}
	return m.cache.take(audio, content)
}

// part is the file into which a transfer goes, and the hash of what is in it.
type part struct {
	file  *os.File
	sum   hash.Hash
	limit *rate.Limiter
}

// reset empties the file.
func (p part) reset() error {
	p.sum.Reset()
	_, err := p.file.Seek(0, io.SeekStart)
	return errors.Join(err, p.file.Truncate(0))
}

// add appends what came.
func (p part) add(ctx context.Context, b []byte) error {
	p.sum.Write(b)
	if _, err := p.file.Write(b); err != nil || p.limit == nil {
		return err
	}
	return p.limit.WaitN(ctx, len(b))
}

// transfer appends what comes of a file from byte at on, and returns how many bytes there are then.
func (m *Mirrors) transfer(ctx context.Context, s *mirrorHost, f wire.MirrorFile, to part, at int64) (int64, error) {
	body, have, err := m.open(ctx, s, mirror.FileName(f.SHA256), at)
	if err != nil {
		return at, err
	}
	defer body.Close()
	if have != at { // the host does not resume
		if err := to.reset(); err != nil {
			return at, err
		}
	}
	buf := make([]byte, 32<<10)
	for {
		n, err := body.Read(buf)
		if have += int64(n); have > f.Bytes {
			return have, forgery{fmt.Errorf("file %.12s does not end after its %d bytes", f.SHA256, f.Bytes)}
		}
		if err := to.add(ctx, buf[:n]); err != nil {
			return have, err
		}
		if errors.Is(err, io.EOF) {
			return have, nil
		}
		if err != nil {
			return have, err
		}
	}
}
