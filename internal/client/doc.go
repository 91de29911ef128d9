// Package client is the typed HTTP client of the API: the player, the command line and the end-to-end tests speak
// through it.
//
//   - Client sends a request, tells the service's problems from what others on the way answer (client.go), and asks for
//     compressed answers within bounds (unzip.go). address.go judges addresses.
//   - people.go, ledger.go and webhooks.go call for people; uploads.go sends a recording in pieces and goes on after a
//     break.
//   - Station calls for a player (station.go); changes.go follows the stream of changes.
package client
