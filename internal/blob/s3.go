package blob

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"lifeline/internal/fault"
)

// S3Options configures the bucket.
type S3Options struct {
	Endpoint  string // http://host:port or https://host:port
	Bucket    string // must exist
	Prefix    string // of every object's name, such as "audio/"; may be empty
	Region    string // may be empty; the server is then asked
	AccessKey string
	SecretKey string
	Spool     string      // a local directory for incoming bytes whose hash is not known yet
	TLS       *tls.Config // replaces the system's certificates, for https

	// Silence is how long the server may transfer no byte in either direction before the connection is closed; 0 means
	// forever. An interrupted operation is retried a few times.
	Silence time.Duration
}

// S3 keeps blobs as objects of an S3-compatible bucket: <prefix>ab/ab12….
type S3 struct {
	client *minio.Client
	o      S3Options
	root   *os.Root
	spool  spool
}

// partSize is the size of one upload request, and bounds the memory of a Put.
const partSize = 16 << 20

// OpenS3 fails unless the bucket exists. It removes partial files that a crash left in the spool.
func OpenS3(ctx context.Context, o S3Options) (*S3, error) {
	endpoint, err := url.Parse(o.Endpoint)
	if err != nil || endpoint.Host == "" || endpoint.Scheme != "http" && endpoint.Scheme != "https" {
		return nil, fault.New(fault.Invalid, "the S3 endpoint is http://host:port or https://host:port, not %q", o.Endpoint)
	}
	secure := endpoint.Scheme == "https"
	transport, err := minio.DefaultTransport(secure)
	if err != nil {
		return nil, fmt.Errorf("blob: open: %w", err)
	}
	if secure && o.TLS != nil {
		transport.TLSClientConfig = o.TLS
	}
	if o.Silence > 0 {
		dial := transport.DialContext
		transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dial(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return &timeoutConn{conn, o.Silence}, nil
		}
	}
	s := &S3{o: o}
	s.client, err = minio.New(endpoint.Host, &minio.Options{
		Creds: credentials.NewStaticV4(o.AccessKey, o.SecretKey, ""), Secure: secure, Region: o.Region, Transport: transport,
		TrailingHeaders: false, // versitygw and others reject them
		MaxRetries:      4,
	})
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "the S3 options are wrong")
	}
	switch there, err := s.client.BucketExists(ctx, o.Bucket); {
	case err != nil:
		return nil, fmt.Errorf("blob: open bucket %s: %w", o.Bucket, s3Error(ctx, err, ""))
	case !there:
		return nil, fault.New(fault.Unavailable, "there is no bucket %q: make it first", o.Bucket)
	}
	if err := os.MkdirAll(o.Spool, 0o700); err != nil {
		return nil, fmt.Errorf("blob: open spool: %w", err)
	}
	if s.root, err = os.OpenRoot(o.Spool); err != nil {
		return nil, fmt.Errorf("blob: open spool: %w", err)
	}
	s.spool = spool{s.root, "tmp"}
	if err := s.spool.open(); err != nil {
		return nil, errors.Join(fmt.Errorf("blob: open spool: %w", err), s.root.Close())
	}
	return s, nil
}

// Close releases the spool.
func (s *S3) Close() error { return s.root.Close() }

// Put implements Store.
func (s *S3) Put(ctx context.Context, r io.Reader, limit int64) (_ Blob, err error) {
	in, err := s.spool.receive(ctx, r, limit)
	if err != nil {
		return Blob{}, err
	}
	defer func() { err = errors.Join(err, in.discard()) }()
	if _, err := in.Seek(0, io.SeekStart); err != nil {
		return Blob{}, classify(err)
	}
	_, err = s.client.PutObject(ctx, s.o.Bucket, s.key(in.SHA256), in.File, in.Bytes, minio.PutObjectOptions{
		ContentType: "application/octet-stream", SendContentMd5: true, PartSize: partSize,
	})
	if err != nil {
		return Blob{}, s3Error(ctx, err, in.SHA256)
	}
	return s.Stat(ctx, in.SHA256)
}

// Open implements Store. Reading ends with ctx.
func (s *S3) Open(ctx context.Context, sha256 string) (Content, int64, error) {
	b, err := s.Stat(ctx, sha256)
	if err != nil {
		return nil, 0, err
	}
	return &s3Content{s: s, ctx: ctx, sha256: sha256, end: b.Bytes}, b.Bytes, nil
}

// Stat implements Store. Stored has a resolution of one second.
func (s *S3) Stat(ctx context.Context, sha256 string) (Blob, error) {
	if err := errors.Join(named(sha256), ctx.Err()); err != nil {
		return Blob{}, err
	}
	asking := ctx
	if s.o.Silence > 0 {
		var cancel context.CancelFunc
		asking, cancel = context.WithTimeout(ctx, s.o.Silence)
		defer cancel()
	}
	info, err := s.client.StatObject(asking, s.o.Bucket, s.key(sha256), minio.StatObjectOptions{})
	if err != nil {
		return Blob{}, s3Error(ctx, err, sha256)
	}
	return Blob{SHA256: sha256, Bytes: info.Size, Stored: info.LastModified.UTC()}, nil
}

// List implements Store.
func (s *S3) List(ctx context.Context, after string, limit int) ([]Blob, error) {
	if err := atLeastOne(limit); err != nil {
		return nil, err
	}
	listing, cancel := context.WithCancel(ctx)
	defer cancel()
	o := minio.ListObjectsOptions{Prefix: s.o.Prefix, Recursive: true, MaxKeys: min(limit, 1000)}
	if after != "" {
		o.StartAfter = s.key(after)
	}
	var page []Blob
	for info := range s.client.ListObjects(listing, s.o.Bucket, o) {
		if info.Err != nil {
			return nil, s3Error(ctx, info.Err, "")
		}
		name := path.Base(info.Key)
		if named(name) != nil || info.Key != s.key(name) || name <= after {
			continue
		}
		if page = append(page, Blob{SHA256: name, Bytes: info.Size, Stored: info.LastModified.UTC()}); len(page) == limit {
			break
		}
	}
	return page, ctx.Err()
}

// Delete implements Store.
func (s *S3) Delete(ctx context.Context, sha256 string) error {
	if err := errors.Join(named(sha256), ctx.Err()); err != nil {
		return err
	}
	err := s3Error(ctx, s.client.RemoveObject(ctx, s.o.Bucket, s.key(sha256), minio.RemoveObjectOptions{}), sha256)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	return err
}

// Erase implements Store. It removes every version of the object, the marks of its deletions, and uploads of it that
// were never completed. The bucket's user needs s3:ListBucketVersions and s3:DeleteObjectVersion.
func (s *S3) Erase(ctx context.Context, sha256 string) error {
	if err := errors.Join(named(sha256), ctx.Err()); err != nil {
		return err
	}
	key := s.key(sha256)
	if err := s.client.RemoveIncompleteUpload(ctx, s.o.Bucket, key); err != nil {
		return s3Error(ctx, err, sha256)
	}
	listing, cancel := context.WithCancel(ctx)
	defer cancel()
	for v := range s.client.ListObjects(listing, s.o.Bucket, minio.ListObjectsOptions{Prefix: key, Recursive: true,
		WithVersions: true}) {
		if v.Err != nil {
			return s3Error(ctx, v.Err, sha256)
		}
		if v.Key != key {
			continue
		}
		err := s3Error(ctx, s.client.RemoveObject(ctx, s.o.Bucket, key, minio.RemoveObjectOptions{VersionID: v.VersionID}),
			sha256)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
	}
	return s.Delete(ctx, sha256)
}

// DeleteOlder implements Store. It removes all versions, because a piece of an upload has a hash that no document names
// later; without the permission to do so, only the latest. S3 cannot check and delete atomically: a Put of the same
// bytes in the milliseconds between the two is lost, so callers must put a blob again before they rely on it.
func (s *S3) DeleteOlder(ctx context.Context, sha256 string, before time.Time) (bool, error) {
	switch b, err := s.Stat(ctx, sha256); {
	case fault.Is(err, fault.NotFound):
		return false, nil
	case err != nil:
		return false, err
	case !b.Stored.Before(before):
		return false, nil
	}
	err := s.Erase(ctx, sha256)
	if err != nil {
		err = s.Delete(ctx, sha256)
	}
	return err == nil, err
}

// Sweep aborts multipart uploads that began before before and were never completed. A crash leaves them in the bucket,
// where they are invisible but are charged for.
func (s *S3) Sweep(ctx context.Context, before time.Time) error {
	listing, cancel := context.WithCancel(ctx)
	defer cancel()
	for upload := range s.client.ListIncompleteUploads(listing, s.o.Bucket, s.o.Prefix, true) {
		if upload.Err != nil {
			return s3Error(ctx, upload.Err, "")
		}
		if upload.Initiated.Before(before) {
			core := minio.Core{Client: s.client}
			if err := core.AbortMultipartUpload(ctx, s.o.Bucket, upload.Key, upload.UploadID); err != nil {
				return s3Error(ctx, err, "")
			}
		}
	}
	return ctx.Err()
}

func (s *S3) key(sha256 string) string {
	return s.o.Prefix + path.Join(sha256[:min(2, len(sha256))], sha256)
}

// timeoutConn is a connection that closes when no byte moves. A write starts the wait for a response.
type timeoutConn struct {
	net.Conn
	silence time.Duration
}

func (c *timeoutConn) Read(p []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(c.silence)); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

func (c *timeoutConn) Write(p []byte) (int, error) {
	if err := c.SetDeadline(time.Now().Add(c.silence)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

// s3Error converts errors of the server or the network into the contract's kinds.
func s3Error(ctx context.Context, err error, sha256 string) error {
	if err == nil {
		return nil
	}
	if ended := ctx.Err(); ended != nil {
		return fmt.Errorf("blob: S3: %w", ended)
	}
	var said minio.ErrorResponse
	if !errors.As(err, &said) {
		return fault.Wrap(fault.Unavailable, err, "the audio bucket is out of reach")
	}
	switch {
	case said.Code == minio.NoSuchKey:
		return absent(sha256)
	case said.StatusCode == http.StatusInsufficientStorage || strings.Contains(said.Code, "Quota") ||
		strings.Contains(said.Code, "StorageFull"):
		return fault.Wrap(fault.Full, err, "no space left in the audio bucket")
	case said.StatusCode >= 500 || said.StatusCode == http.StatusTooManyRequests:
		return fault.Wrap(fault.Unavailable, err, "the audio bucket cannot answer just now")
	case said.StatusCode != http.StatusBadRequest: // 401, 403, or another response to a wrong key or bucket
		return fault.Wrap(fault.Unavailable, err, "the audio bucket refuses this service")
	}
	return fmt.Errorf("blob: S3: %w", err)
}
