// Package service assembles the service from its parts, for the program that serves and for the commands that open its
// store while it runs.
//
//   - service.go opens the parts in the order of their dependencies and runs them; metricsserver.go, tls.go and
//     garbage.go contain its other listeners and its memory management.
//   - backends.go opens the configured stores for documents and audio; raise.go switches the store to this program's
//     document versions, restored.go raises the revisions that a restored store signs.
//   - key.go manages the signing key, keyring.go the keys of roles, hold.go locks the data directory.
package service
