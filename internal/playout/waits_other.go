//go:build !linux

package playout

import (
	"errors"
	"os"
)

// unread fails: how many bytes wait in a pipe is not known here.
func unread(*os.File) (int, error) { return 0, errors.ErrUnsupported }
