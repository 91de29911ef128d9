//go:build unix

// Package flock locks a file for one holder. The lock ends with the process, even after a crash.
package flock

import (
	"errors"
	"os"
	"syscall"
)

// Take locks f until it is closed or its process ends, and reports at once whether it did. It returns false while
// another opener, even in the same process, holds the lock.
func Take(f *os.File) (bool, error) {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}
