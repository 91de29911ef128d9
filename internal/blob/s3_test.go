package blob_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"lifeline/internal/blob"
	"lifeline/internal/blob/blobtest"
	"lifeline/internal/fault"
)

const (
	bucket = "lifeline-audio"
	access = "lifeline"
	secret = "a secret of the tests"
)

func TestS3KeepsThePort(t *testing.T) {
	endpoint, files := startS3(t)
	var places atomic.Int64
	blobtest.Run(t, func(t *testing.T) blobtest.Bench {
		o := options(t, endpoint)
		o.Prefix = fmt.Sprintf("place %d/", places.Add(1))
		return blobtest.Bench{
			Open:  func() blob.Store { return openS3(t, o) },
			Flip:  func(sha string, at int64) { flip(t, filepath.Join(files, bucket, o.Prefix, sha[:2], sha), at) },
			Spool: func() []string { return entries(t, filepath.Join(o.Spool, "tmp")) },
		}
	})
}

func TestS3ThatRefusesIsNamed(t *testing.T) {
	endpoint, _ := startS3(t)
	good := options(t, endpoint)
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
	endpoint, _ := startS3(t)
	s := openS3(t, options(t, endpoint))
	core := minio.Core{Client: client(t, endpoint)}
	if _, err := core.NewMultipartUpload(t.Context(), bucket, "ab/unfinished", minio.PutObjectOptions{}); err != nil {
		t.Fatal(err)
	}
	left := func() int {
		uploads, err := core.ListMultipartUploads(t.Context(), bucket, "", "", "", "", 10)
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

// A server that fails stands for one that is full, overloaded or silent.
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
	o := options(t, server.URL)
	o.Region = "us-east-1"
	s := openS3(t, o)
	sha := strings.Repeat("0", 64)
	for _, c := range []struct {
		code int
		text string
		want fault.Kind
	}{
		{507, "InsufficientStorage", fault.Full}, {400, "QuotaExceeded", fault.Full}, {500, "InternalError", fault.Unavailable},
		{503, "SlowDown", fault.Unavailable}, {403, "AccessDenied", fault.Unavailable},
	} {
		answer.Store(status(c.code, c.text))
		if _, err := s.Put(t.Context(), strings.NewReader("x"), 10); !fault.Is(err, c.want) {
			t.Errorf("put, %d %s: %v", c.code, c.text, err)
		}
	}
	silent := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body) // until then a server does not see its client go
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

func options(t *testing.T, endpoint string) blob.S3Options {
	return blob.S3Options{Endpoint: endpoint, Bucket: bucket, AccessKey: access, SecretKey: secret, Spool: t.TempDir()}
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

func client(t *testing.T, endpoint string) *minio.Client {
	t.Helper()
	c, err := minio.New(strings.TrimPrefix(endpoint, "http://"), &minio.Options{Creds: credentials.NewStaticV4(access, secret, "")})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// startS3 runs a real S3 server over a directory of files, with an empty bucket, and ends it with the test.
func startS3(t *testing.T) (endpoint, files string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	files = t.TempDir()
	var log bytes.Buffer
	cmd := exec.Command(versitygw(t), "--access", access, "--secret", secret, "--port", address, "--quiet", "posix", files)
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	died := make(chan error, 1)
	go func() { died <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // fails only when it has died already
		<-died
	})
	poll := time.NewTicker(10 * time.Millisecond)
	defer poll.Stop()
	for c := client(t, "http://"+address); ; {
		if err := c.MakeBucket(t.Context(), bucket, minio.MakeBucketOptions{}); err == nil {
			return "http://" + address, files
		}
		select {
		case <-poll.C:
		case err := <-died:
			died <- err
			t.Fatalf("the S3 server died: %v\n%s", err, log.String())
		}
	}
}

// versitygw is the S3 server's binary, built once from its module and kept in the user's cache.
func versitygw(t *testing.T) string {
	t.Helper()
	const version = "v1.8.0"
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(cache, "lifeline", "versitygw-"+version+"-"+runtime.Version())
	binary := filepath.Join(dir, "versitygw")
	if _, err := os.Stat(binary); err == nil {
		return binary
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	into, err := os.MkdirTemp(dir, "build")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(into)
	build := exec.CommandContext(t.Context(), "go", "install", "github.com/versity/versitygw/cmd/versitygw@"+version)
	build.Dir, build.Env = into, append(os.Environ(), "GOBIN="+into, "GOFLAGS=")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the S3 server: %v\n%s", err, out)
	}
	if err := os.Rename(filepath.Join(into, "versitygw"), binary); err != nil {
		t.Fatal(err)
	}
	return binary
}
