// Package idempotency makes it safe to send a request again: Store keeps the first answer to each request that its
// sender has named, for a day. FirstRequest is the right to be the first; while one holds it, others fail with
// Conflict.
package idempotency
