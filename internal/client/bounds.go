package client

import (
	"context"
	"errors"
	"io"
	"time"

	"lifeline/internal/fault"
)

// Bounds of what comes from a service, or from whoever stands between. Each is far beyond what a service sends.
const (
	maxBody    = 64 << 20         // bytes of a JSON answer that is read into memory
	maxAnswer  = 1 << 20          // bytes of a short answer to a station: decoded, JSON takes up many times as much
	maxRoots   = 8 << 20          // bytes of a chain of roots; a station that lacks more asks again
	maxProblem = 1 << 20          // bytes of a problem
	maxNotice  = 64 << 10         // bytes of one change of the stream
	maxHeader  = 64 << 10         // bytes of an answer's headers, with all informational answers before it
	maxPages   = 10_000           // of one list
	maxTold    = 300              // bytes of a server's own words in an error
	paceTime   = 2 * time.Minute  // in which an answer brings paceLeast
	paceLeast  = 4 << 10          // bytes
	streamTime = 90 * time.Second // for which a change stream may be silent, and in which it brings streamMost at most
	streamMost = 8 << 20          // bytes

	handshakeMost   = 20 * time.Second // for a TLS handshake, on a poor link too
	connectionsMost = 8                // to the service at once
)

// short is a server's own words, cut where they are long.
func short(s string) string {
	if len(s) > maxTold {
		return s[:maxTold] + "…"
	}
	return s
}

// errSlow ends an answer that does not come on.
var errSlow = errors.New("client: an answer does not come on")

// paced is a body that must come on: one that brings a byte now and then would hold its reader for ever. Only the time
// that is spent waiting for it counts.
type paced struct {
	io.ReadCloser
	late   *time.Timer // ends the request; nil: never
	left   time.Duration
	cancel context.CancelCauseFunc
	came   int
}

// pace makes body a paced one of the request that cancel ends; an unpaced one ends it only when it is closed.
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

// flood counts what a stream brings, and fails with TooLarge once that is far more than changes are.
type flood struct {
	io.Reader
	since time.Time
	came  int
}

func (f *flood) Read(b []byte) (int, error) {
	n, err := f.Reader.Read(b)
	if now := time.Now(); now.Sub(f.since) > streamTime {
		f.since, f.came = now, 0
	}
	if f.came += n; f.came > streamMost {
		return 0, fault.New(fault.TooLarge, "the change stream brought over %d bytes within %v", streamMost, streamTime)
	}
	return n, err
}
