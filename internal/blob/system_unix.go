//go:build unix

package blob

import (
	"errors"
	"os"
	"syscall"

	"lifeline/internal/flock"
)

// claim locks f until it is closed or its process dies, and reports whether no other process has locked it.
func claim(f *os.File) (bool, error) { return flock.Take(f) }

// full reports whether err means that there is no space: on the disk, in the quota, or under the file size limit.
func full(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG)
}
