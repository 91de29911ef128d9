//go:build unix

package blob_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"math"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lifeline/internal/blob"
	"lifeline/internal/fault"
	"lifeline/internal/harness"
)

// long returns a recording of 3 MB in a bucket, and the proxy in front of the bucket.
func long(t *testing.T) (p []byte, s *blob.S3, o blob.S3Options, link *harness.Proxy) {
	t.Helper()
	bucket := harness.StartBucket(t)
	link = harness.StartProxy(t, strings.TrimPrefix(bucket.Endpoint, "http://"))
	o = options(t, bucket)
	o.Endpoint, o.Silence = "http://"+link.Addr, 500*time.Millisecond
	s = openS3(t, o)
	p = make([]byte, 3<<20)
	rand.NewChaCha8([32]byte{1}).Read(p)
	return p, s, o, link
}

// afresh makes all connections new, so that each is cut after the given number of bytes.
func afresh(link *harness.Proxy, after int64) {
	link.CutAfter(after)
	link.Cut()
	link.Pass()
}

func TestReadsGoOnWhereTheLinkBroke(t *testing.T) {
	p, s, _, link := long(t)
	b, err := s.Put(t.Context(), bytes.NewReader(p), 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	content, _, err := s.Open(t.Context(), b.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	defer content.Close()
	afresh(link, 200_000)
	got := make([]byte, len(p))
	if n, err := content.ReadAt(got[1000:], 1000); err != nil || !bytes.Equal(got[1000:], p[1000:]) {
		t.Errorf("by ReadAt: %d bytes, %v", n, err)
	}
	before := link.Cuts()
	if got, err := io.ReadAll(content); err != nil || !bytes.Equal(got, p) {
		t.Errorf("by Read: %d bytes of %d, %v", len(got), len(p), err)
	}
	if cuts := link.Cuts() - before; cuts < 15 {
		t.Errorf("only %d cuts in 3 MB", cuts)
	}
	// A link that stays cut fails the read in the middle, which never looks like the end.
	if _, err := content.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(content, make([]byte, 1<<20)); err != nil {
		t.Fatal(err)
	}
	link.Cut()
	if got, err := io.ReadAll(content); !fault.Is(err, fault.Unavailable) || len(got) >= 2<<20 {
		t.Errorf("without a link: %d bytes, %v", len(got), err)
	}
	link.Pass()
	if at, err := content.Seek(0, io.SeekCurrent); err != nil || at >= int64(len(p)) {
		t.Fatalf("at %d, %v", at, err)
	} else if got, err := io.ReadAll(content); err != nil || !bytes.Equal(got, p[at:]) {
		t.Errorf("with the link back: %d bytes, %v", len(got), err)
	}
}

func TestPutThatIsCutLeavesNothing(t *testing.T) {
	p, s, o, link := long(t)
	afresh(link, 2<<20)
	if b, err := s.Put(t.Context(), bytes.NewReader(p), 1<<30); !fault.Is(err, fault.Unavailable) {
		t.Errorf("%+v, %v", b, err)
	}
	if link.Cuts() < 2 {
		t.Errorf("%d cuts: it was not tried again", link.Cuts())
	}
	link.CutAfter(math.MaxInt64)
	if list, err := s.List(t.Context(), "", 10); err != nil || len(list) > 0 {
		t.Errorf("there is %v, %v", list, err)
	}
	if left := entries(t, filepath.Join(o.Spool, "tmp")); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	sum := sha256.Sum256(p)
	if b, err := s.Put(t.Context(), bytes.NewReader(p), 1<<30); err != nil || b.SHA256 != hex.EncodeToString(sum[:]) {
		t.Errorf("with the link back: %+v, %v", b, err)
	}
}
