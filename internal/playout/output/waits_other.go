//go:build !linux

package output

import (
	"errors"
	"syscall"
)

// unread and unsent fail: how much waits in a pipe or a connection is not known here.
func unread(syscall.Conn) (int, error) { return 0, errors.ErrUnsupported }
func unsent(syscall.Conn) (int, error) { return 0, errors.ErrUnsupported }
