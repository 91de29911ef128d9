// Package idempotency makes it safe to repeat a request: Store keeps the first answer to each request with a key of its
// sender for a day. FirstRequest is the right to be the first; while one exists, repetitions fail with Conflict.
package idempotency
