// Package site brings files to hired sites: a folder, an SFTP, FTP or WebDAV server, an S3-compatible bucket. Under its
// final name a file is whole, and read back, or not there.
package site

import (
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"net/textproto"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/pkg/sftp"
	"github.com/studio-b12/gowebdav"

	"lifeline/internal/fault"
	"lifeline/internal/mirror/push"
	"lifeline/internal/secret"
)

// Remote is a folder of a site. Names are of files in that folder itself. Refused tells failures that are the site's
// from those of the link to it.
type Remote interface {
	// Names returns the files, with their sizes.
	Names(ctx context.Context) (map[string]int64, error)
	// Write writes a file, which the site may see before it is whole. A file that is not written whole may stay.
	Write(ctx context.Context, name string, n int64, content io.ReadSeeker) error
	// Open opens a file that Names named.
	Open(ctx context.Context, name string) (io.ReadCloser, error)
	// Rename gives a file another name. A file of that name is replaced at once, or the call fails.
	Rename(ctx context.Context, from, to string) error
	// Remove removes a file, if it is there.
	Remove(ctx context.Context, name string) error
	io.Closer
}

// Secrets is what sites are opened with.
type Secrets struct {
	push.Credentials        // SFTP, S3; Silence also of FTP and WebDAV
	Password         string // FTP, WebDAV: file of the password
	Authorities      string // FTPS, WebDAV: file of the certificates that sign those of servers; none: the machine's
}

// forms are the targets, for messages.
const forms = "a folder, sftp://USER@HOST/FOLDER, ftp://USER@HOST/FOLDER, ftps://USER@HOST/FOLDER (TLS on the usual port), " +
	"ftps+implicit://USER@HOST/FOLDER, dav+https://USER@HOST/FOLDER or s3+https://HOST/BUCKET[/PREFIX]"

// Check fails with Invalid unless the target has one of the forms that Open takes.
func Check(target string) error {
	_, err := parse(target)
	return err
}

// parse returns the address of an FTP or WebDAV server; nil for a target of push.
func parse(target string) (*url.URL, error) {
	scheme, _, _ := strings.Cut(target, "://")
	switch scheme {
	case "ftp", "ftps", "ftps+implicit", "dav+https", "dav+http":
	case "sftp", "s3+https", "s3+http":
		return nil, push.Check(target)
	default:
		if strings.Contains(target, "://") || target == "" {
			return nil, fault.New(fault.Invalid, "a site is %s", forms)
		}
		return nil, nil
	}
	u, err := url.Parse(target)
	if err != nil {
		return nil, fault.New(fault.Invalid, "the target is no address: %v", errors.Unwrap(err))
	}
	if _, has := u.User.Password(); has {
		return nil, fault.New(fault.Invalid, "the target %s holds a password: give it in a file instead", u.Redacted())
	}
	if u.Host == "" || u.User.Username() == "" || strings.ContainsAny(u.Path, "\r\n") {
		return nil, fault.New(fault.Invalid, "the target %s must name a user and a host: a site is %s", u.Redacted(), forms)
	}
	return u, nil
}

// Open opens a site. It fails with Unavailable if it is out of reach, with Forbidden if it shows another key or
// certificate than is trusted, or refuses the access, and with NotFound if the folder is not there: nobody would take
// files from one that was made because of a wrong letter.
func Open(ctx context.Context, target string, with Secrets) (Remote, error) {
	u, err := parse(target)
	if err != nil {
		return nil, err
	}
	site, err := open(ctx, u, target, with)
	if err != nil {
		return nil, err // site may hold a nil pointer
	}
	return site, nil
}

func open(ctx context.Context, u *url.URL, target string, with Secrets) (Remote, error) {
	with.Silence = cmp.Or(with.Silence, patience)
	if u == nil {
		with.Existing = true
		return push.Open(ctx, target, with.Credentials)
	}
	password, err := secret.Read(with.Password)
	if err != nil {
		return nil, fault.New(fault.Invalid, "the password of the site: %v", err)
	}
	word := strings.TrimRight(string(password), "\r\n")
	if strings.HasPrefix(u.Scheme, "ftp") {
		return openFTP(ctx, u, word, with)
	}
	return openDAV(ctx, u, word, with)
}

// patience is how long nothing may come from a site where Secrets says nothing.
const patience = time.Minute

// Refused reports whether a site answered that it does not do what was asked, so that the link is not to blame.
func Refused(err error) bool {
	var ftp *textproto.Error
	var ssh *sftp.StatusError
	var dav gowebdav.StatusError
	var link *os.LinkError
	switch {
	case errors.As(err, &ftp):
		return ftp.Code >= 500
	case errors.As(err, &ssh), errors.As(err, &link), errors.Is(err, fs.ErrPermission), errors.Is(err, fs.ErrExist):
		return true
	case errors.As(err, &dav):
		return dav.Status >= 400 && dav.Status != 503 && dav.Status != 504
	}
	return false
}
