// Package telemetry measures the service: metrics for Prometheus, and traces for an OpenTelemetry collector, if one is
// configured.
//
//   - metrics.go has the metrics of requests, census.go those of stations, room.go those of free space,
//     certificate.go that of the certificate; store.go measures the store and the audio. trace.go has the traces.
package telemetry
