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

// FLAC writes one FLAC file per window. During the window it writes a WAV file, which survives a crash and can be
// continued. After the window it encodes the file with an ffmpeg child.
type FLAC struct {
	*WAV
	dir      string
	problems func(format string, args ...any)
	work     sync.WaitGroup
	encoding sync.Mutex
}

// flacEncode bounds the encoding of one window.
const flacEncode = 10 * time.Minute

// NewFLAC writes files into dir, which it creates when absent. It calls problems for windows that it could not encode;
// they stay WAV files until the end of the next window.
func NewFLAC(dir string, rate dsp.Rate, problems func(format string, args ...any)) (*FLAC, error) {
	wav, err := NewWAV(dir, rate)
	if err != nil {
		return nil, err
	}
	return &FLAC{WAV: wav, dir: dir, problems: problems}, nil
}

// Name returns the output's name, for logs.
func (f *FLAC) Name() string { return "flac:" + f.dir }

// Write writes the block at its place in the window's file.
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

// Close makes the file durable, and encodes it when its window is over.
func (f *FLAC) Close() error {
	over := f.span != nil && f.end >= (f.span.End-f.span.Start)*wavFrame
	err := f.WAV.Close()
	if over {
		f.work.Go(f.encodeAll)
	}
	f.work.Wait()
	return err
}

// encodeAll encodes every file except the one that is being written.
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
