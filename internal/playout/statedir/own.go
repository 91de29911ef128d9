package statedir

import (
	"fmt"
	"io/fs"
	"os"
)

// othersWrite is the right of every user of the machine to write.
const othersWrite fs.FileMode = 0o002

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
