package made

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"lifeline/internal/delivery/form"
	"lifeline/internal/fault"
)

// Tools are the programs of this machine that encode and decode, by name, with their paths.
type Tools map[string]string

// names are the programs that are looked for.
var names = []string{"lame", "twolame", "ffmpeg", "mpg123"}

// FindTools looks for the programs.
func FindTools() Tools {
	t := Tools{}
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			t[name] = path
		}
	}
	return t
}

// decoders are the programs that read files, the preferred one first.
var decoders = []string{"ffmpeg", "mpg123"}

// taggedFrame is the size from which lame puts the length of the sound into the first frame of a file (156 bytes after
// the side information). Smaller files play for two frames longer than the sound, unless ffmpeg makes them.
const taggedFrame = 200

// encoders returns the programs that make files of that form, the preferred one first.
func encoders(c form.Coding) []string {
	switch {
	case c.Codec == form.MP2:
		return []string{"twolame", "ffmpeg"}
	case c.FrameSamples()/8*c.Kbps*1000/c.Rate < taggedFrame:
		return []string{"ffmpeg"}
	}
	return []string{"lame", "ffmpeg"}
}

// Lacks fails with Unavailable, and says what to install, if files of that form cannot be made here. WAV and FLAC need
// no program.
func (t Tools) Lacks(c form.Coding) error {
	if !c.Codec.Lossy() {
		return nil
	}
	if t.first(encoders(c)) == "" {
		return fault.Lasting(fault.New(fault.Unavailable, "%s files need the program %s on this machine: install one",
			c.Codec, strings.Join(encoders(c), " or ")))
	}
	if t.first(decoders) == "" {
		return fault.Lasting(fault.New(fault.Unavailable, "%s files need the program %s on this machine, which checks what "+
			"was made: install one", c.Codec, strings.Join(decoders, " or ")))
	}
	return nil
}

// first returns the first of the programs that is there.
func (t Tools) first(of []string) string {
	if i := slices.IndexFunc(of, func(name string) bool { return t[name] != "" }); i >= 0 {
		return of[i]
	}
	return ""
}

// encode returns the command that encodes samples of 16 bits from its standard input into a file.
func (t Tools) encode(c form.Coding, to string) []string {
	name := t.first(encoders(c))
	rate, kbps, channels := strconv.Itoa(c.Rate), strconv.Itoa(c.Kbps), strconv.Itoa(c.Channels)
	mode := "s"
	switch {
	case c.Channels == 1:
		mode = "m"
	case c.Joint:
		mode = "j"
	}
	switch name {
	case "lame":
		khz := strconv.FormatFloat(float64(c.Rate)/1000, 'f', -1, 64)
		return []string{t[name], "--silent", "-r", "-s", khz, "--signed", "--bitwidth", "16", "--little-endian",
			"-m", mode, "--cbr", "-b", kbps, "--resample", khz, "-q", "2", "--noreplaygain", "-", to}
	case "twolame":
		return []string{t[name], "--quiet", "-r", "-s", rate, "-N", channels, "--samplesize", "16", "-m", mode,
			"-b", kbps,
			"--padding", "-", to} // without it, the bit rate at 44100 Hz is too low (ISO/IEC 11172-3, 2.4.2.3)
	}
	args := []string{t[name], "-v", "error", "-nostdin", "-y", "-f", "s16le", "-ar", rate, "-ac", channels,
		"-i", "pipe:0", "-map_metadata", "-1",
		"-b:a", kbps + "k"}
	if c.Codec == form.MP2 {
		return append(args, "-c:a", "mp2", "-f", "mp2", "file:"+to)
	}
	joint := "0"
	if c.Joint {
		joint = "1"
	}
	return append(args, "-c:a", "libmp3lame", "-joint_stereo", joint, "-compression_level", "2", "-id3v2_version", "0",
		"-write_xing", "1", "-f", "mp3", "file:"+to)
}

// decode returns the command that writes the samples of a file to its standard output, as floats of 32 bits. What
// ffmpeg calls mp3 is any layer of MPEG audio.
func (t Tools) decode(c form.Coding, file string) []string {
	if name := t.first(decoders); name != "ffmpeg" {
		return []string{t[name], "-q", "-e", "f32", "-s", file}
	}
	return []string{t["ffmpeg"], "-v", "error", "-nostdin", "-f", "mp3", "-i", "file:" + file, "-map", "0:a",
		"-f", "f32le", "-ac", strconv.Itoa(c.Channels), "pipe:1"}
}

// patience is how long a program may take: as long as the file lasts, and a minute to begin.
func patience(length time.Duration) time.Duration { return time.Minute + length }

// mostWords bounds what is kept of a program's messages.
const mostWords = 500

// run runs a program for at most a time. feed writes its input, drain reads its output; nil: there is none.
func run(ctx context.Context, argv []string, most time.Duration, feed func(io.Writer) error,
	drain func(io.Reader) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, most, fmt.Errorf("%s took longer than %v", argv[0], most))
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.WaitDelay = 5 * time.Second
	var words lastWords
	cmd.Stderr = &words
	var stdin io.WriteCloser
	var stdout io.ReadCloser
	var err error
	if feed != nil {
		stdin, err = cmd.StdinPipe()
	}
	if drain != nil && err == nil {
		stdout, err = cmd.StdoutPipe()
	}
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return fmt.Errorf("made: %s: %w", argv[0], err)
	}
	var own error // what failed on this side
	if feed != nil {
		own = errors.Join(feed(stdin), stdin.Close())
	}
	if drain != nil {
		own = drain(stdout)
	}
	stopped := context.Cause(ctx)
	if own != nil {
		cancel() // it would wait for more
	}
	ended := cmd.Wait()
	if stopped == nil && own == nil && ended != nil {
		stopped = context.Cause(ctx)
	}
	switch {
	case stopped != nil:
		return fmt.Errorf("made: %w", stopped)
	case own != nil:
		return fmt.Errorf("made: %s: %w %s", argv[0], own, words.String())
	case ended != nil:
		return fmt.Errorf("made: %s: %w %s", argv[0], ended, words.String())
	}
	return nil
}

// lastWords keeps the end of what a program says.
type lastWords struct{ b []byte }

func (w *lastWords) Write(p []byte) (int, error) {
	w.b = append(w.b, p...)
	w.b = w.b[max(0, len(w.b)-mostWords):]
	return len(p), nil
}

func (w *lastWords) String() string { return string(bytes.Join(bytes.Fields(w.b), []byte(" "))) }
