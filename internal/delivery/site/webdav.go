package site

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"path"
	"strings"

	"github.com/studio-b12/gowebdav"

	"lifeline/internal/fault"
)

// davFolder is a folder of a WebDAV server.
type davFolder struct {
	client *gowebdav.Client
	links  *http.Transport
}

// openDAV asks a server for the folder.
func openDAV(ctx context.Context, u *url.URL, password string, with Secrets) (*davFolder, error) {
	security, err := tlsOf(u, with.Authorities)
	if err != nil {
		return nil, err
	}
	links := http.DefaultTransport.(*http.Transport).Clone()
	links.TLSClientConfig = security
	links.ResponseHeaderTimeout = with.Silence
	base := url.URL{Scheme: strings.TrimPrefix(u.Scheme, "dav+"), Host: u.Host, Path: u.Path}
	d := &davFolder{gowebdav.NewClient(base.String(), u.User.Username(), password), links}
	d.client.SetTransport(until{ctx, links})
	if _, err := d.Names(ctx); err != nil {
		var answer gowebdav.StatusError
		switch {
		case errors.As(err, &answer) && (answer.Status == http.StatusUnauthorized || answer.Status == http.StatusForbidden):
			return nil, fault.Wrap(fault.Forbidden, err, "%s refuses the user or the password", u.Host)
		case errors.As(err, &answer) && answer.Status == http.StatusNotFound:
			return nil, fault.Wrap(fault.NotFound, err, "%s has no folder %s", u.Host, u.Path)
		case Refused(err):
			return nil, err
		}
		return nil, unreachable(err, u.Host)
	}
	return d, nil
}

// until ends requests when a context is done. The client passes none on.
type until struct {
	ctx   context.Context
	links http.RoundTripper
}

func (t until) RoundTrip(r *http.Request) (*http.Response, error) {
	return t.links.RoundTrip(r.WithContext(t.ctx))
}

// Close implements Remote.
func (d *davFolder) Close() error {
	d.links.CloseIdleConnections()
	return nil
}

// Names implements Remote.
func (d *davFolder) Names(context.Context) (map[string]int64, error) {
	entries, err := d.client.ReadDir("/")
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "the folder cannot be listed")
	}
	out := map[string]int64{}
	for _, e := range entries {
		if !e.IsDir() {
			out[path.Base(e.Name())] = e.Size()
		}
	}
	return out, nil
}

// Write implements Remote.
func (d *davFolder) Write(_ context.Context, name string, n int64, content io.ReadSeeker) error {
	// What the client can wind back it does not keep in memory; and it would close what it can close.
	if err := d.client.WriteStreamWithLength(name, struct{ io.ReadSeeker }{content}, n, 0o644); err != nil {
		return fault.Wrap(fault.Unavailable, err, "%s could not be sent", name)
	}
	return nil
}

// Open implements Remote.
func (d *davFolder) Open(_ context.Context, name string) (io.ReadCloser, error) {
	in, err := d.client.ReadStream(name)
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "%s cannot be read", name)
	}
	return in, nil
}

// Rename implements Remote.
func (d *davFolder) Rename(_ context.Context, from, to string) error {
	if err := d.client.Rename(from, to, true); err != nil {
		return fault.Wrap(fault.Unavailable, err, "%s could not be renamed", from)
	}
	return nil
}

// Remove implements Remote.
func (d *davFolder) Remove(_ context.Context, name string) error {
	if err := d.client.Remove(name); err != nil {
		return fault.Wrap(fault.Unavailable, err, "%s could not be removed", name)
	}
	return nil
}
