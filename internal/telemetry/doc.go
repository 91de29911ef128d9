// Package telemetry counts and times what the service does: figures for Prometheus, and traces for an OpenTelemetry
// collector where one is named.
//
//   - metrics.go has the figures of requests, census.go those of stations, room.go those of room; store.go times the
//     store and the audio. trace.go has the traces.
package telemetry
