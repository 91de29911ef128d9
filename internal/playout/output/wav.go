package output

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"sync/atomic"
	"time"

	"lifeline/internal/playout/dsp"
)

// WAV writes one file for each occurrence of a window, named by WAVName. The timeline determines the position of each
// sample: frames that the player missed are silence, and a restarted player continues the file. The header is correct
// after every block.
type WAV struct {
	root *os.Root
	rate dsp.Rate

	file *os.File
	span *Bounds
	end  int64 // bytes of sample data so far
	buf  []byte

	name atomic.Pointer[string] // of the file that is being written
}

// NewWAV writes files into dir, which it creates when absent.
func NewWAV(dir string, rate dsp.Rate) (*WAV, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("playout: wav: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("playout: wav: %w", err)
	}
	return &WAV{root: root, rate: rate}, nil
}

// WAVName returns the name of a window's file: date and window id and, for a window that starts more than once on its
// day, its start in UTC, such as 2026-12-02-news-1910Z.wav.
func WAVName(s *Bounds) string {
	name := s.Date.String() + "-" + s.Window
	if s.Recurs {
		name += s.StartAt.UTC().Format("-1504Z")
	}
	return name + ".wav"
}

const (
	wavHeader   = 44
	wavFrame    = dsp.Channels * 2
	wavMaxBytes = math.MaxUint32 - wavHeader
)

// Name returns the output's name, for logs.
func (w *WAV) Name() string { return "wav:" + w.root.Name() }

// Continuous returns false: there is no file between windows.
func (w *WAV) Continuous() bool { return false }

// Latency returns 0: a sample is written at the time at which it is heard.
func (w *WAV) Latency() time.Duration { return 0 }

// Write writes the block at its place in the window's file.
func (w *WAV) Write(b Block) error {
	if w.span != nil && (b.In == nil || b.In.Start != w.span.Start || b.In.Window != w.span.Window) {
		if err := w.finish(); err != nil {
			return err
		}
	}
	if b.In == nil || len(b.PCM) == 0 {
		return nil
	}
	if w.span == nil {
		if err := w.open(b.In); err != nil {
			return err
		}
	}
	at := (b.Frame - w.span.Start) * wavFrame
	w.buf = AppendPCM16(w.buf[:0], b.PCM)
	if at < 0 || at+int64(len(w.buf)) > wavMaxBytes {
		return fmt.Errorf("frame %d does not fit into a WAV file", b.Frame)
	}
	if _, err := w.file.WriteAt(w.buf, wavHeader+at); err != nil {
		return err
	}
	return w.grow(at + int64(len(w.buf)))
}

func (w *WAV) open(s *Bounds) error {
	name := WAVName(s)
	f, err := w.root.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	info, err := f.Stat()
	if err != nil {
		return errors.Join(err, f.Close())
	}
	w.file, w.span, w.end = f, s, 0
	w.name.Store(&name)
	if size := info.Size(); size > wavHeader {
		w.end = (size - wavHeader) / wavFrame * wavFrame
	}
	return w.grow(w.end)
}

// grow updates the header to end bytes of samples, unless it covers more.
func (w *WAV) grow(end int64) error {
	w.end = max(w.end, end)
	_, err := w.file.WriteAt(WAVHeader(w.rate, w.end/wavFrame), 0)
	return err
}

// WAVHeader returns the 44-byte header of a WAV file with the given number of 16-bit stereo frames.
func WAVHeader(rate dsp.Rate, frames int64) []byte {
	bytes := uint32(frames * wavFrame)
	h := make([]byte, 0, wavHeader)
	le := binary.LittleEndian
	h = append(h, "RIFF"...)
	h = le.AppendUint32(h, bytes+wavHeader-8)
	h = append(h, "WAVEfmt "...)
	h = le.AppendUint32(h, 16)
	h = le.AppendUint16(h, 1) // integer PCM
	h = le.AppendUint16(h, dsp.Channels)
	h = le.AppendUint32(h, uint32(rate))
	h = le.AppendUint32(h, uint32(rate)*wavFrame)
	h = le.AppendUint16(h, wavFrame)
	h = le.AppendUint16(h, 16)
	h = append(h, "data"...)
	return le.AppendUint32(h, bytes)
}

// writing returns the name of the open file, or "".
func (w *WAV) writing() string {
	if name := w.name.Load(); name != nil {
		return *name
	}
	return ""
}

// finish makes the window's file durable.
func (w *WAV) finish() error {
	if w.file == nil {
		return nil
	}
	err := errors.Join(w.file.Sync(), w.file.Close())
	w.file, w.span = nil, nil
	w.name.Store(nil)
	return err
}

// Close makes the file durable.
func (w *WAV) Close() error { return w.finish() }
