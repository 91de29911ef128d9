package push

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"lifeline/internal/fault"
)

// bucket is an S3-compatible bucket. An object appears whole.
type bucket struct {
	client       *minio.Client
	name, prefix string
}

func openBucket(ctx context.Context, u *url.URL, with Credentials) (*bucket, error) {
	transport, err := minio.DefaultTransport(u.Scheme == "s3+https")
	if err != nil {
		return nil, err
	}
	transport.ResponseHeaderTimeout = with.Silence
	name, prefix, _ := strings.Cut(strings.Trim(u.Path, "/"), "/")
	if prefix != "" {
		prefix += "/"
	}
	client, err := minio.New(u.Host, &minio.Options{Secure: u.Scheme == "s3+https", Region: with.Region,
		Creds:           credentials.NewStaticV4(with.AccessKey, with.SecretKey, ""),
		Transport:       transport,
		TrailingHeaders: false, // versitygw and others reject them
		MaxRetries:      4,
	})
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "the target %s cannot be used", u.Redacted())
	}
	switch there, err := client.BucketExists(ctx, name); {
	case err != nil:
		return nil, reach(err)
	case !there:
		return nil, fault.New(fault.Unavailable, "there is no bucket %q: make it first", name)
	}
	return &bucket{client, name, prefix}, nil
}

// reach classifies an error of the bucket.
func reach(err error) error {
	if said := minio.ToErrorResponse(err); said.StatusCode == http.StatusForbidden {
		return fault.Wrap(fault.Forbidden, err, "the bucket refuses the key")
	}
	return fault.Wrap(fault.Unavailable, err, "the bucket cannot be used")
}

// Close implements Place.
func (b *bucket) Close() error { return nil }

// List implements mirror.Target.
func (b *bucket) List(ctx context.Context) (map[string]int64, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	out := map[string]int64{}
	for o := range b.client.ListObjects(ctx, b.name, minio.ListObjectsOptions{Prefix: b.prefix, Recursive: true}) {
		if o.Err != nil {
			return nil, reach(o.Err)
		}
		out[strings.TrimPrefix(o.Key, b.prefix)] = o.Size
	}
	return out, ctx.Err()
}

// pointerLives is how long caches may keep a pointer; other files never change.
const pointerLives = 30 * time.Second

// Put implements mirror.Target.
func (b *bucket) Put(ctx context.Context, name string, n int64, content io.ReadSeeker) error {
	cached := "public, max-age=31536000, immutable"
	if !strings.Contains(name, "/") {
		cached = fmt.Sprintf("public, max-age=%d", int(pointerLives.Seconds()))
	}
	_, err := b.client.PutObject(ctx, b.name, b.prefix+name, content, n, minio.PutObjectOptions{
		ContentType: "application/octet-stream", SendContentMd5: true, CacheControl: cached, PartSize: 16 << 20})
	if err != nil {
		return reach(err)
	}
	return nil
}

// Write implements Place. An object is seen when it is whole.
func (b *bucket) Write(ctx context.Context, name string, n int64, content io.ReadSeeker) error {
	return b.Put(ctx, name, n, content)
}

// Rename implements Place, by a copy.
func (b *bucket) Rename(ctx context.Context, from, to string) error {
	_, err := b.client.CopyObject(ctx, minio.CopyDestOptions{Bucket: b.name, Object: b.prefix + to},
		minio.CopySrcOptions{Bucket: b.name, Object: b.prefix + from})
	if err != nil {
		return reach(err)
	}
	return b.Remove(ctx, from)
}

// Names implements Place.
func (b *bucket) Names(ctx context.Context) (map[string]int64, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	out := map[string]int64{}
	for o := range b.client.ListObjects(ctx, b.name, minio.ListObjectsOptions{Prefix: b.prefix}) {
		if o.Err != nil {
			return nil, reach(o.Err)
		}
		if name := strings.TrimPrefix(o.Key, b.prefix); name != "" && !strings.HasSuffix(name, "/") {
			out[name] = o.Size
		}
	}
	return out, ctx.Err()
}

// Remove implements mirror.Target. It removes all versions: the file may hold something that was erased. Without the
// permission to list versions it removes the latest.
func (b *bucket) Remove(ctx context.Context, name string) error {
	listing, cancel := context.WithCancel(ctx)
	defer cancel()
	for v := range b.client.ListObjects(listing, b.name, minio.ListObjectsOptions{Prefix: b.prefix + name,
		Recursive: true, WithVersions: true}) {
		if v.Err != nil {
			break
		}
		if v.Key != b.prefix+name {
			continue
		}
		if err := b.client.RemoveObject(ctx, b.name, v.Key, minio.RemoveObjectOptions{VersionID: v.VersionID}); err != nil {
			break
		}
	}
	err := b.client.RemoveObject(ctx, b.name, b.prefix+name, minio.RemoveObjectOptions{})
	if err != nil && minio.ToErrorResponse(err).StatusCode != http.StatusNotFound {
		return reach(err)
	}
	return nil
}

// Open implements Place.
func (b *bucket) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	o, err := b.client.GetObject(ctx, b.name, b.prefix+name, minio.GetObjectOptions{})
	if err != nil {
		return nil, reach(err)
	}
	return o, nil
}
