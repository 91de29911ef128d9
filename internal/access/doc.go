// Package access says who asks. What each role may do stands with the routes (package httpapi).
//
//   - Actor is who asks, with a Role; System is the background work.
//   - Access keeps access tokens, of which it stores hashes alone, and finds out whose a token is.
//   - Media makes addresses of recordings that open without a token, and tells which station an address was made for.
//   - SigningKeys are the keys that the store's documents were signed with, so that old signatures can be checked.
package access
