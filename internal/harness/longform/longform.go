// Package longform marks the tests that run only without the race detector.
package longform

import "testing"

// Only skips the test in the short form, in which the race detector runs: it sees nothing of other processes, slows
// real time down, finds nothing in arithmetic that has one goroutine, and finds in a service that one client asks one
// thing after another what the tests with many clients find. The check runs each test that calls Only, or asks
// testing.Short, once more in the plain form. It finds them by their text: see deploy/check.sh.
func Only(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("runs in the plain form")
	}
}
