package audio

import (
	"context"
	"crypto/sha256"
	"hash"
	"io"
	"runtime"
	"time"
)

// Options configures an analysis. The zero value is right for most callers.
type Options struct {
	Workers     int                   // goroutines that decode; 0 means GOMAXPROCS
	Progress    func(bytesRead int64) // called with the number of bytes consumed, never concurrently; may be nil
	MaxDuration time.Duration         // longer files are rejected; 0 means 24 hours
}

const maxWorkers = 16

// Analyse reads an MP3 once, to its end, and returns all measured facts. It works on the bytes as they arrive: when the
// last byte is read, all but the last seconds are already measured. Apart from the waveform, which is bounded, its
// memory does not grow with the file.
//
// It fails with a [*Rejection] if the bytes cannot be aired, with r's error, or with ctx's. It then leaves the rest of
// r unread, so the caller must release a writer at the other end of a pipe. A call that is blocked in r.Read returns
// after that read does. The facts do not depend on opt.
func Analyse(ctx context.Context, r io.Reader, opt Options) (Facts, error) {
	meter := &meteredReader{ctx: ctx, r: r, sum: sha256.New(), progress: opt.Progress}
	fr := &framer{scan: NewScanner(meter)}
	if err := fr.open(); err != nil {
		return Facts{}, meter.prefer(err)
	}
	workers := opt.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	limit := opt.MaxDuration
	if limit <= 0 {
		limit = 24 * time.Hour
	}
	m := newMeasurement(fr.lock, fr.line)
	err := pipeline(ctx, fr, min(workers, maxWorkers), func(c *chunk) error {
		if m.add(c); samplesTime(m.decoded, fr.lock.SampleRate) > limit {
			return reject(RejectTooLong, "The recording is longer than %v: split it.", limit)
		}
		return nil
	})
	if err != nil {
		return Facts{}, meter.prefer(err)
	}
	if _, err := io.Copy(io.Discard, meter); err != nil {
		return Facts{}, err
	}
	return m.facts(fr, meter)
}

// meteredReader counts, hashes and reports the bytes that it passes on, and ends when ctx does.
type meteredReader struct {
	ctx      context.Context
	r        io.Reader
	sum      hash.Hash
	n        int64
	progress func(int64)
	err      error
}

func (m *meteredReader) Read(b []byte) (int, error) {
	if err := m.ctx.Err(); err != nil {
		m.err = err
		return 0, err
	}
	n, err := m.r.Read(b)
	m.sum.Write(b[:n])
	m.n += int64(n)
	if m.progress != nil && n > 0 {
		m.progress(m.n)
	}
	if err != nil && err != io.EOF {
		m.err = err
	}
	return n, err
}

// prefer returns the reader's error, which caused the later ones, or else err.
func (m *meteredReader) prefer(err error) error {
	if m.err != nil {
		return m.err
	}
	return err
}
