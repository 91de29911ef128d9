//go:build unix

package harness

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// Bucket is an empty bucket of a real S3 server on a free loopback port.
type Bucket struct {
	Endpoint          string // http://host:port
	Name              string
	AccessKey, Secret string
	Files             string // the directory that holds the buckets
	Earlier           string // the directory that holds earlier versions of their objects, if the bucket keeps them
}

// StartVersionedBucket runs StartBucket's server with a bucket that keeps earlier versions of its objects.
func StartVersionedBucket(t testing.TB) Bucket {
	t.Helper()
	b := startBucket(t, t.TempDir())
	err := b.Client(t).SetBucketVersioning(t.Context(), b.Name, minio.BucketVersioningConfiguration{Status: minio.Enabled})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// StartBucket runs an S3 server over a directory of files. It stops with the test.
func StartBucket(t testing.TB) Bucket {
	t.Helper()
	return startBucket(t, "")
}

func startBucket(t testing.TB, earlier string) Bucket {
	t.Helper()
	address := FreeAddress(t)
	b := Bucket{Endpoint: "http://" + address, Name: "lifeline-audio", AccessKey: "lifeline",
		Secret: "a secret of the tests", Files: t.TempDir(), Earlier: earlier}
	var log bytes.Buffer
	kind := []string{"posix", b.Files}
	if earlier != "" {
		kind = []string{"posix", "--versioning-dir", earlier, b.Files}
	}
	cmd := exec.Command(tool(t, "github.com/versity/versitygw/cmd/versitygw", "v1.8.0"), append([]string{"--access",
		b.AccessKey, "--secret", b.Secret, "--port", address, "--quiet"}, kind...)...)
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

// Client returns a client with the owner's rights.
func (b Bucket) Client(t testing.TB) *minio.Client {
	t.Helper()
	c, err := minio.New(strings.TrimPrefix(b.Endpoint, "http://"),
		&minio.Options{Creds: credentials.NewStaticV4(b.AccessKey, b.Secret, "")})
	if err != nil {
		t.Fatal(err)
	}
	return c
}
