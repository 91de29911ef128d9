package playout

import (
	"bufio"
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
	"sync/atomic"
	"time"
)

// NewIcecast sends MP3 of kbps to a mount point, such as http://source:password@host:8000/lantern, through an ffmpeg
// child that encodes. The password is in no process's arguments.
func NewIcecast(mount string, rate Rate, kbps int) (*Child, error) {
	u, err := url.Parse(mount)
	if err != nil || u.Host == "" || u.User == nil || len(u.Path) < 2 || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("playout: an Icecast mount is http://source:password@host:port/mount")
	}
	var taken atomic.Bool // by the server
	return &Child{name: "icecast:" + u.Redacted(), hang: childHang, second: 2 * outChannels * int(rate), refused: func() bool { return !taken.Load() },
		argv: []string{"ffmpeg", "-v", "error", "-f", "s16le", "-ar", strconv.Itoa(int(rate)), "-ac", strconv.Itoa(outChannels), "-i", "-",
			"-c:a", "libmp3lame", "-b:a", strconv.Itoa(kbps) + "k", "-flush_packets", "1", "-f", "mp3", "-"},
		drain: func(ctx context.Context, mp3 io.Reader) error {
			defer taken.Store(false)
			return sourceIcecast(ctx, u, mp3, func() { taken.Store(true) })
		}}, nil
}

// icecastHang is how long a server may take nothing.
const icecastHang = 10 * time.Second

// sourceIcecast sends a stream as Icecast 2.4 wants it: PUT with Expect: 100-continue, without chunks.
// It calls taken once the server took some of it.
func sourceIcecast(ctx context.Context, mount *url.URL, stream io.Reader, taken func()) (err error) {
	host, port := mount.Hostname(), mount.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[mount.Scheme]
	}
	dialer := net.Dialer{Timeout: icecastHang}
	conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(host, port))
	if err != nil {
		return fmt.Errorf("icecast: %w", err)
	}
	if mount.Scheme == "https" {
		conn = tls.Client(conn, &tls.Config{ServerName: host})
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if err := conn.SetDeadline(time.Now().Add(icecastHang)); err != nil {
		return fmt.Errorf("icecast: %w", err)
	}
	password, _ := mount.User.Password()
	_, err = fmt.Fprintf(conn, "PUT %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Basic %s\r\nContent-Type: audio/mpeg\r\n"+
		"Ice-Public: 0\r\nUser-Agent: lifeline-playout\r\nExpect: 100-continue\r\n\r\n", mount.EscapedPath(), mount.Host,
		base64.StdEncoding.EncodeToString([]byte(mount.User.Username()+":"+password)))
	if err != nil {
		return fmt.Errorf("icecast: %w", err)
	}
	answer, err := textproto.NewReader(bufio.NewReader(conn)).ReadLine()
	if err != nil {
		return fmt.Errorf("icecast: %w", err)
	}
	if _, status, _ := strings.Cut(answer, " "); !strings.HasPrefix(status, "100") && !strings.HasPrefix(status, "200") {
		return fmt.Errorf("icecast: the server answers %q", status)
	}
	buf := make([]byte, 4096)
	for {
		n, err := stream.Read(buf)
		if n > 0 {
			if err := conn.SetWriteDeadline(time.Now().Add(icecastHang)); err != nil {
				return fmt.Errorf("icecast: %w", err)
			}
			if _, err := conn.Write(buf[:n]); err != nil {
				return fmt.Errorf("icecast: %w", err)
			}
			taken()
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("icecast: %w", err)
		}
	}
}
