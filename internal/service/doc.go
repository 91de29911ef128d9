// Package service puts the service together from its parts, for the program that serves and for the commands that open
// its store beside it.
//
//   - service.go opens the parts in the order in which one needs the other, and runs them; metricsserver.go, tls.go and
//     garbage.go are its listeners and its memory.
//   - backends.go opens the store and the audio that the configuration names; raise.go has the store hold documents in
//     this program's format, restored.go numbers what a restored store signs.
//   - key.go keeps the signing key, keyring.go the keys of roles, hold.go takes the data directory.
package service
