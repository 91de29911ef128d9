package output

import (
	"errors"
	"fmt"
	"io"
	"syscall"
	"time"
)

// Format is the sample format of a pipe.
type Format string

// The sample formats, little-endian.
const (
	S16 Format = "s16le"
	F32 Format = "f32le"
)

func (f Format) append(dst []byte, pcm []float32) []byte {
	if f == F32 {
		return appendPCM32(dst, pcm)
	}
	return AppendPCM16(dst, pcm)
}

// Pipe writes raw samples to a writer such as standard output, including silence between windows.
type Pipe struct {
	w      io.Writer
	name   string
	format Format
	buf    []byte
}

// NewPipe returns a Pipe that writes to w.
func NewPipe(name string, w io.Writer, format Format) *Pipe {
	return &Pipe{w: w, name: name, format: format}
}

// Name returns the output's name, for logs.
func (p *Pipe) Name() string { return p.name }

// Continuous returns true: readers take a pipe without data for ended.
func (p *Pipe) Continuous() bool { return true }

// Latency returns 0: the reader decides when samples are heard.
func (p *Pipe) Latency() time.Duration { return 0 }

// Write writes the block's samples.
func (p *Pipe) Write(b Block) error {
	p.buf = p.format.append(p.buf[:0], b.PCM)
	_, err := p.w.Write(p.buf)
	if errors.Is(err, syscall.EPIPE) {
		return fmt.Errorf("the program that read it has ended or closed it: %w", err)
	}
	return err
}

// Close leaves the writer open, for the next Write.
func (p *Pipe) Close() error { return nil }
