//go:build unix

package playout

import (
	"errors"
	"os"
	"syscall"
)

// lockFile makes f this process's alone until it is closed, also by a crash. It fails at once when it is another's.
func lockFile(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return errors.New("another player plays from it")
	}
	return err
}
