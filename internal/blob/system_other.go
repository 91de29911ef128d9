//go:build !unix

package blob

import (
	"errors"
	"os"
	"syscall"
	"time"
)

// claim reports whether f is so old that no process can still be writing it.
func claim(f *os.File) (bool, error) {
	info, err := f.Stat()
	if err != nil {
		return false, err
	}
	return time.Since(info.ModTime()) > 24*time.Hour, nil
}

// full reports whether err means that there is no space: ERROR_HANDLE_DISK_FULL or ERROR_DISK_FULL.
func full(err error) bool {
	return errors.Is(err, syscall.Errno(39)) || errors.Is(err, syscall.Errno(112))
}
