package client

import (
	"context"
	"errors"
	"io"
	"time"

	"lifeline/internal/fault"
)

// Bounds for data from a service, or from an attacker on the link. Each far exceeds what a service sends.
const (
	maxBody    = 64 << 20         // bytes of a JSON response that is read into memory
	maxAnswer  = 1 << 20          // bytes of a short response to a station: decoded JSON takes many times its length
	maxRoots   = 8 << 20          // bytes of a chain of roots; a station that lacks more asks again
	maxProblem = 1 << 20          // bytes of a problem
	maxNotice  = 64 << 10         // bytes of one change in the stream
	maxHeader  = 64 << 10         // bytes of a response's headers, including all informational responses before it
	maxPages   = 10_000           // of one list
	maxTold    = 300              // bytes of a server's own text in an error
	paceTime   = 2 * time.Minute  // in which a response must deliver paceLeast
	paceLeast  = 4 << 10          // bytes
	streamTime = 90 * time.Second // longest silence of a change stream, and the time in which it may deliver streamMost
	streamMost = 8 << 20          // bytes

	handshakeMost   = 20 * time.Second // for a TLS handshake, also on a poor link
	connectionsMost = 8                // concurrent connections to the service
)

// short returns a server's own text, truncated to maxTold bytes.
func short(s string) string {
	if len(s) > maxTold {
		return s[:maxTold] + "…"
	}
	return s
}

// errSlow ends a response that makes too little progress.
var errSlow = errors.New("client: an answer makes no progress")

// paced is a body that must make progress: one that delivers a byte now and then would block its reader indefinitely.
// Only the time spent waiting for data counts.
type paced struct {
	io.ReadCloser
	late   *time.Timer // cancels the request; nil: never
	left   time.Duration
	cancel context.CancelCauseFunc
	came   int
}

// pace returns a paced body for the request that cancel ends. An unpaced one ends the request only when it is closed.
func pace(body io.ReadCloser, cancel context.CancelCauseFunc, unpaced bool) *paced {
	p := &paced{ReadCloser: body, left: paceTime, cancel: cancel}
	if !unpaced {
		p.late = time.AfterFunc(paceTime, func() { cancel(errSlow) })
		p.late.Stop()
	}
	return p
}

func (p *paced) Read(b []byte) (int, error) {
	if p.late == nil {
		return p.ReadCloser.Read(b)
	}
	began := time.Now()
	p.late.Reset(p.left)
	n, err := p.ReadCloser.Read(b)
	if !p.late.Stop() {
		return n, fault.New(fault.Unavailable, "the answer came too slowly: under %d bytes in %v", paceLeast, paceTime)
	}
	p.left -= time.Since(began)
	if p.came += n; p.came >= paceLeast {
		p.came, p.left = 0, paceTime
	}
	return n, err
}

func (p *paced) Close() error {
	if p.late != nil {
		p.late.Stop()
	}
	err := p.ReadCloser.Close()
	p.cancel(nil)
	return err
}

// streamLimit counts the bytes of a stream, and fails with TooLarge when they far exceed what changes need.
type streamLimit struct {
	io.Reader
	since time.Time
	came  int
}

func (f *streamLimit) Read(b []byte) (int, error) {
	n, err := f.Reader.Read(b)
	if now := time.Now(); now.Sub(f.since) > streamTime {
		f.since, f.came = now, 0
	}
	if f.came += n; f.came > streamMost {
		return 0, fault.New(fault.TooLarge, "the change stream brought over %d bytes within %v", streamMost, streamTime)
	}
	return n, err
}
