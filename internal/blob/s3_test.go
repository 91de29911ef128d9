//go:build unix

package blob_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"lifeline/internal/blob"
	"lifeline/internal/blob/blobtest"
	"lifeline/internal/fault"
	"lifeline/internal/harness"
)

func TestS3KeepsThePort(t *testing.T) {
	bucket := harness.StartBucket(t)
	var places atomic.Int64
	blobtest.Run(t, func(t *testing.T) blobtest.Bench {
		o := options(t, bucket)
		o.Prefix = fmt.Sprintf("place %d/", places.Add(1))
		return blobtest.Bench{
			Open: func() blob.Store { return openS3(t, o) },
			Flip: func(sha string, at int64) {
				flip(t, filepath.Join(bucket.Files, bucket.Name, o.Prefix, sha[:2], sha), at)
			},
			Spool: func() []string { return entries(t, filepath.Join(o.Spool, "tmp")) },
		}
	})
}

func TestErasureReachesEveryVersionOfABlob(t *testing.T) {
	bucket := harness.StartVersionedBucket(t)
	s := openS3(t, options(t, bucket))
	recording := strings.Repeat("a recording that is to be erased ", 300)
	var sha string
	for range 3 {
		b, err := s.Put(t.Context(), strings.NewReader(recording), 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		sha = b.SHA256
		if err := s.Delete(t.Context(), sha); err != nil { // leaves the version, under a mark
			t.Fatal(err)
		}
	}
	if _, err := s.Put(t.Context(), strings.NewReader("another one"), 1<<20); err != nil {
		t.Fatal(err)
	}
	if len(holding(t, recording, bucket)) == 0 {
		t.Fatal("the bucket keeps no versions")
	}
	if err := s.Erase(t.Context(), sha); err != nil {
		t.Fatal(err)
	}
	if left := holding(t, recording, bucket); len(left) > 0 {
		t.Errorf("%q still have the recording", left)
	}
	if list, err := s.List(t.Context(), "", 10); err != nil || len(list) != 1 {
		t.Errorf("listed %v, %v; want the other recording", list, err)
	}
}

// holding returns the files of a bucket that have text.
func holding(t *testing.T, text string, b harness.Bucket) (files []string) {
	t.Helper()
	for _, dir := range []string{b.Files, b.Earlier} {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			content, err := os.ReadFile(path)
			if strings.Contains(string(content), text) {
				files = append(files, path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return files
}

func TestS3ThatRefusesIsNamed(t *testing.T) {
	bucket := harness.StartBucket(t)
	good := options(t, bucket)
	openS3(t, good)
	for name, c := range map[string]struct {
		spoil func(o *blob.S3Options)
		want  fault.Kind
	}{
		"wrong secret": {func(o *blob.S3Options) { o.SecretKey = "wrong" }, fault.Unavailable},
		"wrong key":    {func(o *blob.S3Options) { o.AccessKey = "wrong" }, fault.Unavailable},
		"no bucket":    {func(o *blob.S3Options) { o.Bucket = "none-such" }, fault.Unavailable},
		"no server":    {func(o *blob.S3Options) { o.Endpoint = "http://127.0.0.1:1" }, fault.Unavailable},
		"no endpoint":  {func(o *blob.S3Options) { o.Endpoint = "127.0.0.1:1" }, fault.Invalid},
	} {
		o := good
		c.spoil(&o)
		if s, err := blob.OpenS3(t.Context(), o); !fault.Is(err, c.want) {
			t.Errorf("%s: %v, %v", name, s, err)
		}
	}
}

func TestUnfinishedUploadsAreSwept(t *testing.T) {
	bucket := harness.StartBucket(t)
	s := openS3(t, options(t, bucket))
	core := minio.Core{Client: bucket.Client(t)}
	if _, err := core.NewMultipartUpload(t.Context(), bucket.Name, "ab/unfinished", minio.PutObjectOptions{}); err != nil {
		t.Fatal(err)
	}
	left := func() int {
		uploads, err := core.ListMultipartUploads(t.Context(), bucket.Name, "", "", "", "", 10)
		if err != nil {
			t.Fatal(err)
		}
		return len(uploads.Uploads)
	}
	for _, c := range []struct {
		before time.Time
		want   int
	}{{time.Unix(0, 0), 1}, {time.Now().Add(time.Hour), 0}} {
		if err := s.Sweep(t.Context(), c.before); err != nil || left() != c.want {
			t.Fatalf("sweep of what began before %v: %v, %d left; want %d", c.before, err, left(), c.want)
		}
	}
}

// A failing server stands for one that is full, overloaded or silent.
func TestS3FailuresHaveTheirKind(t *testing.T) {
	var answer atomic.Pointer[http.HandlerFunc]
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*answer.Load())(w, r) }))
	defer server.Close()
	status := func(code int, text string) *http.HandlerFunc {
		f := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			w.WriteHeader(code)
			fmt.Fprintf(w, "<Error><Code>%s</Code></Error>", text)
		})
		return &f
	}
	answer.Store(status(http.StatusOK, ""))
	o := options(t, harness.Bucket{Endpoint: server.URL, Name: "lifeline-audio", AccessKey: "lifeline", Secret: "secret"})
	o.Region = "us-east-1"
	s := openS3(t, o)
	sha := strings.Repeat("0", 64)
	for _, c := range []struct {
		code int
		text string
		want fault.Kind
	}{
		{507, "InsufficientStorage", fault.Full}, {400, "QuotaExceeded", fault.Full}, {500, "InternalError",
			fault.Unavailable},
		{503, "SlowDown", fault.Unavailable}, {403, "AccessDenied", fault.Unavailable},
	} {
		answer.Store(status(c.code, c.text))
		if _, err := s.Put(t.Context(), strings.NewReader("x"), 10); !fault.Is(err, c.want) {
			t.Errorf("put, %d %s: %v", c.code, c.text, err)
		}
	}
	silent := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body) // a server does not notice its client's disconnect before that
		<-r.Context().Done()
	})
	answer.Store(&silent)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, put := s.Put(ctx, strings.NewReader("x"), 10)
	_, stat := s.Stat(ctx, sha)
	_, list := s.List(ctx, "", 10)
	for verb, err := range map[string]error{"put": put, "stat": stat, "list": list} {
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s in silence: %v", verb, err)
		}
	}
	if left := entries(t, filepath.Join(o.Spool, "tmp")); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

func options(t *testing.T, b harness.Bucket) blob.S3Options {
	return blob.S3Options{Endpoint: b.Endpoint, Bucket: b.Name, AccessKey: b.AccessKey, SecretKey: b.Secret,
		Spool: t.TempDir()}
}

func openS3(t *testing.T, o blob.S3Options) *blob.S3 {
	t.Helper()
	s, err := blob.OpenS3(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}
