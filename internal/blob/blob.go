package blob

import (
	"context"
	"io"
	"time"

	"lifeline/internal/fault"
)

// Blob is stored bytes.
type Blob struct {
	SHA256 string // 64 lower-case hexadecimal digits
	Bytes  int64
	Stored time.Time // when these bytes were last put, by the store's own clock; UTC
}

// Content is an open blob. It stays readable while it is open, even if the blob is deleted (on S3, only the part that
// was already read).
type Content interface {
	io.ReadSeekCloser
	io.ReaderAt
}

// Store is the interface of all blob stores. A name that is not 64 lower-case hexadecimal digits is Invalid.
type Store interface {
	// Put reads r to its end and stores the bytes durably. The blob becomes visible only when it is complete. Put fails
	// with TooLarge if r has more than limit bytes, after reading little more; with Full if there is no space; with
	// Unavailable if the store cannot be reached; and with r's own error. It leaves nothing behind when it fails. Putting
	// existing bytes renews their Stored time, and repairs them if they were damaged.
	Put(ctx context.Context, r io.Reader, limit int64) (Blob, error)

	// Open and Stat fail with NotFound. Open also returns the size.
	Open(ctx context.Context, sha256 string) (Content, int64, error)
	Stat(ctx context.Context, sha256 string) (Blob, error)

	// List returns up to limit blobs with names after after, in order.
	List(ctx context.Context, after string, limit int) ([]Blob, error)

	// Delete removes the blob if it is there.
	Delete(ctx context.Context, sha256 string) error

	// Erase removes the blob like Delete, with all earlier versions that the store may keep of it.
	Erase(ctx context.Context, sha256 string) error

	// DeleteOlder removes the blob if it exists and was last put before before, and reports whether it did.
	DeleteOlder(ctx context.Context, sha256 string, before time.Time) (bool, error)
}

// named fails unless the name is a hash.
func named(sha256 string) error {
	ok := len(sha256) == 64
	for _, c := range []byte(sha256) {
		ok = ok && (c >= '0' && c <= '9' || c >= 'a' && c <= 'f')
	}
	if !ok {
		return fault.New(fault.Invalid, "%q is not a SHA-256 of 64 lower-case hexadecimal digits", sha256)
	}
	return nil
}

func absent(sha256 string) error { return fault.New(fault.NotFound, "no audio %s", sha256) }

func atLeastOne(limit int) error {
	if limit < 1 {
		return fault.New(fault.Invalid, "the limit of a list is at least 1, not %d", limit)
	}
	return nil
}
