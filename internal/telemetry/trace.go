package telemetry

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// name is this service's name in traces.
const name = "lifeline"

// Traces sends traces to a collector. A nil Traces sends none.
type Traces struct {
	provider *sdk.TracerProvider
	tracer   trace.Tracer
}

// NewTraces returns Traces that are sent to an OTLP endpoint over HTTP, such as http://127.0.0.1:4318. Traces that
// cannot be sent are dropped.
func NewTraces(ctx context.Context, endpoint string) (*Traces, error) {
	exporter, err := otlptrace.New(ctx, collector(endpoint+"/v1/traces"))
	if err != nil {
		return nil, err
	}
	p := sdk.NewTracerProvider(sdk.WithBatcher(exporter),
		sdk.WithResource(resource.NewSchemaless(attribute.String("service.name", name))))
	return &Traces{p, p.Tracer(name)}, nil
}

// Close sends the remaining traces.
func (t *Traces) Close(ctx context.Context) error {
	if t == nil {
		return nil
	}
	return t.provider.Shutdown(ctx)
}

// Begin begins the span of a request, as part of the caller's trace if there is one. The returned function ends it.
func (t *Traces) Begin(r *http.Request, requestID string) (context.Context, func(route string, status int)) {
	if t == nil {
		return r.Context(), func(string, int) {}
	}
	ctx := propagation.TraceContext{}.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
	ctx, span := t.tracer.Start(ctx, r.Method, trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(
		attribute.String("http.request.method", r.Method), attribute.String("lifeline.request_id", requestID)))
	return ctx, func(route string, status int) {
		span.SetName(r.Method + " " + route)
		span.SetAttributes(attribute.String("http.route", route), attribute.Int("http.response.status_code", status))
		if status >= http.StatusInternalServerError {
			span.SetStatus(codes.Error, "failed")
		}
		span.End()
	}
}

// sending is the time within which a collector takes a batch.
const sending = 10 * time.Second

// collector is the address at which an OpenTelemetry collector takes traces, as an otlptrace.Client. The client of the
// library itself brings all of gRPC with it, for one POST.
type collector string

// Start does nothing: there is no connection to keep.
func (collector) Start(context.Context) error { return nil }

// Stop does nothing.
func (collector) Stop(context.Context) error { return nil }

// UploadTraces sends a batch. It fails if the collector does not take it.
func (c collector) UploadTraces(ctx context.Context, spans []*tracepb.ResourceSpans) error {
	// TracesData has the one field of the collector's request, under the same number.
	body, err := proto.Marshal(&tracepb.TracesData{ResourceSpans: spans})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, sending)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, string(c), bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/x-protobuf")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if _, err := io.Copy(io.Discard, io.LimitReader(answer.Body, 1<<16)); err != nil {
		return err
	}
	if answer.StatusCode/100 != 2 {
		return fmt.Errorf("the collector at %s answers %s", c, answer.Status)
	}
	return nil
}
