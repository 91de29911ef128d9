package render

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"lifeline/internal/fault"
	"lifeline/internal/playout"
	"lifeline/internal/wire"
)

// render is one window in progress, which playout.Rendering computes. It starts with the first read and stops when the
// last listener leaves.
type render struct {
	renderer  *Renderer
	queue     *wire.Queue
	name      string
	format    string
	frames    int64
	listeners int // guarded by the renderer's mutex

	begin  sync.Once
	ctx    context.Context
	cancel context.CancelFunc
	over   chan struct{} // closed when the work has ended

	mu      sync.Mutex
	changed chan struct{} // closed when any of the following changes
	file    *os.File      // nil before there is one
	ready   int64         // the number of bytes that are final
	done    bool
	err     error // why it ended early
	saved   bool  // under its final name
}

// newRender checks that the window can be rendered.
func (s *Renderer) newRender(q *wire.Queue, name, format string) (*render, error) {
	w := q.Windows[0]
	frames := s.opt.Rate.Frame(w.EndAt.Time) - s.opt.Rate.Frame(w.StartAt.Time)
	if most := int64(1<<32 - wavHeader - 1); format == WAV && frames*frameBytes > most {
		return nil, fault.New(fault.TooLarge, "a WAV file holds no more than 4 GiB, and window %s lasts %v: ask for .flac",
			w.Window, w.EndAt.Sub(w.StartAt.Time))
	}
	t := &render{
		frames:   frames,
		renderer: s,
		queue:    q,
		name:     name,
		format:   format,
		changed:  make(chan struct{}),
		over:     make(chan struct{}),
	}
	t.ctx, t.cancel = context.WithCancel(s.ctx)
	return t, nil
}

// The sizes of 16-bit stereo in a WAV file.
const (
	wavHeader  = 44
	frameBytes = 4
)

// length returns the length of the whole file, or -1 while it is unknown.
func (t *render) length() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.format == WAV:
		return wavHeader + t.frames*frameBytes
	case t.done:
		return t.ready
	}
	return -1
}

// complete reports whether the file is complete.
func (t *render) complete() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.format == WAV && t.ready == wavHeader+t.frames*frameBytes
}

// start starts the render, once.
func (t *render) start() {
	t.begin.Do(func() {
		t.renderer.works.Go(func() {
			defer close(t.over)
			t.ended(t.run(t.ctx))
		})
	})
}

// run waits for a free slot, renders, and stores the file.
func (t *render) run(ctx context.Context) (err error) {
	s := t.renderer
	select {
	case s.running <- struct{}{}:
		defer func() { <-s.running }()
	case <-ctx.Done():
		return ctx.Err()
	}
	need := wavHeader + t.frames*frameBytes
	if t.format == FLAC {
		need *= 2 // a second temporary file holds the samples while they are encoded
	}
	back, err := s.room(need)
	if err != nil {
		return err
	}
	defer back()
	file, err := s.part()
	if err != nil {
		return fmt.Errorf("render: %w", err)
	}
	t.mu.Lock()
	t.file = file
	t.mu.Unlock()
	begun := time.Now()
	problems, err := t.record(ctx, file)
	if err != nil {
		return err
	}
	spent := time.Since(begun)
	s.opt.Log.Info(
		"rendered a window",
		"station",
		t.queue.Station,
		"window",
		t.queue.Windows[0].Window,
		"date",
		t.queue.Date.String(),
		"format",
		t.format,
		"took",
		spent.Round(time.Millisecond),
		"times_real_time",
		int(s.opt.Rate.Duration(t.frames)/max(spent, 1)),
	)
	if len(problems) > 0 { // the missing recordings may arrive: the next request renders again
		s.opt.Log.Warn(
			"a rendered window is not as planned",
			"station",
			t.queue.Station,
			"file",
			t.name,
			"problems",
			problems,
		)
		return nil
	}
	back()
	return t.keep()
}

// record renders the window into file.
func (t *render) record(ctx context.Context, file *os.File) (problems []string, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	sources := &recordings{ctx: ctx, fail: cancel, renderer: t.renderer, have: map[string]*fetched{}}
	defer func() { err = errors.Join(err, sources.close()) }()
	rendering, err := playout.NewRendering(
		t.queue,
		t.renderer.opt.Rate,
		t.renderer.opt.Silence,
		sources,
		t.renderer.opt.Open,
	)
	if err != nil {
		return nil, err
	}
	if t.format == WAV {
		sink := &wavSink{file: file, ready: t.advance}
		if err := sink.begin(t.renderer.opt.Rate, t.frames); err != nil {
			return nil, err
		}
		return rendering.Run(ctx, sink, runtime.GOMAXPROCS(0))
	}
	return t.encodeFLAC(ctx, rendering, file)
}

// keep stores the file durably under its final name.
func (t *render) keep() error {
	s := t.renderer
	if err := t.file.Sync(); err != nil {
		return fmt.Errorf("render: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.root.Rename(filepath.Base(t.file.Name()), t.name); err != nil {
		return fmt.Errorf("render: %w", err)
	}
	s.kept[t.name] = kept{t.ready, time.Now()}
	t.saved = true
	return nil
}

// advance tells the listeners how many bytes of the file are final.
func (t *render) advance(bytes int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ready = bytes
	t.tellLocked()
}

// ended tells the listeners that the render has ended.
func (t *render) ended(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.done, t.err = true, err
	t.tellLocked()
	if err != nil && !errors.Is(err, context.Canceled) {
		t.renderer.opt.Log.Error("a window could not be rendered", "station", t.queue.Station, "file", t.name, "error", err)
	}
}

func (t *render) tellLocked() {
	close(t.changed)
	t.changed = make(chan struct{})
}

// leave is called by each listener when it leaves. The last one stops the render and removes its files.
func (t *render) leave() error {
	s := t.renderer
	s.mu.Lock()
	t.listeners--
	last := t.listeners == 0
	if last {
		delete(s.renders, t.name)
	}
	s.mu.Unlock()
	if !last {
		return nil
	}
	t.begin.Do(func() { close(t.over) }) // nobody read
	if !t.complete() {                   // otherwise the file only has to be stored
		t.cancel()
	}
	<-t.over
	t.cancel()
	switch {
	case t.file == nil:
		return nil
	case t.saved:
		return t.file.Close()
	}
	return s.discard(t.file)
}

// reader is one listener.
type reader struct {
	ctx    context.Context
	render *render
	at     int64
	once   sync.Once
}

// Read waits until there are bytes at its position, or the file ends there.
func (r *reader) Read(b []byte) (int, error) {
	t := r.render
	t.start()
	for {
		t.mu.Lock()
		file, ready, done, err, changed := t.file, t.ready, t.done, t.err, t.changed
		t.mu.Unlock()
		switch {
		case len(b) == 0:
			return 0, nil
		case r.at < ready:
			n, err := file.ReadAt(b[:min(int64(len(b)), ready-r.at)], r.at)
			r.at += int64(n)
			if n > 0 {
				err = nil
			}
			return n, err
		case err != nil:
			return 0, err
		case done:
			return 0, io.EOF
		}
		select {
		case <-changed:
		case <-r.ctx.Done():
			return 0, r.ctx.Err()
		}
	}
}

// Seek moves the listener. It fails for offsets from the end while the length is unknown.
func (r *reader) Seek(offset int64, whence int) (int64, error) {
	switch size := r.render.length(); {
	case whence == io.SeekCurrent:
		offset += r.at
	case whence == io.SeekEnd && size < 0:
		return 0, errors.New("render: the length is not known yet")
	case whence == io.SeekEnd:
		offset += size
	}
	if offset < 0 {
		return 0, errors.New("render: before the beginning")
	}
	r.at = offset
	return offset, nil
}

// Close ends the listener.
func (r *reader) Close() (err error) {
	r.once.Do(func() { err = r.render.leave() })
	return err
}
