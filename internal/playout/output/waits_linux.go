package output

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// unread returns the number of bytes in a pipe, given either end of it.
func unread(pipe syscall.Conn) (int, error) { return waiting(pipe, unix.TIOCINQ) }

// unsent returns the number of bytes in a TCP connection that the peer has not acknowledged.
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
