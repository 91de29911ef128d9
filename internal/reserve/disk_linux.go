package reserve

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// allocate allocates n bytes of the disk to f without writing them. It fails with ErrUnsupported if the file system
// cannot do that.
func allocate(f *os.File, at, n int64) error {
	err := unix.Fallocate(int(f.Fd()), 0, at, n)
	if err == unix.EOPNOTSUPP || err == unix.ENOSYS {
		return errors.ErrUnsupported
	}
	return err
}
