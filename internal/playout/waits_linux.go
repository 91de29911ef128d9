package playout

import (
	"os"

	"golang.org/x/sys/unix"
)

// unread is how many bytes wait in a pipe that is written to.
func unread(pipe *os.File) (bytes int, err error) {
	raw, err := pipe.SyscallConn()
	if err != nil {
		return 0, err
	}
	if failed := raw.Control(func(fd uintptr) { bytes, err = unix.IoctlGetInt(int(fd), unix.TIOCINQ) }); failed != nil {
		return 0, failed
	}
	return bytes, err
}
