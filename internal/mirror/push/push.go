// Package push copies the tree of mirrors to where they serve it: a folder, an S3-compatible bucket, or a folder of an
// SFTP server.
package push

import (
	"context"
	"errors"
	"io"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"lifeline/internal/fault"
	"lifeline/internal/mirror"
)

// Place is a target that is open.
type Place interface {
	mirror.Target
	// Open opens a file that List named.
	Open(ctx context.Context, name string) (io.ReadCloser, error)
	// Names returns the files that lie in the folder itself, with their sizes.
	Names(ctx context.Context) (map[string]int64, error)
	// Write writes a file that others may see before it is whole. A file that is not written whole may stay.
	Write(ctx context.Context, name string, n int64, content io.ReadSeeker) error
	// Rename gives a file another name. A file of that name is replaced at once, where the target can do that, or the call
	// fails.
	Rename(ctx context.Context, from, to string) error
	io.Closer
}

// Credentials is what targets are opened with. A field is needed by the kind of target that its comment names.
type Credentials struct {
	Region, AccessKey, SecretKey string // S3

	KnownHosts string        // SFTP: file of the keys of servers, as OpenSSH writes it
	Identity   string        // SFTP: file of the private key
	Silence    time.Duration // S3, SFTP: how long nothing may come before the transfer is given up

	Existing bool // folder, SFTP: fail with NotFound, and make nothing, if the folder is not there
}

// Check fails with Invalid unless the target is one of a folder, s3+https://HOST/BUCKET[/PREFIX] and
// sftp://USER@HOST[:PORT]/FOLDER.
func Check(target string) error {
	_, err := parse(target)
	return err
}

func parse(target string) (*url.URL, error) {
	if !strings.Contains(target, "://") {
		if target == "" {
			return nil, fault.New(fault.Invalid, "a target is a folder, s3+https://HOST/BUCKET[/PREFIX] or "+
				"sftp://USER@HOST/FOLDER")
		}
		return &url.URL{Path: target}, nil
	}
	u, err := url.Parse(target)
	switch {
	case err != nil:
		return nil, fault.New(fault.Invalid, "the target is no address: %v", errors.Unwrap(err))
	case u.User != nil && hasPassword(u):
		return nil, fault.New(fault.Invalid, "the target %s holds a password: give the key in a file instead", u.Redacted())
	case u.Host == "" || strings.Trim(u.Path, "/") == "":
	case u.Scheme == "sftp" && u.User.Username() != "":
		return u, nil
	case u.Scheme == "s3+https" || u.Scheme == "s3+http":
		return u, nil
	}
	return nil, fault.New(fault.Invalid, "the target %s is no folder, s3+https://HOST/BUCKET[/PREFIX] or "+
		"sftp://USER@HOST/FOLDER", u.Redacted())
}

func hasPassword(u *url.URL) bool {
	_, has := u.User.Password()
	return has
}

// Open opens a target. It fails with Unavailable if it is out of reach.
func Open(ctx context.Context, target string, with Credentials) (Place, error) {
	u, err := parse(target)
	switch {
	case err != nil:
		return nil, err
	case u.Scheme == "sftp":
		return openSFTP(ctx, u, with)
	case u.Scheme != "":
		return openBucket(ctx, u, with)
	}
	path, err := filepath.Abs(target)
	if err != nil {
		return nil, err
	}
	return openFolder(path, with.Existing)
}
