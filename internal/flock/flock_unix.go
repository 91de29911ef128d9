//go:build unix

// Package flock makes a file one holder's alone: by an advisory lock, which ends with its process however that dies.
package flock

import (
	"errors"
	"os"
	"syscall"
)

// Take makes f its opener's alone until it is closed, also by a crash, and says at once whether it did: false when
// another has it, be it of this process.
func Take(f *os.File) (bool, error) {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}
