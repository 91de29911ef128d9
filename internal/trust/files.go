package trust

import (
	"fmt"
	"os"

	"lifeline/internal/fault"
)

// RootName is the file of a root in a folder of roots.
func RootName(version int64) string { return fmt.Sprintf("%d.root.json", version) }

// ReadRoot reads a root document. It fails with fs.ErrNotExist where there is no file.
func ReadRoot(name string) (*Root, error) {
	b, err := ReadFile(name)
	if err != nil {
		return nil, err
	}
	return ParseRoot(b)
}

// ReadFile reads a file of a root or a key, which is no larger than a root document may be.
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
