package render

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"lifeline/internal/fault"
	"lifeline/internal/wire"
)

// recordings provides the recordings of one window. It fetches each once and verifies it before it is used. A missing
// or damaged recording is replaced as in the player; an unreachable store ends the render.
type recordings struct {
	ctx      context.Context
	fail     context.CancelCauseFunc
	renderer *Renderer

	mu   sync.Mutex
	have map[string]*fetched
}

// fetched is a recording in a temporary file. The other fields may be read once done is closed.
type fetched struct {
	done chan struct{}
	file *os.File
	err  error
}

// Has fetches the recording and reports whether it exists.
func (s *recordings) Has(audio wire.AudioRef) bool { return s.fetch(audio).err == nil }

// Open opens the recording.
func (s *recordings) Open(audio wire.AudioRef) (*os.File, error) {
	f := s.fetch(audio)
	if f.err != nil {
		return nil, f.err
	}
	return s.renderer.root.Open(filepath.Base(f.file.Name()))
}

func (s *recordings) fetch(audio wire.AudioRef) *fetched {
	s.mu.Lock()
	f := s.have[audio.SHA256]
	if f == nil {
		f = &fetched{done: make(chan struct{})}
		s.have[audio.SHA256] = f
		s.mu.Unlock()
		f.file, f.err = s.copy(audio)
		close(f.done)
		return f
	}
	s.mu.Unlock()
	<-f.done
	return f
}

// copy copies a recording into a temporary file.
func (s *recordings) copy(audio wire.AudioRef) (*os.File, error) {
	content, _, err := s.renderer.audio.Open(s.ctx, audio.SHA256)
	if err != nil {
		if !fault.Is(err, fault.NotFound) {
			s.fail(err)
		}
		return nil, fmt.Errorf("its audio is not here: %w", err)
	}
	defer content.Close()
	file, err := s.renderer.part()
	if err != nil {
		s.fail(err)
		return nil, err
	}
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(file, h), content)
	switch sum := hex.EncodeToString(h.Sum(nil)); {
	case err != nil:
		s.fail(fmt.Errorf("render: recording %.12s: %w", audio.SHA256, err))
	case sum != audio.SHA256 || n != audio.Bytes:
		err = fmt.Errorf("its audio is damaged: %d bytes with hash %.12s", n, sum)
	default:
		return file, nil
	}
	return nil, errors.Join(err, s.renderer.discard(file))
}

// close removes the temporary files.
func (s *recordings) close() (err error) {
	for _, f := range s.have {
		if f.file != nil {
			err = errors.Join(err, s.renderer.discard(f.file))
		}
	}
	return err
}
