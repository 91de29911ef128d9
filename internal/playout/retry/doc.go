// Package retry has the waits of retries: Backoff returns how long to wait after failures, and Pause waits that long or
// until it is woken.
package retry
