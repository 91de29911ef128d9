package telemetry

import (
	"context"
	"io"
	"time"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"lifeline/internal/blob"
	"lifeline/internal/fault"
	"lifeline/internal/replica"
)

// Recordings is an open audio store.
type Recordings interface {
	blob.Store
	Close() error
}

// Store returns s with measurements.
func (f *Figures) Store(s replica.Store) replica.Store {
	return replica.Intercept(s, func(ctx context.Context, call *replica.Call, do func(context.Context) error) (err error) {
		ctx, done := f.measure(ctx, call.Name)
		defer done(&err)
		err = do(ctx)
		if err == nil && call.Commit != nil {
			f.changes.WithLabelValues(call.Commit.Action).Inc()
		}
		for _, is := range call.Fresh {
			f.asRun.WithLabelValues(map[bool]string{true: "fresh", false: "repeated"}[is]).Inc()
		}
		return err
	})
}

// Audio returns r with measurements.
func (f *Figures) Audio(r Recordings) Recordings { return &measuredAudio{r, f} }

// measure measures an operation of a back end, in the metrics and in the trace of its request.
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
	failed := f.failed.WithLabelValues(operation) // from the first use on: a rate needs the 0 before the first failure
	return ctx, func(err *error) {
		f.store.WithLabelValues(operation).Observe(time.Since(start).Seconds())
		ours := *err != nil && ctx.Err() == nil && (fault.Is(*err, fault.Internal) || fault.Is(*err, fault.Unavailable) ||
			fault.Is(*err, fault.Full))
		if ours {
			failed.Inc()
		}
		end(ours)
	}
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
