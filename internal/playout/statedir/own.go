package statedir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"lifeline/internal/secret"
)

// othersWrite is the right of every user of the machine to write.
const othersWrite fs.FileMode = 0o002

// Seal takes the rights on the directory away from users who are neither its owner nor of its group, and the rights on
// the named files from all but their owner. It returns what was open to them.
func (s *Dir) Seal(names ...string) (open []string, err error) {
	for _, name := range append([]string{"."}, names...) {
		info, failed := s.Root.Stat(name)
		if errors.Is(failed, fs.ErrNotExist) {
			continue
		}
		rights := fs.FileMode(0o077)
		if name == "." {
			rights = 0o007 // the group reads the lists for other players there
		}
		if failed == nil && secret.Loose(info) && info.Mode().Perm()&rights != 0 {
			open, failed = append(open, name), s.Root.Chmod(name, info.Mode().Perm()&^rights)
		}
		err = errors.Join(err, failed)
	}
	return open, err
}

// Own takes away everybody's right to write to a directory: who writes there decides what airs. It fails if it cannot.
func Own(root *os.Root) error {
	info, err := root.Stat(".")
	if err == nil && info.Mode().Perm()&othersWrite != 0 {
		err = root.Chmod(".", info.Mode().Perm()&^othersWrite)
	}
	if err != nil {
		return fmt.Errorf("every user of this machine may write to %s, and so decide what airs (%w): take that right away with "+
			"chmod o-w", root.Name(), err)
	}
	return nil
}
