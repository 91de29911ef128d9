// Package access authenticates requests. The routes define the permissions of each role (package httpapi).
//
//   - Actor is the author of a request, with a Role; System is the actor of background jobs.
//   - Members manages the persons who work with the service.
//   - Access stores access tokens, as hashes only, and authenticates them.
//   - Media creates addresses of recordings that work without a token, and returns the station of an address.
//   - Enrolments binds a station's own keys by a one-time code; Seize ends everything that a station holds.
//   - SigningKeys lists the keys that signed the store's documents, so that old signatures can be verified.
package access
