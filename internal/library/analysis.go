package library

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"lifeline/audio"
	"lifeline/internal/access"
	"lifeline/internal/fault"
	"lifeline/internal/replica"
	"lifeline/internal/search"
	"lifeline/internal/store"
	"lifeline/schedules"
)

// Progress is the progress of an analysis, in bytes.
type Progress struct{ Done, Of int64 }

// Progress returns the progress of a segment's analysis; ok is false if none runs in this process.
func (l *Recordings) Progress(id string) (p Progress, ok bool) {
	v, ok := l.progress.Load(id)
	if ok {
		p = v.(Progress)
	}
	return p, ok
}

// AnalyseBehind analyses every recording whose facts come from an older analysis, with all workers at once. It needs no
// job queue: the next run finds work that a crash interrupted. Replicas share the work by recording. It fails with
// ErrElsewhere if another replica works on the rest.
func (l *Recordings) AnalyseBehind(ctx context.Context, lock *replica.WorkLock) error {
	var g errgroup.Group // a failure does not stop the others
	g.SetLimit(cap(l.workers))
	var elsewhere atomic.Bool
	for _, id := range l.outdated() {
		g.Go(func() error {
			err := l.analyseOnce(ctx, lock, id)
			if errors.Is(err, replica.ErrElsewhere) {
				elsewhere.Store(true)
				return nil
			}
			if err != nil {
				return fmt.Errorf("library: analyse %s: %w", id, err)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil || !elsewhere.Load() {
		return err
	}
	return replica.ErrElsewhere
}

// outdated returns the segments whose recordings have facts of an older analysis.
func (l *Recordings) outdated() (ids []string) {
	for v := range audio.Version {
		older := search.Query{Terms: []search.Term{{Field: replica.ByAnalysis, Value: strconv.Itoa(v)}}}
		for _, row := range replica.SegmentsIn(l.replica).Find(older, 0, nil) {
			if _, erased := replica.ErasureOf(l.replica, row.Value.ID); !erased {
				ids = append(ids, row.Value.ID)
			}
		}
	}
	return ids
}

// analyseOnce analyses a segment's recording unless another replica does or has.
func (l *Recordings) analyseOnce(ctx context.Context, lock *replica.WorkLock, id string) error {
	select {
	case l.workers <- struct{}{}:
		defer func() { <-l.workers }()
	case <-ctx.Done():
		return ctx.Err()
	}
	return lock.Do(ctx, "analyse/"+id, 0, func(ctx context.Context) error {
		s, err := l.segments.Get(id)
		if err != nil || s.Recording == nil || s.Recording.AnalysisVersion >= audio.Version {
			return err
		}
		return l.analyseAgain(ctx, id, s.Recording.SHA256)
	})
}

// errNothingToDo means that the segment stays unchanged.
var errNothingToDo = errors.New("library: there is nothing to change")

func (l *Recordings) analyseAgain(ctx context.Context, id, sha256 string) error {
	content, done, err := l.audio.Open(ctx, sha256)
	if err != nil {
		return err
	}
	defer content.Close()
	l.progress.Store(id, Progress{Of: done})
	defer l.progress.Delete(id)
	tried, err := l.begin(ctx, id, sha256)
	if err != nil {
		return err
	}
	var facts audio.Facts
	if err = tried.tooOften(); err == nil {
		facts, err = l.measured(ctx, content, func(done int64) { l.progress.Store(id, Progress{done, done}) })
	}
	got := Received{recording: schedules.Recording{SHA256: sha256, Bytes: done, ContentType: "audio/mpeg"}}
	got.storeFacts(facts, err)
	if got.recording.AnalysisVersion == 0 {
		if !errors.Is(err, audio.ErrPanicked) && !errors.Is(err, errTooSlow) {
			err = errors.Join(err, l.withdraw(ctx, id, tried))
		}
		return err
	}
	_, err = l.segments.change(ctx, access.System, id, nil, "segment.analyse", "", func(s *schedules.Segment) error {
		if s.Recording == nil || s.Recording.SHA256 != sha256 ||
			s.Recording.AnalysisVersion >= got.recording.AnalysisVersion {
			return errNothingToDo
		}
		s.Recording = &got.recording
		switch {
		case got.rejection != nil && s.State != schedules.Recalled:
			s.State, s.Rejection = schedules.Rejected, got.rejection
		case s.State == schedules.Analysing:
			s.State = schedules.Pending
		}
		return nil
	}, func(schedules.Segment) ([]store.Write, error) {
		writes, err := l.waveformWrite(ctx, got)
		return append(writes, tried.ended(id)), err
	})
	if errors.Is(err, errNothingToDo) {
		return nil
	}
	return err
}

// waveformWrite returns the write that stores a recording's waveform, compressed, unless it is stored already.
func (l *core) waveformWrite(ctx context.Context, r Received) ([]store.Write, error) {
	if r.waveform.Pixels() == 0 {
		return nil, nil
	}
	_, err := l.replica.Store.Get(ctx, KindWaveform, r.recording.SHA256)
	if !fault.Is(err, fault.NotFound) {
		return nil, err
	}
	b, err := replica.Encode(r.waveform)
	if err != nil {
		return nil, err
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, err = z.Write(b)
	if err = errors.Join(err, z.Close()); err != nil {
		return nil, fmt.Errorf("library: pack waveform: %w", err)
	}
	return []store.Write{{Kind: KindWaveform, ID: r.recording.SHA256, Body: packed.Bytes()}}, nil
}

// Waveform returns a recording's outline in the JSON format, version 2, of BBC audiowaveform. It fails with NotFound
// until the recording is analysed.
func (l *Recordings) Waveform(ctx context.Context, sha256 string) ([]byte, error) {
	d, err := l.replica.Store.Get(ctx, KindWaveform, sha256)
	if fault.Is(err, fault.NotFound) {
		return nil, fault.New(fault.NotFound, "this recording has no waveform")
	}
	if err != nil {
		return nil, err
	}
	return unpackWaveform(d)
}

func unpackWaveform(d store.Document) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(d.Body))
	if err != nil {
		return nil, fmt.Errorf("library: unpack waveform: %w", err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		return nil, fmt.Errorf("library: unpack waveform: %w", err)
	}
	return b, nil
}
