package endtoend

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"lifeline/audio/samples"
	"lifeline/internal/client"
	"lifeline/internal/config"
	"lifeline/internal/harness"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// spoiled are the faults that a link can have.
func spoiled(p *harness.Proxy) map[string]func() {
	return map[string]func(){"cut": p.Cut, "reset": p.Reset, "half-open": p.HalfOpen,
		"slow close": func() { p.SlowClose(time.Hour) }, "latency": func() { p.Latency(time.Hour) }}
}

// later expects the failure over a bad link. No bad link lets an answer pass within an hour, so an answer at all shows
// that the service did not wait for one.
func later(t *testing.T, what string, a answer) {
	t.Helper()
	if a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" ||
		a.header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("%s: %d %v %s", what, a.status, a.header, a.body)
	}
}

// With a bad link to Redis changes fail with a reason and in time, stations get their queue from memory, and the
// service recovers by itself.
func TestBadLinkToRedisIsSaidAndGotOver(t *testing.T) {
	t.Parallel()
	server := harness.StartRedis(t, harness.Durable...)
	c := onRedis(t, server)
	p := harness.StartProxy(t, server.Addr)
	c.Store = "redis://" + p.Addr
	h := start(t, c)
	if r, err := h.scheduler.Plan(t.Context(), crashRequest(1)); err != nil || r[0].Problem != nil {
		t.Fatalf("plan: %v %+v", err, r)
	}
	if r, err := h.scheduler.Publish(t.Context(), crashRequest(1)); err != nil || r[0].Problem != nil {
		t.Fatalf("publish: %v %+v", err, r)
	}
	queue := wire.Station(crashStation, "queue") + "?date=" + crashDay
	before := h.do("GET", queue, h.secrets["scheduler"], nil, nil)
	for name, spoil := range spoiled(p) {
		spoil()
		plan := h.do("POST", wire.Station(crashStation, "rundowns", crashDay, "plan"), h.secrets["scheduler"], nil, nil)
		later(t, name, plan)
		if got := h.do("GET", queue, h.secrets["scheduler"], nil, nil); got.status != http.StatusOK || !bytes.Equal(got.body,
			before.body) {
			t.Errorf("%s: the queue: %d", name, got.status)
		}
		p.Pass()
		eventually(t, func() bool {
			plan = h.do("POST", wire.Station(crashStation, "rundowns", crashDay, "plan"), h.secrets["scheduler"], nil, nil)
			return plan.status == http.StatusOK
		})
	}
}

// With a bad link to the bucket, audio fails likewise.
func TestBadLinkToTheBucketIsSaidAndGotOver(t *testing.T) {
	t.Parallel()
	bucket := harness.StartBucket(t)
	p := harness.StartProxy(t, strings.TrimPrefix(bucket.Endpoint, "http://"))
	h := start(t, onBucket(t, bucket, p.Addr))
	s, err := h.producer.Upload(t.Context(), promo("here"), uniqueSample(t, 1))
	if err != nil {
		t.Fatal(err)
	}
	sound, err := io.ReadAll(uniqueSample(t, 1))
	if err != nil {
		t.Fatal(err)
	}
	for name, spoil := range spoiled(p) {
		spoil()
		later(t, name, h.do("GET", wire.Audio(s.Recording.SHA256), h.secrets["producer"], nil, nil))
		p.Pass()
		got := h.do("GET", wire.Audio(s.Recording.SHA256), h.secrets["producer"], nil, nil)
		if got.status != http.StatusOK || !bytes.Equal(got.body, sound) || got.header.Get("Content-Length") != strconv.Itoa(
			len(sound)) {
			t.Errorf("%s: afterwards: %d, %d bytes", name, got.status, len(got.body))
		}
	}
}

// A link to the bucket that breaks repeatedly within a recording does not affect listeners; if it does not recover,
// their download ends before the announced length. An upload that fails is refused and leaves nothing; one in chunks
// continues when the link recovers.
func TestLinkToTheBucketBreaksWithinRecordings(t *testing.T) {
	t.Parallel()
	bucket := harness.StartBucket(t)
	p := harness.StartProxy(t, strings.TrimPrefix(bucket.Endpoint, "http://"))
	h := start(t, onBucket(t, bucket, p.Addr))
	sound := roomy(t, 16<<20) // more than the buffers of sockets hold: 8 MiB went through once
	breaks := func(after int64) {
		p.CutAfter(after)
		p.Cut() // closes older connections
		p.Pass()
	}
	meta := `{"id":"river","kind":"testimony","title":"t","language":"ko-KP"}`
	breaks(4 << 20)
	later(t, "an upload", h.upload(h.secrets["producer"], meta, sound))
	if list, err := h.producer.Segments(t.Context(), nil); err != nil || len(list) > 0 {
		t.Errorf("it left %+v, %v", list, err)
	}
	sum := sha256.Sum256(sound)
	type end struct {
		segment schedules.Segment
		err     error
	}
	ended := make(chan end, 1)
	before := p.Cuts()
	go func() {
		s, err := h.producer.UploadInPieces(t.Context(), client.Recording{Audio: bytes.NewReader(sound),
			Length: int64(len(sound)),
			SHA256: hex.EncodeToString(sum[:]), Meta: json.RawMessage(meta)}, func(int64) {})
		ended <- end{s, err}
	}()
	for p.Cuts() == before {
		select {
		case e := <-ended:
			t.Fatalf("it ended without a cut: %+v", e)
		case <-time.After(time.Millisecond):
		}
	}
	p.CutAfter(math.MaxInt64)
	e := <-ended
	if e.err != nil || e.segment.Recording.SHA256 != hex.EncodeToString(sum[:]) {
		t.Fatalf("in pieces: %+v", e)
	}
	breaks(2 << 20)
	before = p.Cuts()
	got := h.do("GET", wire.Audio(e.segment.Recording.SHA256), h.secrets["producer"], nil, nil)
	if cuts := p.Cuts() - before; got.status != http.StatusOK || !bytes.Equal(got.body, sound) || cuts < 3 {
		t.Errorf("over %d cuts: %d, %d bytes", cuts, got.status, len(got.body))
	}
	t.Logf("%d bytes over %d cuts", len(got.body), p.Cuts()-before)
	for _, sort := range []struct {
		name  string
		spoil func()
	}{{"reset", p.Reset}, {"half-open", p.HalfOpen}} {
		breaks(math.MaxInt64)
		h.short(sort.name, wire.Audio(e.segment.Recording.SHA256), sort.spoil, sound)
	}
}

// roomy returns a recording with so many bytes of padding in its tag.
func roomy(t *testing.T, padding int) []byte {
	t.Helper()
	sound, err := samples.Files.ReadFile("promo-ko-letters.mp3")
	if err != nil {
		t.Fatal(err)
	}
	tag := []byte{'I', 'D', '3', 4, 0, 0, byte(padding >> 21 & 127), byte(padding >> 14 & 127), byte(padding >> 7 & 127),
		byte(padding & 127)}
	return slices.Concat(tag, make([]byte, padding), sound)
}

// short begins a slow download, lets the link to the bucket break for good, and expects the download to fail, with
// correct bytes until then.
func (h *house) short(name, path string, spoil func(), sound []byte) {
	h.t.Helper()
	narrow := &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := (&net.Dialer{}).DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return c, c.(*net.TCPConn).SetReadBuffer(256 << 10)
	}}
	defer narrow.CloseIdleConnections()
	req, err := http.NewRequestWithContext(h.t.Context(), "GET", h.url+path, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+h.secrets["producer"])
	resp, err := (&http.Client{Transport: narrow}).Do(req)
	if err != nil {
		h.t.Fatal(err)
	}
	defer resp.Body.Close()
	spoil()
	got, err := io.ReadAll(resp.Body)
	if err == nil || len(got) >= len(sound) || !bytes.HasPrefix(sound, got) || resp.ContentLength != int64(len(sound)) {
		h.t.Errorf("%s: %d of %d bytes, announced %d: %v", name, len(got), len(sound), resp.ContentLength, err)
	}
}

// onBucket keeps documents in a directory of the test, and audio in a bucket at an address.
func onBucket(t *testing.T, bucket harness.Bucket, address string) config.Serve {
	t.Helper()
	c := serveDefaults(filepath.Join(t.TempDir(), "data"))
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte(bucket.Secret), 0o600); err != nil {
		t.Fatal(err)
	}
	c.Audio = "s3+http://" + address + "/" + bucket.Name
	c.S3.AccessKey, c.S3.SecretKeyFile, c.S3.Silence = bucket.AccessKey, secret, time.Second
	return c
}
