// Package client is the typed HTTP client of the API. The player, the command line and the end-to-end tests use it.
//
//   - Client sends requests, distinguishes the service's problems from the responses of proxies (client.go), and
//     decompresses responses within bounds (unzip.go). address.go validates addresses.
//   - login.go, people.go, record.go, enrolment.go and webhooks.go contain the calls for people; uploads.go sends a
//     recording in pieces and resumes after an interruption. link.go has TLS, pins and certificates; bounds.go has the
//     bounds of answers; patience.go paces refused tokens.
//   - Station contains the calls for a player (station.go); changes.go reads the stream of changes.
package client
