package trust

import (
	"fmt"
	"os"

	"lifeline/internal/fault"
)

// RootName returns the file name of a root in a folder of roots.
func RootName(version int64) string { return fmt.Sprintf("%d.root.json", version) }

// ReadRoot reads a root document from a file. It fails with fs.ErrNotExist if the file does not exist.
func ReadRoot(name string) (*Root, error) {
	b, err := ReadFile(name)
	if err != nil {
		return nil, err
	}
	return ParseRoot(b)
}

// ReadFile reads the file of a root or a key. It fails with Invalid if the file is not a regular file or is larger than
// a root document may be.
func ReadFile(name string) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if info.Size() > MaxRoot || !info.Mode().IsRegular() {
		return nil, fault.New(fault.Invalid, "%s is no file of keys: it is larger than %d bytes, or no file", name, MaxRoot)
	}
	return os.ReadFile(name)
}
