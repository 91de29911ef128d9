// Package longform marks the tests that run in the plain form only.
package longform

import "testing"

// Only skips the test in the short form, in which the race detector runs: it sees nothing of other processes, slows
// real time down, and finds nothing in arithmetic that has one goroutine. The check runs each test that calls Only, or
// asks testing.Short, in the plain form too. It finds them by their text: see deploy/check.sh.
func Only(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("runs in the plain form")
	}
}
