package client

import (
	"compress/gzip"
	"errors"
	"io"
	"net/http"

	"lifeline/internal/fault"
)

// What a compressed answer may become: nothing that a service sends is packed as tightly, and whoever is on the way
// could fill the memory with very little.
const (
	unzipFree  = 1 << 20 // bytes that any answer may become
	unzipRatio = 100     // bytes beyond those for each that came
)

// acceptGzip asks for a compressed answer, as the transport would: then unzip sees what came.
func acceptGzip(req *http.Request) bool {
	if req.Method == http.MethodHead || req.Header.Get("Range") != "" || req.Header.Get("Accept-Encoding") != "" {
		return false
	}
	req.Header.Set("Accept-Encoding", "gzip")
	return true
}

// unzip makes the body of a compressed answer what it was.
func unzip(resp *http.Response) {
	if resp.Header.Get("Content-Encoding") != "gzip" {
		return
	}
	resp.Header.Del("Content-Encoding")
	resp.Header.Del("Content-Length")
	resp.ContentLength, resp.Uncompressed = -1, true
	resp.Body = &unzipped{body: resp.Body}
}

// unzipped reads what a compressed body becomes. It fails with TooLarge where that is implausibly much.
type unzipped struct {
	body    io.ReadCloser
	zip     *gzip.Reader // nil: nothing was read yet
	in, out int64
}

// came counts what came of the body.
type came struct{ *unzipped }

func (c came) Read(p []byte) (int, error) {
	n, err := c.body.Read(p)
	c.in += int64(n)
	return n, err
}

func (u *unzipped) Read(p []byte) (n int, err error) {
	if u.zip == nil {
		if u.zip, err = gzip.NewReader(came{u}); err != nil {
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
