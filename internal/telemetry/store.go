package telemetry

import (
	"context"
	"io"
	"time"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"lifeline/internal/blob"
	"lifeline/internal/control"
	"lifeline/internal/fault"
	"lifeline/internal/store"
)

// Documents is a store that is open.
type Documents interface {
	control.Store
	Close() error
}

// Recordings is a place for audio that is open.
type Recordings interface {
	blob.Store
	Close() error
}

// Store measures what goes to a store and back.
func (f *Figures) Store(d Documents) Documents { return &measuredStore{d, f} }

// Audio measures what goes to a place for audio and back.
func (f *Figures) Audio(r Recordings) Recordings { return &measuredAudio{r, f} }

// measure times an operation of a back end, in the figures and in the trace of the request that it belongs to.
func (f *Figures) measure(ctx context.Context, operation string) (context.Context, func(*error)) {
	start := time.Now()
	end := func(bool) {}
	if parent := trace.SpanFromContext(ctx); parent.IsRecording() {
		var span trace.Span
		ctx, span = parent.TracerProvider().Tracer(name).Start(ctx, operation)
		end = func(failed bool) {
			if failed {
				span.SetStatus(codes.Error, "failed")
			}
			span.End()
		}
	}
	return ctx, func(err *error) {
		f.store.WithLabelValues(operation).Observe(time.Since(start).Seconds())
		ours := *err != nil && ctx.Err() == nil && (fault.Is(*err, fault.Internal) || fault.Is(*err, fault.Unavailable) || fault.Is(*err, fault.Full))
		if ours {
			f.failed.WithLabelValues(operation).Inc()
		}
		end(ours)
	}
}

type measuredStore struct {
	Documents
	f *Figures
}

func (s *measuredStore) Get(ctx context.Context, kind, id string) (_ store.Document, err error) {
	ctx, done := s.f.measure(ctx, "store.get")
	defer done(&err)
	return s.Documents.Get(ctx, kind, id)
}

func (s *measuredStore) List(ctx context.Context, kind, after string, limit int) (_ []store.Document, err error) {
	ctx, done := s.f.measure(ctx, "store.list")
	defer done(&err)
	return s.Documents.List(ctx, kind, after, limit)
}

func (s *measuredStore) Commit(ctx context.Context, c store.Commit) (_ []store.Change, err error) {
	ctx, done := s.f.measure(ctx, "store.commit")
	defer done(&err)
	changes, err := s.Documents.Commit(ctx, c)
	if err == nil {
		s.f.changes.WithLabelValues(c.Action).Inc()
	}
	return changes, err
}

func (s *measuredStore) Append(ctx context.Context, entries []store.Entry) (_ []bool, err error) {
	ctx, done := s.f.measure(ctx, "store.append")
	defer done(&err)
	fresh, err := s.Documents.Append(ctx, entries)
	for _, is := range fresh {
		s.f.asRun.WithLabelValues(map[bool]string{true: "fresh", false: "repeated"}[is]).Inc()
	}
	return fresh, err
}

func (s *measuredStore) Read(ctx context.Context, station string, from, to time.Time) (_ []store.Entry, err error) {
	ctx, done := s.f.measure(ctx, "store.read")
	defer done(&err)
	return s.Documents.Read(ctx, station, from, to)
}

func (s *measuredStore) Audit(ctx context.Context, q store.AuditQuery) (_ []store.Change, err error) {
	ctx, done := s.f.measure(ctx, "store.audit")
	defer done(&err)
	return s.Documents.Audit(ctx, q)
}

type measuredAudio struct {
	Recordings
	f *Figures
}

func (a *measuredAudio) Put(ctx context.Context, r io.Reader, limit int64) (_ blob.Blob, err error) {
	ctx, done := a.f.measure(ctx, "audio.put")
	defer done(&err)
	b, err := a.Recordings.Put(ctx, r, limit)
	a.f.bytes.WithLabelValues("in").Add(float64(b.Bytes))
	return b, err
}

func (a *measuredAudio) Open(ctx context.Context, sha256 string) (_ blob.Content, n int64, err error) {
	ctx, done := a.f.measure(ctx, "audio.open")
	defer done(&err)
	c, n, err := a.Recordings.Open(ctx, sha256)
	a.f.bytes.WithLabelValues("out").Add(float64(n))
	return c, n, err
}
