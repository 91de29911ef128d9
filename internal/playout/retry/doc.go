// Package retry waits: Backoff says for how long after failures, Pause waits until then or until it is woken.
package retry
