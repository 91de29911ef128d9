package reserve

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"

	"lifeline/internal/fault"
)

// fileName is the file that occupies the reserved bytes.
const fileName = "reserve"

// smallest is the divisor of the largest share of a disk that is reserved.
const smallest = 8

// Disk is the file system of a directory. A file in it occupies the reserved bytes.
type Disk string

func (d Disk) file() string { return filepath.Join(string(d), fileName) }

// Fit implements Place: at most an eighth of the file system.
func (d Disk) Fit(_ context.Context, size int64) (int64, error) {
	_, total, err := room(string(d))
	if err != nil || total == 0 {
		return size, err
	}
	return min(size, total/smallest), nil
}

// Free implements Place.
func (d Disk) Free(context.Context) (int64, error) {
	free, total, err := room(string(d))
	if err == nil && total == 0 {
		free = Unbounded
	}
	return free, err
}

// Held implements Place.
func (d Disk) Held(context.Context) (int64, error) {
	info, err := os.Stat(d.file())
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, classify(err)
	}
	return info.Size(), nil
}

// Hold implements Place.
func (d Disk) Hold(_ context.Context, n int64) (held int64, err error) {
	f, err := os.OpenFile(d.file(), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return 0, classify(err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return 0, classify(err)
	}
	before := info.Size()
	if before >= n {
		if err := f.Truncate(n); err != nil {
			return before, classify(err)
		}
		return n, nil
	}
	if err = allocate(f, before, n-before); errors.Is(err, errors.ErrUnsupported) {
		err = fill(f, before, n-before)
	}
	if err == nil {
		err = f.Sync()
	}
	if err != nil {
		return before, errors.Join(classify(err), f.Truncate(before))
	}
	return n, nil
}

// fill writes bytes that no file system can compress.
func fill(f *os.File, at, n int64) error {
	var seed [32]byte
	_, err := io.Copy(io.NewOffsetWriter(f, at), io.LimitReader(rand.NewChaCha8(seed), n))
	return err
}

func classify(err error) error {
	if fault.NoRoom(err) {
		return fault.Wrap(fault.Full, err, "no room for what is kept back")
	}
	return fmt.Errorf("reserve: %w", err)
}
