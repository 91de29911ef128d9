package site

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/textproto"
	"net/url"
	"os"
	"path"
	"strings"
	"time"

	"github.com/jlaffaye/ftp"

	"lifeline/internal/fault"
)

// ftpFolder is a folder of an FTP server, in passive mode.
type ftpFolder struct{ conn *ftp.ServerConn }

// openFTP connects to a server. With ftps the connection becomes one of TLS before the password is sent.
func openFTP(ctx context.Context, u *url.URL, password string, with Secrets) (*ftpFolder, error) {
	security, err := tlsOf(u, with.Authorities)
	if err != nil {
		return nil, err
	}
	address, implicit := u.Host, u.Scheme == "ftps+implicit"
	if u.Port() == "" {
		address = net.JoinHostPort(u.Hostname(), map[bool]string{false: "21", true: "990"}[implicit])
	}
	dialer := net.Dialer{Timeout: with.Silence}
	control := true
	dial := func(network, address string) (net.Conn, error) {
		raw, err := dialer.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		link := &paced{raw, with.Silence, context.AfterFunc(ctx, func() { _ = raw.Close() })}
		first := control
		control = false
		switch {
		case first && implicit:
			return tls.Client(link, security), nil
		case !first && u.Scheme != "ftp":
			return transfer{tls.Client(link, security)}, nil
		}
		return link, nil
	}
	options := []ftp.DialOption{ftp.DialWithDialFunc(dial), ftp.DialWithShutTimeout(with.Silence)}
	switch u.Scheme {
	case "ftps":
		options = append(options, ftp.DialWithExplicitTLS(security))
	case "ftps+implicit":
		options = append(options, ftp.DialWithTLS(security))
	}
	conn, err := ftp.Dial(address, options...)
	if err != nil {
		return nil, unreachable(err, address)
	}
	if err := enter(conn, u, address, password); err != nil {
		_ = conn.Quit() // it may have ended already
		return nil, err
	}
	return &ftpFolder{conn}, nil
}

// enter signs in and goes to the folder.
func enter(conn *ftp.ServerConn, u *url.URL, address, password string) error {
	var link net.Error
	err := conn.Login(u.User.Username(), password)
	switch {
	case err == nil:
	case errors.As(err, &link) || errors.Is(err, io.EOF):
		return unreachable(err, address)
	default:
		return fault.Wrap(fault.Forbidden, err, "%s refuses the user or the password", address)
	}
	dir := strings.TrimPrefix(u.Path, "/~/")
	if dir == "" {
		return nil
	}
	err = conn.ChangeDir(dir)
	switch {
	case err == nil:
		return nil
	case Refused(err):
		return fault.Wrap(fault.NotFound, err, "%s has no folder %s", address, dir)
	}
	return unreachable(err, address)
}

// unreachable classifies an error of a connection.
func unreachable(err error, address string) error {
	var wrong *tls.CertificateVerificationError
	if errors.As(err, &wrong) {
		return fault.Wrap(fault.Forbidden, err, "%s shows a certificate that is not trusted: somebody may stand in its "+
			"place. Nothing was sent", address)
	}
	return fault.Wrap(fault.Unavailable, err, "%s is out of reach", address)
}

// tlsOf returns the settings of TLS to a server. Servers want the data connections to resume the session of the first.
func tlsOf(u *url.URL, authorities string) (*tls.Config, error) {
	c := &tls.Config{ServerName: u.Hostname(), MinVersion: tls.VersionTLS12,
		ClientSessionCache: tls.NewLRUClientSessionCache(4)}
	if authorities == "" {
		return c, nil
	}
	certificates, err := os.ReadFile(authorities)
	if err != nil {
		return nil, fault.New(fault.Invalid, "the authorities of the site: %v", err)
	}
	c.RootCAs = x509.NewCertPool()
	if !c.RootCAs.AppendCertsFromPEM(certificates) {
		return nil, fault.New(fault.Invalid, "the authorities of the site: %s holds no certificate", authorities)
	}
	return c, nil
}

// transfer is a data connection of TLS. It reads what the server still sends, such as tickets, before it is closed:
// else the system resets the connection, and the server takes the file for broken off.
type transfer struct{ *tls.Conn }

// The bounds of what is read before a connection is closed.
const (
	mostRest  = 64 << 10
	leaveTime = 5 * time.Second
)

// Close ends the connection in good order.
func (c transfer) Close() error {
	if c.CloseWrite() == nil && c.SetReadDeadline(time.Now().Add(leaveTime)) == nil {
		_, _ = io.CopyN(io.Discard, c.NetConn().(*paced).Conn, mostRest) // it ends by an error
	}
	return c.Conn.Close()
}

// paced fails when nothing moves for a time.
type paced struct {
	net.Conn
	silence time.Duration
	stop    func() bool // it no longer ends with the context
}

func (c *paced) Close() error {
	c.stop()
	return c.Conn.Close()
}

func (c *paced) Read(p []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(c.silence)); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

func (c *paced) Write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(c.silence)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

// Close implements Remote.
func (f *ftpFolder) Close() error {
	if err := f.conn.Quit(); err != nil {
		return fault.Wrap(fault.Unavailable, err, "the connection ended early")
	}
	return nil
}

// Names implements Remote.
func (f *ftpFolder) Names(context.Context) (map[string]int64, error) {
	entries, err := f.conn.List("")
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "the folder cannot be listed")
	}
	out := map[string]int64{}
	for _, e := range entries {
		if e.Type == ftp.EntryTypeFile {
			out[path.Base(e.Name)] = int64(e.Size)
		}
	}
	return out, nil
}

// Write implements Remote.
func (f *ftpFolder) Write(_ context.Context, name string, _ int64, content io.ReadSeeker) error {
	if err := f.conn.Stor(name, content); err != nil {
		return fault.Wrap(fault.Unavailable, err, "%s could not be sent", name)
	}
	return nil
}

// Open implements Remote.
func (f *ftpFolder) Open(_ context.Context, name string) (io.ReadCloser, error) {
	in, err := f.conn.Retr(name)
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "%s cannot be read", name)
	}
	return in, nil
}

// Rename implements Remote.
func (f *ftpFolder) Rename(_ context.Context, from, to string) error {
	if err := f.conn.Rename(from, to); err != nil {
		return fault.Wrap(fault.Unavailable, err, "%s could not be renamed", from)
	}
	return nil
}

// Remove implements Remote. Servers tell a file that is not there by a text alone, so that it looks for it.
func (f *ftpFolder) Remove(ctx context.Context, name string) error {
	err := f.conn.Delete(name)
	var answer *textproto.Error
	if errors.As(err, &answer) && answer.Code == ftp.StatusFileUnavailable {
		there, listed := f.Names(ctx)
		if _, is := there[name]; listed == nil && !is {
			return nil
		}
	}
	if err != nil {
		return fault.Wrap(fault.Unavailable, err, "%s could not be removed", name)
	}
	return nil
}
