package output

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"lifeline/internal/playout/dsp"
)

// FLAC writes one FLAC file per window. While the window lasts it is a WAV, which survives a crash and is gone on
// with; when it is over an ffmpeg child encodes it.
type FLAC struct {
	*WAV
	dir      string
	problems func(format string, args ...any)
	work     sync.WaitGroup
	encoding sync.Mutex
}

// flacEncode is how long the encoding of one window may take.
const flacEncode = 10 * time.Minute

// NewFLAC writes files into dir, creating it when absent. It tells of windows that it could not encode, which stay
// WAVs until the next window is over.
func NewFLAC(dir string, rate dsp.Rate, problems func(format string, args ...any)) (*FLAC, error) {
	wav, err := NewWAV(dir, rate)
	if err != nil {
		return nil, err
	}
	return &FLAC{WAV: wav, dir: dir, problems: problems}, nil
}

// Name says which output it is.
func (f *FLAC) Name() string { return "flac:" + f.dir }

// Write puts the block where it belongs.
func (f *FLAC) Write(b Block) error {
	before := f.span
	if err := f.WAV.Write(b); err != nil {
		return err
	}
	if before != nil && f.span != before {
		f.work.Go(f.encodeAll)
	}
	return nil
}

// Close makes durable what was written, and encodes it when its window is over.
func (f *FLAC) Close() error {
	over := f.span != nil && f.end >= (f.span.End-f.span.Start)*wavFrame
	err := f.WAV.Close()
	if over {
		f.work.Go(f.encodeAll)
	}
	f.work.Wait()
	return err
}

// encodeAll encodes every window that is not being written.
func (f *FLAC) encodeAll() {
	f.encoding.Lock()
	defer f.encoding.Unlock()
	names, err := fs.Glob(f.root.FS(), "*.wav")
	if err != nil {
		f.problems("flac: %v", err)
		return
	}
	for _, name := range names {
		if name == f.writing() {
			continue
		}
		if err := f.encode(strings.TrimSuffix(name, ".wav")); err != nil {
			f.problems("flac: %s stays a WAV: %v", name, err)
		}
	}
}

func (f *FLAC) encode(name string) error {
	ctx, cancel := context.WithTimeout(context.Background(), flacEncode)
	defer cancel()
	temp := name + ".flac.tmp"
	cmd := exec.CommandContext(ctx, "ffmpeg", "-v", "error", "-y", "-i", name+".wav", "-c:a", "flac", "-f", "flac", temp)
	cmd.Dir = filepath.Clean(f.dir)
	if words, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("ffmpeg: %w: %.200s", err, words)
	}
	done, err := f.root.OpenFile(temp, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	if err := errors.Join(done.Sync(), done.Close()); err != nil {
		return err
	}
	if err := f.root.Rename(temp, name+".flac"); err != nil {
		return err
	}
	return f.root.Remove(name + ".wav")
}
