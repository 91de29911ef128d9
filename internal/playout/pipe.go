package playout

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
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
		return pcm32(dst, pcm)
	}
	return pcm16(dst, pcm)
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
	return err
}

// Close leaves the writer open, for the next Write.
func (p *Pipe) Close() error { return nil }

// Child writes raw samples to the standard input of a child process, which it starts with the first block and again
// after it died.
type Child struct {
	name    string
	argv    []string
	latency time.Duration

	stdin  io.WriteCloser
	exited chan struct{} // closed when it is gone
	ended  error         // why; to be read when exited is closed
	stop   context.CancelFunc
	buf    []byte
}

// NewALSA plays through aplay on a device ("" is the default one), with latency of buffer.
func NewALSA(device string, rate Rate, latency time.Duration) *Child {
	argv := []string{"aplay", "-q", "-t", "raw", "-f", "S16_LE", "-c", strconv.Itoa(outChannels), "-r", strconv.Itoa(int(rate)),
		"--buffer-time=" + strconv.FormatInt(latency.Microseconds(), 10)}
	if device != "" {
		argv = append(argv, "-D", device)
	}
	return &Child{name: strings.TrimSuffix("alsa:"+device, ":"), argv: append(argv, "-"), latency: latency}
}

// Name says which output it is.
func (c *Child) Name() string { return c.name }

// Continuous is true: the device would run dry between windows.
func (c *Child) Continuous() bool { return true }

// Latency is what the child buffers.
func (c *Child) Latency() time.Duration { return c.latency }

// childEnd is how long a child may take to play what it has.
const childEnd = 5 * time.Second

// Write writes the block's samples. It fails when the child has died.
func (c *Child) Write(b Block) error {
	if len(b.PCM) == 0 {
		return nil
	}
	if c.stdin == nil {
		if err := c.begin(); err != nil {
			return err
		}
	}
	select {
	case <-c.exited:
		return fmt.Errorf("%s ended: %w", c.argv[0], c.ended)
	default:
	}
	c.buf = pcm16(c.buf[:0], b.PCM)
	_, err := c.stdin.Write(c.buf)
	return err
}

func (c *Child) begin() error {
	ctx, stop := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, c.argv[0], c.argv[1:]...)
	var words tail
	cmd.Stderr = &words
	stdin, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		stop()
		return err
	}
	exited := make(chan struct{})
	c.stdin, c.exited, c.stop = stdin, exited, stop
	go func() {
		defer close(exited)
		err := cmd.Wait()
		if err == nil {
			err = errors.New("without an error")
		}
		c.ended = fmt.Errorf("%w %s", err, words.String())
	}()
	return nil
}

// Close lets the child play what it has, and ends it.
func (c *Child) Close() error {
	if c.stdin == nil {
		return nil
	}
	err := c.stdin.Close()
	t := time.AfterFunc(childEnd, c.stop)
	<-c.exited
	t.Stop()
	c.stop()
	c.stdin = nil
	return err
}

// tail keeps the end of what is written to it.
type tail struct{ b []byte }

func (t *tail) Write(p []byte) (int, error) {
	t.b = append(t.b, p...)
	t.b = t.b[max(0, len(t.b)-500):]
	return len(p), nil
}

func (t *tail) String() string { return strings.Join(strings.Fields(string(t.b)), " ") }
