package blob

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"

	"lifeline/internal/fault"
)

// spool writes incoming bytes into temporary files of one directory until their hash is known. A file is locked while
// its writer lives, which distinguishes the remains of a crash from the files of other processes.
type spool struct {
	root *os.Root
	dir  string
}

// open creates the directory and removes the remains of a crash.
func (s spool) open() error {
	if err := s.root.MkdirAll(s.dir, 0o700); err != nil {
		return err
	}
	left, err := fs.ReadDir(s.root.FS(), s.dir)
	if err != nil {
		return err
	}
	for _, entry := range left {
		if err := s.sweep(path.Join(s.dir, entry.Name())); err != nil {
			return err
		}
	}
	return nil
}

func (s spool) sweep(name string) error {
	f, err := s.root.OpenFile(name, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // its writer finished first
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if abandoned, err := claim(f); err != nil || !abandoned {
		return err
	}
	return ignoreAbsent(s.root.Remove(name))
}

// incoming is a received file: complete, on disk, and still under its temporary name.
type incoming struct {
	*os.File
	Blob
	spool spool
	name  string
}

// receive reads r to its end. The caller must discard the incoming file.
func (s spool) receive(ctx context.Context, r io.Reader, limit int64) (in *incoming, err error) {
	name := path.Join(s.dir, rand.Text())
	f, err := s.root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return nil, classify(err)
	}
	in = &incoming{File: f, spool: s, name: name}
	defer func() {
		if err != nil {
			err = errors.Join(err, in.discard())
		}
	}()
	if _, err := claim(f); err != nil {
		return in, classify(err)
	}
	hash := sha256.New()
	in.Bytes, err = io.Copy(io.MultiWriter(f, hash), io.LimitReader(&contextReader{ctx, r}, max(limit, 0)+1))
	switch {
	case err != nil:
		return in, classify(err)
	case in.Bytes > limit:
		return in, fault.New(fault.TooLarge, "more than the %d bytes that are allowed", limit)
	}
	in.SHA256 = hex.EncodeToString(hash.Sum(nil))
	return in, classify(f.Sync())
}

// discard removes the file, unless it has been renamed away, and closes it.
func (in *incoming) discard() error {
	return errors.Join(ignoreAbsent(in.spool.root.Remove(in.name)), in.Close())
}

// contextReader is a reader that ends with its context.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (o *contextReader) Read(p []byte) (int, error) {
	if err := o.ctx.Err(); err != nil {
		return 0, err
	}
	return o.r.Read(p)
}

// classify converts errors of the file system into the contract's kinds.
func classify(err error) error {
	switch {
	case err == nil:
		return nil
	case fault.NoRoom(err):
		return fault.Wrap(fault.Full, err, "no space left for audio")
	case errors.As(err, new(*fs.PathError)), errors.As(err, new(*os.LinkError)):
		return fault.Wrap(fault.Unavailable, err, "the audio directory cannot be reached")
	}
	return fmt.Errorf("blob: %w", err)
}

func ignoreAbsent(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
