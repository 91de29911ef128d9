// Package render creates audio files of windows, for sites that cannot run the player: the same samples as the player's
// output. A window is rendered once, streamed to all clients while it is rendered, and kept until it changes or the
// space is needed.
//
// Its directory holds, for each window, <place>-<content>.<format>: both parts are hashes, of the window's identity and
// of everything that affects its sound. Files that end in .part are in progress, and are removed at the next start.
package render

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"lifeline/internal/blob"
	"lifeline/internal/fault"
	"lifeline/internal/playout"
	"lifeline/internal/playout/dsp"
	"lifeline/internal/wire"
)

// Audio provides the recordings.
type Audio interface {
	// Open fails with NotFound if there is no such recording.
	Open(ctx context.Context, hash string) (blob.Content, int64, error)
}

// Options configures the rendering. Rate, Limit and AtOnce are required.
type Options struct {
	Rate    dsp.Rate
	Silence time.Duration // as in the player
	Limit   int64         // maximum number of bytes in the directory
	AtOnce  int           // number of concurrent renders
	Open    playout.Open
	Log     *slog.Logger

	// Room fails with Full unless the disk has space for that many bytes that are not urgent; nil skips the check.
	Room func(bytes int64) error
}

// Renderer renders windows and stores the files. It is safe for concurrent use.
type Renderer struct {
	root    *os.Root
	audio   Audio
	opt     Options
	running chan struct{} // holds a token for each running render
	ctx     context.Context
	end     context.CancelFunc
	works   sync.WaitGroup

	mu      sync.Mutex
	renders map[string]*render // the open renders, by file name
	kept    map[string]kept    // by name
	held    int64              // bytes reserved for running renders
	count   int                // number of temporary files so far, for their names
}

type kept struct {
	size int64
	used time.Time
}

// Open returns a Renderer that uses dir, and creates the directory if necessary.
func Open(dir string, audio Audio, opt Options) (*Renderer, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("render: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("render: %w", err)
	}
	s := &Renderer{
		root:    root,
		audio:   audio,
		opt:     opt,
		running: make(chan struct{}, opt.AtOnce),
		renders: map[string]*render{},
		kept:    map[string]kept{},
	}
	s.ctx, s.end = context.WithCancel(context.Background())
	entries, err := fs.ReadDir(root.FS(), ".")
	for _, e := range entries {
		info, failed := e.Info()
		switch {
		case failed != nil:
			err = errors.Join(err, failed)
		case strings.HasSuffix(e.Name(), ".part"):
			err = errors.Join(err, root.Remove(e.Name()))
		default:
			s.kept[e.Name()] = kept{info.Size(), info.ModTime()}
		}
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("render: %w", err), root.Close())
	}
	return s, nil
}

// Close stops every render and waits for them to end.
func (s *Renderer) Close() error {
	s.end()
	s.works.Wait()
	return s.root.Close()
}

// The formats, by file extension.
const (
	WAV  = "wav"
	FLAC = "flac"
)

// version is the version of the rendering. Files of other versions are not served.
const version = 1

// Window opens the file of a queue's only window, which the caller must close. Reads wait for bytes that are not
// rendered yet, as long as ctx lasts. size is -1 while it is unknown. tag identifies the file's bytes. Rendering starts
// with the first read. Window fails with Unsupported for an unknown format, and with TooLarge if no file of that format
// can hold the window.
func (s *Renderer) Window(
	ctx context.Context,
	q *wire.Queue,
	format string,
) (file io.ReadSeekCloser, size int64, tag string, err error) {
	name, err := s.name(q, format)
	if err != nil {
		return nil, 0, "", err
	}
	tag, _, _ = strings.Cut(name[strings.Index(name, "-")+1:], ".")
	s.mu.Lock()
	defer s.mu.Unlock()
	s.outdateLocked(name)
	t := s.renders[name]
	if t == nil {
		f, err := s.root.Open(name)
		if err == nil {
			k := s.kept[name]
			k.used = time.Now()
			s.kept[name] = k
			return f, k.size, tag, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, 0, "", fmt.Errorf("render: %w", err)
		}
		if t, err = s.newRender(q, name, format); err != nil {
			return nil, 0, "", err
		}
		s.renders[name] = t
	}
	t.listeners++
	return &reader{ctx: ctx, render: t}, t.length(), tag, nil
}

// name returns the file name of the window.
func (s *Renderer) name(q *wire.Queue, format string) (string, error) {
	if format != WAV && format != FLAC {
		return "", fault.New(fault.Unsupported, "a window is rendered as .flac or .wav, not .%s", format)
	}
	content, err := json.Marshal(struct {
		Version int
		Format  string
		Rate    dsp.Rate
		Silence time.Duration
		Queue   *wire.Queue
	}{version, format, s.opt.Rate, s.opt.Silence, q})
	if err != nil || len(q.Windows) != 1 {
		return "", fmt.Errorf("render: a queue of %d windows: %w", len(q.Windows), err)
	}
	w := q.Windows[0]
	return hash([]byte(q.Station+"/"+w.Window+"/"+w.StartAt.String())) + "-" + hash(content) + "." + format, nil
}

// hash returns a hash that is short enough for a name, and long enough to avoid collisions.
func hash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16])
}

// outdateLocked removes files of the same window with older content.
func (s *Renderer) outdateLocked(name string) {
	place, content, _ := strings.Cut(name, "-")
	for other := range s.kept {
		p, c, _ := strings.Cut(other, "-")
		if p == place && filepath.Ext(c) == filepath.Ext(content) && other != name {
			s.removeLocked(other)
		}
	}
}

func (s *Renderer) removeLocked(name string) {
	if err := s.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.opt.Log.Warn("a rendered window could not be removed", "file", name, "error", err)
		return
	}
	delete(s.kept, name)
}

// Forget removes the windows that were rendered before an instant and are not being read.
func (s *Renderer) Forget(before time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name := range s.kept {
		info, err := s.root.Stat(name)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("render: %w", err)
		}
		if err == nil && info.ModTime().Before(before) && s.renders[name] == nil {
			s.removeLocked(name)
		}
	}
	return nil
}

// room reserves bytes, and removes the least recently used files if necessary. back releases them.
func (s *Renderer) room(bytes int64) (back func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		all := s.held + bytes
		oldest := ""
		for name, k := range s.kept {
			all += k.size
			if oldest == "" || k.used.Before(s.kept[oldest].used) {
				oldest = name
			}
		}
		if all <= s.opt.Limit {
			if s.opt.Room == nil {
				break
			}
			if err := s.opt.Room(bytes); err == nil {
				break
			} else if oldest == "" {
				return nil, err
			}
		}
		before := len(s.kept)
		if oldest != "" {
			s.removeLocked(oldest)
		}
		if len(s.kept) == before {
			return nil, fault.New(fault.Full, "rendering this window renders up to %d MB, and there is room for %d",
				bytes>>20, max(s.opt.Limit-all+bytes, 0)>>20)
		}
	}
	s.held += bytes
	return sync.OnceFunc(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.held -= bytes
	}), nil
}

// part creates a temporary file.
func (s *Renderer) part() (*os.File, error) {
	s.mu.Lock()
	s.count++
	name := fmt.Sprintf("%d.part", s.count)
	s.mu.Unlock()
	return s.root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
}

// discard closes and removes a temporary file.
func (s *Renderer) discard(f *os.File) error {
	return errors.Join(f.Close(), s.root.Remove(filepath.Base(f.Name())))
}
