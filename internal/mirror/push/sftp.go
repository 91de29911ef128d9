package push

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path"
	"strings"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"lifeline/internal/fault"
	"lifeline/internal/secret"
)

// server is a folder of an SFTP server.
type server struct {
	conn   *ssh.Client
	client *sftp.Client
	dir    string
}

// handshake bounds the time to connect to an SFTP server.
const handshake = 30 * time.Second

// openSFTP connects to a server whose key the file of known hosts names. A server with another key is refused.
func openSFTP(ctx context.Context, u *url.URL, with Credentials) (*server, error) {
	known, err := knownhosts.New(with.KnownHosts)
	if err != nil {
		return nil, fault.New(fault.Invalid, "--known-hosts: %v. ssh-keyscan writes such a file: compare the key with what "+
			"whoever runs the server says", err)
	}
	key, err := secret.Read(with.Identity)
	if err != nil {
		return nil, fault.New(fault.Invalid, "--ssh-key: %v", err)
	}
	signer, err := ssh.ParsePrivateKey(key)
	if err != nil {
		return nil, fault.New(fault.Invalid, "--ssh-key: %s: %v", with.Identity, err)
	}
	address := u.Host
	if u.Port() == "" {
		address = net.JoinHostPort(u.Hostname(), "22")
	}
	dialer := net.Dialer{Timeout: handshake}
	link, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "%s is out of reach", address)
	}
	stop := context.AfterFunc(ctx, func() { _ = link.Close() })
	link = &watched{Conn: link, silence: with.Silence, stop: stop}
	conn, channels, requests, err := ssh.NewClientConn(link, address, &ssh.ClientConfig{
		User: u.User.Username(), Auth: []ssh.AuthMethod{ssh.PublicKeys(signer)}, HostKeyCallback: known, Timeout: handshake,
		HostKeyAlgorithms: algorithms(known, address, link.RemoteAddr())})
	if err != nil {
		_ = link.Close() // it may be closed already
		return nil, unfamiliar(err, address, with.KnownHosts)
	}
	s := &server{conn: ssh.NewClient(conn, channels, requests), dir: strings.TrimPrefix(u.Path, "/~/")}
	if s.client, err = sftp.NewClient(s.conn); err != nil {
		return nil, errors.Join(fault.Wrap(fault.Unavailable, err, "%s serves no SFTP", address), s.conn.Close())
	}
	if with.Existing {
		if info, err := s.client.Stat(cmp.Or(s.dir, ".")); err != nil || !info.IsDir() {
			return nil, errors.Join(fault.Wrap(fault.NotFound, err, "%s has no folder %s", address, s.dir), s.Close())
		}
	}
	return s, nil
}

// algorithms returns the kinds of keys that the file of known hosts has for a server, so that it shows one of them.
func algorithms(known ssh.HostKeyCallback, address string, remote net.Addr) (out []string) {
	var wrong *knownhosts.KeyError
	if !errors.As(known(address, remote, noKey{}), &wrong) {
		return nil
	}
	for _, k := range wrong.Want {
		switch kind := k.Key.Type(); kind {
		case ssh.KeyAlgoRSA:
			out = append(out, ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256)
		default:
			out = append(out, kind)
		}
	}
	return out
}

// noKey is a key that no server has.
type noKey struct{}

func (noKey) Type() string                        { return "none" }
func (noKey) Marshal() []byte                     { return []byte("none") }
func (noKey) Verify([]byte, *ssh.Signature) error { return errors.New("no key") }

// unfamiliar returns the error of a handshake for a person.
func unfamiliar(err error, address, file string) error {
	var wrong *knownhosts.KeyError
	switch {
	case errors.As(err, &wrong) && len(wrong.Want) == 0:
		return fault.New(fault.Forbidden, "%s does not name the key of %s, so that the server is not trusted. Ask whoever "+
			"runs it for its key, and add the line", file, address)
	case errors.As(err, &wrong):
		return fault.New(fault.Forbidden, "%s shows another key than %s names (line %d): somebody may stand in its place. "+
			"Nothing was sent", address, file, wrong.Want[0].Line)
	case strings.Contains(err.Error(), "unable to authenticate"):
		return fault.New(fault.Forbidden, "%s does not accept the key of --ssh-key: %v", address, err)
	}
	return fault.Wrap(fault.Unavailable, err, "%s cannot be used", address)
}

// watched closes a connection on which no byte moves.
type watched struct {
	net.Conn
	silence time.Duration
	stop    func() bool
}

func (c *watched) Write(p []byte) (int, error) {
	if c.silence > 0 {
		if err := c.SetDeadline(time.Now().Add(c.silence)); err != nil {
			return 0, err
		}
	}
	return c.Conn.Write(p)
}

func (c *watched) Close() error {
	c.stop()
	return c.Conn.Close()
}

// Close implements Place.
func (s *server) Close() error { return errors.Join(s.client.Close(), s.conn.Close()) }

// List implements mirror.Target.
func (s *server) List(ctx context.Context) (map[string]int64, error) {
	out := map[string]int64{}
	walk := s.client.Walk(s.dir)
	for walk.Step() {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err := walk.Err(); err != nil {
			if errors.Is(err, fs.ErrNotExist) && walk.Path() == s.dir {
				return out, nil
			}
			return nil, fault.Wrap(fault.Unavailable, err, "the folder cannot be listed")
		}
		if walk.Stat().Mode().IsRegular() {
			out[strings.TrimPrefix(strings.TrimPrefix(walk.Path(), s.dir), "/")] = walk.Stat().Size()
		}
	}
	return out, nil
}

// Put implements mirror.Target.
func (s *server) Put(ctx context.Context, name string, n int64, content io.ReadSeeker) error {
	err := s.Write(ctx, name+part, n, content)
	if err == nil {
		err = s.Rename(ctx, name+part, name)
	}
	return err
}

// Write implements Place.
func (s *server) Write(ctx context.Context, name string, n int64, content io.ReadSeeker) error {
	full := path.Join(s.dir, name)
	err := s.client.MkdirAll(path.Dir(full))
	if err == nil {
		err = s.write(full, n, content)
	}
	if err = errors.Join(err, ctx.Err()); err != nil {
		return fault.Wrap(fault.Unavailable, err, "%s could not be sent", name)
	}
	return nil
}

func (s *server) write(name string, n int64, content io.Reader) error {
	out, err := s.client.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC)
	if err != nil {
		return err
	}
	came, err := out.ReadFrom(content)
	if err == nil && came != n {
		err = fmt.Errorf("%d bytes of %d were sent", came, n)
	}
	if err = errors.Join(err, out.Close()); err != nil {
		return errors.Join(err, s.client.Remove(name))
	}
	return nil
}

// Rename implements Place. A server without the extension for it replaces no file.
func (s *server) Rename(_ context.Context, from, to string) error {
	from, to = path.Join(s.dir, from), path.Join(s.dir, to)
	rename := s.client.Rename
	if _, can := s.client.HasExtension("posix-rename@openssh.com"); can {
		rename = s.client.PosixRename
	}
	if err := rename(from, to); err != nil {
		return fault.Wrap(fault.Unavailable, err, "%s could not be renamed", path.Base(from))
	}
	return nil
}

// Names implements Place.
func (s *server) Names(ctx context.Context) (map[string]int64, error) {
	entries, err := s.client.ReadDirContext(ctx, cmp.Or(s.dir, "."))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fault.Wrap(fault.Unavailable, err, "the folder cannot be listed")
	}
	out := map[string]int64{}
	for _, e := range entries {
		if e.Mode().IsRegular() {
			out[e.Name()] = e.Size()
		}
	}
	return out, nil
}

// Remove implements mirror.Target.
func (s *server) Remove(_ context.Context, name string) error {
	if err := s.client.Remove(path.Join(s.dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fault.Wrap(fault.Unavailable, err, "%s could not be removed", name)
	}
	return nil
}

// Open implements Place.
func (s *server) Open(_ context.Context, name string) (io.ReadCloser, error) {
	f, err := s.client.Open(path.Join(s.dir, name))
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "%s cannot be read", name)
	}
	return f, nil
}
