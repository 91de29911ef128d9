//go:build !unix

package fault

import (
	"errors"
	"syscall"
)

// NoRoom reports whether err means that there is no space: ERROR_HANDLE_DISK_FULL or ERROR_DISK_FULL.
func NoRoom(err error) bool {
	return errors.Is(err, syscall.Errno(39)) || errors.Is(err, syscall.Errno(112))
}
