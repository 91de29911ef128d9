package statedir

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"lifeline/internal/fault"
	"lifeline/internal/flock"
)

// Dir is the station's directory. Names never leave it.
type Dir struct {
	Root *os.Root
	temp atomic.Int64
	lock *os.File // nil: not locked

	found []string // files that were damaged when they were read
}

// Damaged are the files that were found damaged, each with what follows, for people.
func (s *Dir) Damaged() []string { return s.found }

// damaged notes that a file is damaged, once.
func (s *Dir) damaged(name, consequence string) {
	said := fmt.Sprintf("%s of the state directory is damaged and left out: %s", name, consequence)
	if !slices.Contains(s.found, said) {
		s.found = append(s.found, said)
	}
}

// Find is OpenState of a directory that a player has made. It fails, and makes nothing, where none has.
func Find(dir string) (*Dir, error) {
	if _, err := os.Stat(filepath.Join(dir, "queues")); err != nil {
		return nil, fault.New(fault.NotFound, "%s is not the state directory of a player: give the one that `playout run` "+
			"was started with, by --state or LIFELINE_STATE", dir)
	}
	return Open(dir)
}

// Open opens the directory, creating it when absent. It fails with Conflict where a newer player wrote it. It changes
// nothing of a player that may be using it.
func Open(dir string) (*Dir, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("playout: state: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("playout: state: %w", err)
	}
	s := &Dir{Root: root}
	if err := s.known(); err != nil {
		return nil, errors.Join(err, root.Close())
	}
	for _, sub := range []string{"queues", "audio", "inbox"} {
		if err := root.MkdirAll(sub, 0o700); err != nil {
			return nil, errors.Join(fmt.Errorf("playout: state: %w", err), root.Close())
		}
	}
	return s, nil
}

// Lock makes the directory this player's alone until Close, and then removes what a crash left half written. It fails,
// and changes nothing, when another player has it: two would use the same sequences.
func (s *Dir) Lock() error {
	f, err := s.Root.OpenFile("lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("playout: state: %w", err)
	}
	ours, err := flock.Take(f)
	if err == nil && !ours {
		err = errors.New("another player plays from it")
	}
	if err == nil {
		err = s.sweep()
	}
	if err != nil {
		return errors.Join(fmt.Errorf("playout: state directory %s: %w", s.Root.Name(), err), f.Close())
	}
	s.lock = f
	return nil
}

// sweep removes the temporary files of Replace. While another player is at work they are its own.
func (s *Dir) sweep() error {
	for _, sub := range []string{".", "queues"} {
		left, err := fs.Glob(s.Root.FS(), path.Join(sub, "*.tmp"))
		if err != nil {
			return err
		}
		for _, name := range left {
			if err := s.Root.Remove(name); err != nil {
				return err
			}
		}
	}
	return nil
}

// Close releases the directory.
func (s *Dir) Close() error {
	if s.lock != nil {
		return errors.Join(s.lock.Close(), s.Root.Close())
	}
	return s.Root.Close()
}

// Replace makes name hold exactly b, durably, or leaves it as it was.
func (s *Dir) Replace(name string, b []byte) error {
	temp := name + "." + strconv.FormatInt(s.temp.Add(1), 10) + ".tmp"
	f, err := s.Root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("playout: write %s: %w", name, err)
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		if err = s.Root.Rename(temp, name); err == nil {
			return s.SyncDir(path.Dir(name))
		}
	}
	return fmt.Errorf("playout: write %s: %w", name, errors.Join(err, s.Root.Remove(temp)))
}

// Twice are the names of a file that is kept twice.
func Twice(name string) []string {
	ext := path.Ext(name)
	return []string{name, strings.TrimSuffix(name, ext) + "-2" + ext}
}

// ReplaceTwice is Replace of both copies of name: damage to one file leaves the other.
func (s *Dir) ReplaceTwice(name string, b []byte) error {
	copies := Twice(name)
	return errors.Join(s.Replace(copies[0], b), s.Replace(copies[1], b))
}

// Remove makes sure, durably, that there is no name.
func (s *Dir) Remove(name string) error {
	if err := s.Root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("playout: remove %s: %w", name, err)
	}
	return s.SyncDir(path.Dir(name))
}

// Read is the content of name, at most limit bytes. It fails with fs.ErrNotExist when there is none.
func (s *Dir) Read(name string, limit int64) ([]byte, error) {
	f, err := s.Root.Open(name)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("playout: read %s: %w", name, err)
	}
	if int64(len(b)) > limit {
		return nil, fmt.Errorf("playout: read %s: over %d bytes", name, limit)
	}
	return b, nil
}

// SyncDir makes the names in dir durable.
func (s *Dir) SyncDir(dir string) error {
	d, err := s.Root.Open(dir)
	if err != nil {
		return fmt.Errorf("playout: sync %s: %w", dir, err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("playout: sync %s: %w", dir, err)
	}
	return nil
}
