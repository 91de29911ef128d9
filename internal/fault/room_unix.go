//go:build unix

package fault

import (
	"errors"
	"syscall"
)

// NoRoom reports whether err means that there is no space: on the disk, in the quota, or under the file size limit.
func NoRoom(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG)
}
