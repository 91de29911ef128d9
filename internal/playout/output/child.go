package output

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"lifeline/internal/playout/dsp"
)

// Child writes raw samples to the standard input of a child process. It starts the process with the first block, and
// again after it died or hung.
type Child struct {
	name    string
	argv    []string
	latency time.Duration
	hang    time.Duration                          // that it may take nothing before it is killed
	drain   func(context.Context, io.Reader) error // reads the child's output; nil: it has none
	behind  func() time.Duration                   // the delay behind the child; nil: none
	second  int                                    // bytes per second

	clock  dsp.Rate // rate of a child with a clock of its own; 0: it takes samples at any rate
	steady *steady  // for the running child; nil: clock is 0

	stdin  *os.File // nil: no child is running
	exited chan struct{}
	ended  error // the reason; read it after exited is closed
	watch  sync.WaitGroup
	kill   context.CancelFunc
	buf    []byte
}

// NewALSA plays through aplay on a device ("" is the default one), with the given latency, rounded to 20 ms. It follows
// the device's own clock.
func NewALSA(device string, rate dsp.Rate, latency time.Duration) *Child {
	latency = max(latency.Round(BlockLength), 2*BlockLength)
	argv := []string{"aplay", "-q", "-t", "raw", "-f", "S16_LE",
		"-c", strconv.Itoa(dsp.Channels), "-r", strconv.Itoa(int(rate)),
		"--buffer-time=" + strconv.FormatInt(ownBuffer(latency).Microseconds(), 10),
		"--period-time=" + strconv.FormatInt(ownPeriod(latency).Microseconds(), 10)}
	if device != "" {
		argv = append(argv, "-D", device)
	}
	return &Child{
		name:    strings.TrimSuffix("alsa:"+device, ":"),
		argv:    append(argv, "-"),
		latency: latency,
		hang:    childHang,
		clock:   rate,
		second:  2 * dsp.Channels * int(rate),
	}
}

// Name returns the output's name, for logs.
func (c *Child) Name() string { return c.name }

// Continuous returns true: the device would underrun between windows.
func (c *Child) Continuous() bool { return true }

// Latency returns the child's buffer length.
func (c *Child) Latency() time.Duration { return c.latency }

// Held returns the delay in Child's own buffer, in the pipe and behind the child.
func (c *Child) Held() (held time.Duration) {
	if c.stdin == nil {
		return time.Hour
	}
	if c.steady != nil {
		held += c.clock.Duration(int64(len(c.steady.held)/dsp.Channels + dsp.StretchHalf + steadySlack))
	}
	if c.behind != nil {
		held += c.behind()
	}
	return held + waits(unread, c.stdin, c.second)
}

// Fast reports whether the child has drained its input for a while although it was fed on time.
func (c *Child) Fast() bool { return c.steady != nil && c.steady.steer.fast() }

// waits converts the bytes that measure finds to a duration. It returns 0 on a system that cannot tell.
func waits(measure func(syscall.Conn) (int, error), where syscall.Conn, second int) time.Duration {
	bytes, err := measure(where)
	if err != nil {
		return 0
	}
	return time.Duration(bytes) * time.Second / time.Duration(second)
}

// childEnd bounds the time for playing out at the end; childHang bounds a pause in which the child reads nothing.
const (
	childEnd  = 5 * time.Second
	childHang = 5 * time.Second
)

// Write writes the block's samples. It fails when the child has died or hangs; a hanging child is killed.
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
		return c.ended
	default:
	}
	pcm := b.PCM
	if c.steady != nil {
		pcm = c.steady.feed(pcm)
	}
	c.buf = AppendPCM16(c.buf[:0], pcm)
	if err := c.stdin.SetWriteDeadline(time.Now().Add(c.hang)); err != nil {
		return err
	}
	_, err := c.stdin.Write(c.buf)
	if err != nil {
		c.kill()
		<-c.exited
		return fmt.Errorf("%w; %w", err, c.ended)
	}
	return nil
}

func (c *Child) begin() error {
	in, stdin, err := os.Pipe()
	if err != nil {
		return err
	}
	defer in.Close() // the child has its own copy
	ctx, kill := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, c.argv[0], c.argv[1:]...)
	cmd.Stdin = in
	var words tail
	cmd.Stderr = &words
	var stdout io.Reader
	if c.drain != nil {
		stdout, err = cmd.StdoutPipe()
	}
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		kill()
		return errors.Join(notInstalled(c.argv[0], err), stdin.Close())
	}
	exited := make(chan struct{})
	c.stdin, c.exited, c.kill = stdin, exited, kill
	if c.clock > 0 {
		c.steady = newSteady(c.clock, c.latency)
		steer := c.steady.steer
		c.watch.Go(func() { steer.watch(exited, stdin, c.clock) })
	}
	go func() {
		defer close(exited)
		var drained error
		if c.drain != nil {
			if drained = c.drain(ctx, stdout); drained != nil {
				kill()
			}
		}
		err := errors.Join(drained, cmd.Wait())
		if err == nil {
			err = errors.New("without an error")
		}
		c.ended = fmt.Errorf("%s ended: %w %s", c.argv[0], err, words.String())
	}()
	return nil
}

// Close lets the child play out, and ends it.
func (c *Child) Close() error {
	if c.stdin == nil {
		return nil
	}
	err := c.stdin.Close()
	late := time.AfterFunc(childEnd, c.kill)
	<-c.exited
	late.Stop()
	c.kill()
	c.watch.Wait()
	c.stdin = nil
	return err
}

// tail keeps the end of its input.
type tail struct{ b []byte }

func (t *tail) Write(p []byte) (int, error) {
	t.b = append(t.b, p...)
	t.b = t.b[max(0, len(t.b)-500):]
	return len(p), nil
}

func (t *tail) String() string { return strings.Join(strings.Fields(string(t.b)), " ") }
