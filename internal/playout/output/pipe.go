package output

import (
	"errors"
	"fmt"
	"io"
	"syscall"
	"time"
)

// Format is how samples are written to a pipe.
type Format string

// The formats of a pipe, little-endian.
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

// Pipe writes raw samples, silence between windows too, to a writer such as standard output.
type Pipe struct {
	w      io.Writer
	name   string
	format Format
	buf    []byte
}

// NewPipe writes to w.
func NewPipe(name string, w io.Writer, format Format) *Pipe {
	return &Pipe{w: w, name: name, format: format}
}

// Name says which output it is.
func (p *Pipe) Name() string { return p.name }

// Continuous is true: a pipe that runs dry is taken for ended.
func (p *Pipe) Continuous() bool { return true }

// Latency is none: what is heard when is the reader's business.
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
