package output

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"lifeline/internal/playout/dsp"
)

// NewIcecast sends MP3 of kbps to a mount point, such as http://source:password@host:8000/lantern. An ffmpeg child
// encodes. The password is in no process's arguments.
func NewIcecast(mount string, rate dsp.Rate, kbps int) (*Child, error) {
	u, err := url.Parse(mount)
	if err != nil || u.Host == "" || u.User == nil || len(u.Path) < 2 || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("playout: an Icecast mount is http://source:password@host:port/mount")
	}
	var to stream
	return &Child{
		name:   "icecast:" + u.Redacted(),
		hang:   childHang,
		second: 2 * dsp.Channels * int(rate),
		behind: func() time.Duration { return to.held(kbps * 1000 / 8) },
		argv: []string{"ffmpeg", "-v", "error",
			"-f", "s16le", "-ar", strconv.Itoa(int(rate)), "-ac", strconv.Itoa(dsp.Channels), "-i", "-",
			"-c:a", "libmp3lame", "-b:a", strconv.Itoa(kbps) + "k", "-flush_packets", "1", "-f", "mp3", "-"},
		drain: func(ctx context.Context, mp3 io.Reader) error {
			defer to.ends.Store(nil)
			return sourceIcecast(ctx, u, mp3, kbps*1000/8, func(conn syscall.Conn) {
				pipe, _ := mp3.(syscall.Conn)
				to.ends.Store(&ends{pipe, conn})
			})
		},
	}, nil
}

// stream is the path of the MP3 from the encoder to the server.
type stream struct{ ends atomic.Pointer[ends] } // nil: the server is not connected

// ends are the places where MP3 waits: the encoder's pipe and the connection.
type ends struct{ pipe, conn syscall.Conn }

// held returns the delay of the data on its way, at the given bytes per second. Without a connection that is all data.
func (s *stream) held(second int) (held time.Duration) {
	e := s.ends.Load()
	if e == nil {
		return time.Hour
	}
	if e.pipe != nil {
		held = waits(unread, e.pipe, second)
	}
	return held + waits(unsent, e.conn, second)
}

const (
	icecastHang   = 10 * time.Second // longest pause in which the server reads nothing
	icecastWaits  = 2                // seconds of sound that may wait in the connection
	icecastBuffer = 16 << 10         // bytes that may wait at least
)

// icecastHost is where a server listens.
type icecastHost struct {
	name, address string
	tls           bool
}

func hostOf(mount *url.URL) icecastHost {
	port := mount.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[mount.Scheme]
	}
	return icecastHost{mount.Hostname(), net.JoinHostPort(mount.Hostname(), port), mount.Scheme == "https"}
}

// dial connects. conn ends or is link.
func (h icecastHost) dial(ctx context.Context) (conn net.Conn, link *net.TCPConn, err error) {
	dialer := net.Dialer{Timeout: icecastHang}
	if conn, err = dialer.DialContext(ctx, "tcp", h.address); err != nil {
		return nil, nil, err
	}
	link = conn.(*net.TCPConn)
	if h.tls {
		conn = tls.Client(conn, &tls.Config{ServerName: h.name})
	}
	return conn, link, nil
}

// sourceIcecast sends a stream as Icecast 2.4 expects it: PUT with Expect: 100-continue, without chunks. It keeps the
// data that waits in the connection short, at the given bytes per second. It calls taken once the server has read some
// data, and fails with stopped if the server answers no question any more.
func sourceIcecast(
	ctx context.Context,
	mount *url.URL,
	stream io.Reader,
	second int,
	taken func(syscall.Conn),
) (err error) {
	host := hostOf(mount)
	conn, link, err := host.dial(ctx)
	if err != nil {
		return fmt.Errorf("icecast: %w", err)
	}
	defer func() { err = errors.Join(err, ended(conn.Close())) }()
	if err := link.SetWriteBuffer(max(icecastWaits*second, icecastBuffer)); err != nil {
		return fmt.Errorf("icecast: %w", err)
	}
	if err := beginSource(conn, mount); err != nil {
		return fmt.Errorf("icecast: %w", err)
	}
	ctx, stop := context.WithCancelCause(ctx)
	var watching sync.WaitGroup
	defer watching.Wait()
	defer stop(nil)
	watching.Go(func() {
		var a answers
		if err := a.watch(ctx, host.answers); err != nil {
			stop(err)
			_ = link.Close() // what is being written fails
		}
	})
	buf := make([]byte, 4096)
	for {
		n, err := stream.Read(buf)
		if n > 0 {
			if err := conn.SetWriteDeadline(time.Now().Add(icecastHang)); err != nil {
				return cmp.Or(context.Cause(ctx), fmt.Errorf("icecast: %w", err))
			}
			if _, err := conn.Write(buf[:n]); err != nil {
				return cmp.Or(context.Cause(ctx), fmt.Errorf("icecast: %w", err))
			}
			taken(link)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("icecast: %w", err)
		}
	}
}

// ended returns the error of closing a connection that may be closed already.
func ended(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// beginSource asks a server to take a stream.
func beginSource(conn net.Conn, mount *url.URL) error {
	if err := conn.SetDeadline(time.Now().Add(icecastHang)); err != nil {
		return err
	}
	password, _ := mount.User.Password()
	_, err := fmt.Fprintf(conn, "PUT %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Basic %s\r\nContent-Type: audio/mpeg\r\n"+
		"Ice-Public: 0\r\nUser-Agent: lifeline-playout\r\nExpect: 100-continue\r\n\r\n", mount.EscapedPath(), mount.Host,
		base64.StdEncoding.EncodeToString([]byte(mount.User.Username()+":"+password)))
	if err != nil {
		return err
	}
	answer, err := textproto.NewReader(bufio.NewReader(conn)).ReadLine()
	if err != nil {
		return err
	}
	if _, status, _ := strings.Cut(answer, " "); !strings.HasPrefix(status, "100") && !strings.HasPrefix(status, "200") {
		return fmt.Errorf("the server answers %q", status)
	}
	return nil
}
