//go:build unix

package blob

import (
	"os"

	"lifeline/internal/flock"
)

// claim locks f until it is closed or its process dies, and reports whether no other process has locked it.
func claim(f *os.File) (bool, error) { return flock.Take(f) }
