package audio

import (
	"context"
	"crypto/sha256"
	"hash"
	"io"
	"runtime"
	"time"
)

// Options tune an analysis. The zero value is right for most.
type Options struct {
	Workers     int                   // goroutines that decode; 0 means GOMAXPROCS
	Progress    func(bytesRead int64) // told how many bytes have been consumed, never concurrently; may be nil
	MaxDuration time.Duration         // longer files are rejected; 0 means 24 hours
}

const maxWorkers = 16

// Analyse reads an MP3 once, to its end, and returns every measured fact. It works on the bytes as they arrive: all
// but the last seconds are measured when the last byte is read. Memory does not grow with the file but for its
// waveform, which is bounded.
//
// It fails with a [*Rejection] when the bytes cannot be aired, with r's error, or with ctx's; r is then not read to its
// end, so that a writer at the other end of a pipe must be let go. A call that is blocked in
// r.Read returns after that read does. The facts are the same whatever opt says.
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

// meteredReader counts, hashes and reports the bytes that pass, and ends with ctx.
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

// prefer returns what the reader failed with, which is the cause of whatever followed, or else err.
func (m *meteredReader) prefer(err error) error {
	if m.err != nil {
		return m.err
	}
	return err
}
