package output

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// unread is how many bytes wait in a pipe, whichever end of it is given.
func unread(pipe syscall.Conn) (int, error) { return waiting(pipe, unix.TIOCINQ) }

// unsent is how many bytes wait in a TCP connection until the other side has them.
func unsent(conn syscall.Conn) (int, error) { return waiting(conn, unix.TIOCOUTQ) }

func waiting(where syscall.Conn, request uint) (bytes int, err error) {
	raw, err := where.SyscallConn()
	if err != nil {
		return 0, err
	}
	if failed := raw.Control(func(fd uintptr) { bytes, err = unix.IoctlGetInt(int(fd), request) }); failed != nil {
		return 0, failed
	}
	return bytes, err
}
