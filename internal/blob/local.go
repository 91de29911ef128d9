package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"runtime"
	"sync"
	"time"

	"lifeline/internal/fault"
)

// Local keeps blobs as files in 256 subdirectories of one directory: ab/ab12….
type Local struct {
	root  *os.Root
	spool spool
	mu    sync.Mutex // serialises renames to a name with deletions by age
}

// OpenLocal opens dir, creates it if it does not exist, and removes partial files that a crash left.
func OpenLocal(dir string) (*Local, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("blob: open: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("blob: open: %w", err)
	}
	l := &Local{root: root, spool: spool{root, "tmp"}}
	if err := l.spool.open(); err != nil {
		return nil, errors.Join(fmt.Errorf("blob: open: %w", err), root.Close())
	}
	return l, nil
}

// Close releases the directory. Open contents stay readable.
func (l *Local) Close() error { return l.root.Close() }

// Put implements Store.
func (l *Local) Put(ctx context.Context, r io.Reader, limit int64) (_ Blob, err error) {
	in, err := l.spool.receive(ctx, r, limit)
	if err != nil {
		return Blob{}, err
	}
	defer func() { err = errors.Join(err, in.discard()) }()
	if err := ctx.Err(); err != nil {
		return Blob{}, err
	}
	if err := l.install(in); err != nil {
		return Blob{}, classify(err)
	}
	info, err := in.Stat()
	if err != nil {
		return Blob{}, classify(err)
	}
	in.Stored = info.ModTime().UTC()
	return in.Blob, nil
}

// install renames the file to its final name, durably.
func (l *Local) install(in *incoming) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	dir := in.SHA256[:2]
	switch err := l.root.Mkdir(dir, 0o700); {
	case err == nil:
		if err := l.sync("."); err != nil {
			return err
		}
	case !errors.Is(err, fs.ErrExist):
		return err
	}
	if err := l.root.Rename(in.name, place(in.SHA256)); err != nil {
		return err
	}
	return l.sync(dir)
}

// Open implements Store.
func (l *Local) Open(ctx context.Context, sha256 string) (Content, int64, error) {
	if err := errors.Join(named(sha256), ctx.Err()); err != nil {
		return nil, 0, err
	}
	f, err := l.root.Open(place(sha256))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, absent(sha256)
	}
	if err != nil {
		return nil, 0, classify(err)
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = absent(sha256)
	}
	if err != nil {
		return nil, 0, errors.Join(classify(err), f.Close())
	}
	return f, info.Size(), nil
}

// Stat implements Store.
func (l *Local) Stat(ctx context.Context, sha256 string) (Blob, error) {
	if err := errors.Join(named(sha256), ctx.Err()); err != nil {
		return Blob{}, err
	}
	info, err := l.root.Lstat(place(sha256))
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.Mode().IsRegular() {
		return Blob{}, absent(sha256)
	}
	if err != nil {
		return Blob{}, classify(err)
	}
	return Blob{SHA256: sha256, Bytes: info.Size(), Stored: info.ModTime().UTC()}, nil
}

// List implements Store.
func (l *Local) List(ctx context.Context, after string, limit int) ([]Blob, error) {
	if err := atLeastOne(limit); err != nil {
		return nil, err
	}
	var page []Blob
	for n := range 256 {
		dir := fmt.Sprintf("%02x", n)
		if after >= dir+"g" {
			continue // all of its names come before after
		}
		entries, err := fs.ReadDir(l.root.FS(), dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, classify(err)
		}
		for _, entry := range entries {
			if len(page) == limit {
				return page, nil
			}
			name := entry.Name()
			if name <= after || named(name) != nil || name[:2] != dir {
				continue
			}
			switch b, err := l.Stat(ctx, name); {
			case err == nil:
				page = append(page, b)
			case !fault.Is(err, fault.NotFound): // deleted in the meantime, or a directory
				return nil, err
			}
		}
	}
	return page, nil
}

// Delete implements Store.
func (l *Local) Delete(ctx context.Context, sha256 string) error {
	if err := errors.Join(named(sha256), ctx.Err()); err != nil {
		return err
	}
	switch err := l.root.Remove(place(sha256)); {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return classify(err)
	}
	return classify(l.sync(sha256[:2]))
}

// Erase implements Store. A disk may keep the blocks of a removed file until it needs them.
func (l *Local) Erase(ctx context.Context, sha256 string) error { return l.Delete(ctx, sha256) }

// DeleteOlder implements Store. No Put of this process runs between the check and the deletion.
func (l *Local) DeleteOlder(ctx context.Context, sha256 string, before time.Time) (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch b, err := l.Stat(ctx, sha256); {
	case fault.Is(err, fault.NotFound):
		return false, nil
	case err != nil:
		return false, err
	case !b.Stored.Before(before):
		return false, nil
	}
	err := l.Delete(ctx, sha256)
	return err == nil, err
}

// sync makes the names in dir durable. Windows does so by itself and has no call for it.
func (l *Local) sync(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	f, err := l.root.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func place(sha256 string) string { return path.Join(sha256[:2], sha256) }
