//go:build !linux

package output

import (
	"errors"
	"syscall"
)

// unread and unsent fail: this system does not tell how much a pipe or connection holds.
func unread(syscall.Conn) (int, error) { return 0, errors.ErrUnsupported }
func unsent(syscall.Conn) (int, error) { return 0, errors.ErrUnsupported }
