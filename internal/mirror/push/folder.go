package push

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"

	"lifeline/internal/fault"
)

// folder is a folder that a web server serves. Its files can be read by all.
type folder struct{ root *os.Root }

func openFolder(dir string, existing bool) (*folder, error) {
	if !existing {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, err
		}
	}
	root, err := os.OpenRoot(dir)
	switch {
	case existing && errors.Is(err, fs.ErrNotExist):
		return nil, fault.New(fault.NotFound, "there is no folder %s", dir)
	case err != nil:
		return nil, err
	}
	return &folder{root}, nil
}

// Close implements Place.
func (f *folder) Close() error { return f.root.Close() }

// List implements mirror.Target.
func (f *folder) List(ctx context.Context) (map[string]int64, error) {
	out := map[string]int64{}
	err := fs.WalkDir(f.root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
		if !d.Type().IsRegular() {
			return nil
		}
		info, err := d.Info()
		if err == nil {
			out[name] = info.Size()
		}
		return err
	})
	return out, err
}

// part is the ending of the name of a file that is not whole yet.
const part = ".part"

// create makes a file anew. What others left under its name, such as a link to another file or a pipe on which the
// writer would wait for ever, is not opened.
func create(root *os.Root, name string) (*os.File, error) {
	if err := root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
}

// Put implements mirror.Target.
func (f *folder) Put(ctx context.Context, name string, n int64, content io.ReadSeeker) error {
	err := f.Write(ctx, name+part, n, content)
	if err == nil {
		err = f.Rename(ctx, name+part, name)
	}
	if err != nil {
		return errors.Join(err, f.Remove(ctx, name+part))
	}
	return nil
}

// Write implements Place.
func (f *folder) Write(ctx context.Context, name string, n int64, content io.ReadSeeker) error {
	if dir := path.Dir(name); dir != "." {
		if err := f.root.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	out, err := create(f.root, name)
	if err != nil {
		return err
	}
	came, err := io.Copy(out, content)
	if err == nil && came != n {
		err = fmt.Errorf("%s: %d bytes of %d came", name, came, n)
	}
	return errors.Join(err, out.Sync(), out.Close(), ctx.Err())
}

// Rename implements Place.
func (f *folder) Rename(_ context.Context, from, to string) error { return f.root.Rename(from, to) }

// Names implements Place.
func (f *folder) Names(context.Context) (map[string]int64, error) {
	entries, err := fs.ReadDir(f.root.FS(), ".")
	out := map[string]int64{}
	for _, e := range entries {
		if !e.Type().IsRegular() {
			continue
		}
		info, failed := e.Info()
		switch {
		case failed == nil:
			out[e.Name()] = info.Size()
		case !errors.Is(failed, fs.ErrNotExist): // another program removed it meanwhile
			err = errors.Join(err, failed)
		}
	}
	return out, err
}

// Remove implements mirror.Target.
func (f *folder) Remove(_ context.Context, name string) error {
	if err := f.root.Remove(name); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Open implements Place.
func (f *folder) Open(_ context.Context, name string) (io.ReadCloser, error) {
	return f.root.Open(name)
}
