//go:build linux || darwin || freebsd

package reserve

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// room returns the free and the total bytes of a directory's file system; 0 if unknown.
func room(dir string) (free, total int64, err error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, 0, fmt.Errorf("reserve: %s: %w", dir, err)
	}
	return int64(s.Bavail) * int64(s.Bsize), int64(s.Blocks) * int64(s.Bsize), nil
}
