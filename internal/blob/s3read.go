package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/minio/minio-go/v7"

	"lifeline/internal/fault"
)

// s3Content reads an object. If a connection breaks, it requests the rest from there on, so that a cut in the middle of
// a long recording only delays its reader.
type s3Content struct {
	s       *S3
	ctx     context.Context
	sha256  string
	at, end int64         // the interval still to read
	body    io.ReadCloser // positioned at at; nil means that the next Read requests it
	closed  bool
}

// s3Tries is the number of requests without any byte after which a Read fails.
const s3Tries = 3

// Read implements io.Reader. It fails rather than ending before the blob's end.
func (c *s3Content) Read(p []byte) (n int, err error) {
	switch {
	case c.closed:
		return 0, fs.ErrClosed
	case len(p) == 0:
		return 0, nil
	case c.at >= c.end:
		return 0, io.EOF
	}
	for range s3Tries {
		if n, err = c.try(p); n > 0 || err == nil || fault.Is(err, fault.NotFound) || c.ctx.Err() != nil {
			break
		}
	}
	return n, err
}

// try reads once. It returns no error together with bytes; the next request returns it.
func (c *s3Content) try(p []byte) (n int, err error) {
	if c.body == nil {
		c.body, err = c.s.from(c.ctx, c.sha256, c.at, c.end)
	}
	if err == nil {
		n, err = c.body.Read(p[:min(int64(len(p)), c.end-c.at)])
		c.at += int64(n)
	}
	if err == nil {
		return n, nil
	}
	c.drop()
	if n > 0 {
		return n, nil
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return 0, s3Error(c.ctx, err, c.sha256)
}

// drop closes the connection and ignores its error, which has been reported or does not matter.
func (c *s3Content) drop() {
	if c.body != nil {
		_ = c.body.Close()
		c.body = nil
	}
}

// Seek implements io.Seeker.
func (c *s3Content) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += c.at
	case io.SeekEnd:
		offset += c.end
	}
	if offset < 0 {
		return 0, fmt.Errorf("blob: S3: seek to %d", offset)
	}
	if offset != c.at {
		c.drop()
		c.at = offset
	}
	return offset, nil
}

// ReadAt implements io.ReaderAt with a request of its own.
func (c *s3Content) ReadAt(p []byte, at int64) (int, error) {
	part := &s3Content{s: c.s, ctx: c.ctx, sha256: c.sha256, at: at, end: min(at+int64(len(p)), c.end)}
	defer part.drop()
	n, err := io.ReadFull(part, p)
	if errors.Is(err, io.ErrUnexpectedEOF) && part.at >= part.end { // the blob is shorter
		err = io.EOF
	}
	return n, err
}

// Close closes the connection.
func (c *s3Content) Close() error {
	c.drop()
	c.closed = true
	return nil
}

// from requests the bytes [at, end) of an object. The response must begin within the allowed silence.
func (s *S3) from(ctx context.Context, sha256 string, at, end int64) (io.ReadCloser, error) {
	var o minio.GetObjectOptions
	if err := o.SetRange(at, end-1); err != nil {
		return nil, err
	}
	asking, cancel := context.WithCancel(ctx)
	if s.o.Silence > 0 {
		silence := time.AfterFunc(s.o.Silence, cancel)
		defer silence.Stop()
	}
	core := minio.Core{Client: s.client}
	body, _, _, err := core.GetObject(asking, s.o.Bucket, s.key(sha256), o)
	if err != nil {
		cancel()
		return nil, err
	}
	return &s3Body{body, cancel}, nil
}

// s3Body ends its request when it is closed.
type s3Body struct {
	io.ReadCloser
	cancel context.CancelFunc
}

func (b *s3Body) Close() error {
	b.cancel()
	return b.ReadCloser.Close()
}
