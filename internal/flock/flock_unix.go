//go:build unix

// Package flock makes a file one holder's alone: by an advisory lock, which ends with its process however that dies.
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
