package client

import (
	"compress/gzip"
	"errors"
	"io"
	"net/http"

	"lifeline/internal/fault"
)

// The limits for decompressed responses. The service sends nothing that is compressed as much, and an attacker on the
// link could fill the memory with little data.
const (
	unzipFree  = 1 << 20 // bytes that any response may decompress to
	unzipRatio = 100     // additional bytes for each compressed byte
)

// acceptGzip asks for a compressed response, as the transport would, so that unzip can count the compressed bytes.
func acceptGzip(req *http.Request) bool {
	if req.Method == http.MethodHead || req.Header.Get("Range") != "" || req.Header.Get("Accept-Encoding") != "" {
		return false
	}
	req.Header.Set("Accept-Encoding", "gzip")
	return true
}

// unzip replaces the body of a compressed response by a decompressing one.
func unzip(resp *http.Response) {
	if resp.Header.Get("Content-Encoding") != "gzip" {
		return
	}
	resp.Header.Del("Content-Encoding")
	resp.Header.Del("Content-Length")
	resp.ContentLength, resp.Uncompressed = -1, true
	resp.Body = &unzipped{body: resp.Body}
}

// unzipped decompresses a body. It fails with TooLarge if the result is implausibly large.
type unzipped struct {
	body    io.ReadCloser
	zip     *gzip.Reader // nil before the first read
	in, out int64
}

// compressedCount counts the compressed bytes of the body.
type compressedCount struct{ *unzipped }

func (c compressedCount) Read(p []byte) (int, error) {
	n, err := c.body.Read(p)
	c.in += int64(n)
	return n, err
}

func (u *unzipped) Read(p []byte) (n int, err error) {
	if u.zip == nil {
		if u.zip, err = gzip.NewReader(compressedCount{u}); err != nil {
			if errors.Is(err, io.EOF) && u.in == 0 {
				return 0, io.EOF
			}
			return 0, err
		}
	}
	n, err = u.zip.Read(p)
	if u.out += int64(n); u.out > unzipFree+unzipRatio*u.in {
		return 0, fault.New(fault.TooLarge, "the answer is refused: its %d bytes become more than %d", u.in, unzipFree+
			unzipRatio*u.in)
	}
	return n, err
}

func (u *unzipped) Close() error { return u.body.Close() }
