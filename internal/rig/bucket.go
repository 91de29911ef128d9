//go:build unix

package rig

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// Bucket is an empty bucket of a real S3 server, on a free loopback port.
type Bucket struct {
	Endpoint          string // http://host:port
	Name              string
	AccessKey, Secret string
	Files             string // the directory that holds the buckets
}

// StartBucket runs an S3 server over a directory of files and ends it with the test.
func StartBucket(t testing.TB) Bucket {
	t.Helper()
	address := FreeAddress(t)
	b := Bucket{Endpoint: "http://" + address, Name: "lifeline-audio", AccessKey: "lifeline", Secret: "a secret of the tests", Files: t.TempDir()}
	var log bytes.Buffer
	cmd := exec.Command(versitygw(t), "--access", b.AccessKey, "--secret", b.Secret, "--port", address, "--quiet", "posix", b.Files)
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
	for c := b.Client(t); ; {
		if err := c.MakeBucket(t.Context(), b.Name, minio.MakeBucketOptions{}); err == nil {
			return b
		}
		select {
		case <-poll.C:
		case err := <-died:
			died <- err
			t.Fatalf("the S3 server died: %v\n%s", err, log.String())
		}
	}
}

// Client is a plain one, of the server's owner.
func (b Bucket) Client(t testing.TB) *minio.Client {
	t.Helper()
	c, err := minio.New(strings.TrimPrefix(b.Endpoint, "http://"), &minio.Options{Creds: credentials.NewStaticV4(b.AccessKey, b.Secret, "")})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// versitygw is the S3 server's binary, built once from its module and kept in the user's cache.
func versitygw(t testing.TB) string {
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
