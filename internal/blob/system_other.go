//go:build !unix

package blob

import (
	"os"
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
