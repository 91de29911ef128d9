package statedir

import (
	"cmp"
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
	"sync"
	"sync/atomic"

	"lifeline/internal/fault"
	"lifeline/internal/flock"
)

// Dir is the station's state directory. Its names are confined to it.
type Dir struct {
	Root *os.Root
	Mode fs.FileMode // permissions of new files; 0: 0600
	temp atomic.Int64
	lock *os.File // nil: not locked

	owing sync.Mutex
	owed  []owed // what Keep could not write, in that order

	found []string // descriptions of files that were damaged when they were read
}

// Damaged returns a description of each damaged file found, with the consequence.
func (s *Dir) Damaged() []string { return s.found }

// damaged records once that a file is damaged.
func (s *Dir) damaged(name, consequence string) {
	said := fmt.Sprintf("%s of the state directory is damaged and left out: %s", name, consequence)
	if !slices.Contains(s.found, said) {
		s.found = append(s.found, said)
	}
}

// Find opens a directory that a player has created, like Open. If there is none it fails and creates nothing.
func Find(dir string) (*Dir, error) {
	if _, err := os.Stat(filepath.Join(dir, "queues")); err != nil {
		return nil, fault.New(fault.NotFound, "%s is not the state directory of a player: give the one that `playout run` "+
			"was started with, by --state or LIFELINE_STATE", dir)
	}
	return Open(dir)
}

// Open opens the directory, and creates it if it does not exist. It fails with Conflict if a newer player wrote it. It
// does not change files that a running player may be using.
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

// Lock locks the directory for this player until Close, and then removes the temporary files that a crash left. It
// fails, without a change, if another player holds the lock: two players would use the same sequence numbers.
func (s *Dir) Lock() error {
	f, err := s.Root.OpenFile("lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("playout: state: %w", err)
	}
	ours, err := flock.Take(f)
	if err == nil && !ours {
		err = errors.New("another player uses it")
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

// sweep removes the temporary files of Replace. While another player is running they are in use.
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

// Close unlocks and closes the directory.
func (s *Dir) Close() error {
	if s.lock != nil {
		return errors.Join(s.lock.Close(), s.Root.Close())
	}
	return s.Root.Close()
}

// Create creates a file, or empties it.
func (s *Dir) Create(name string) (*os.File, error) {
	return s.Root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, cmp.Or(s.Mode, 0o600))
}

// Replace durably replaces the content of name with b, or leaves it unchanged.
func (s *Dir) Replace(name string, b []byte) error {
	temp := name + "." + strconv.FormatInt(s.temp.Add(1), 10) + ".tmp"
	f, err := s.Create(temp)
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
	if at := (*fs.PathError)(nil); errors.As(err, &at) {
		at.Path = filepath.Join(s.Root.Name(), name) // the temporary name differs each time
	}
	return fmt.Errorf("playout: write %s: %w", name, errors.Join(err, s.Root.Remove(temp)))
}

// Twice returns the names of the two copies of a file.
func Twice(name string) []string {
	ext := path.Ext(name)
	return []string{name, strings.TrimSuffix(name, ext) + "-2" + ext}
}

// ReplaceTwice replaces both copies of name: damage to one file leaves the other intact.
func (s *Dir) ReplaceTwice(name string, b []byte) error {
	copies := Twice(name)
	return errors.Join(s.Replace(copies[0], b), s.Replace(copies[1], b))
}

// Remove durably removes name, and what Keep could not write there. It does nothing if name does not exist.
func (s *Dir) Remove(name string) error {
	s.owing.Lock()
	defer s.owing.Unlock()
	s.disown(name)
	if err := s.Root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("playout: remove %s: %w", name, err)
	}
	return s.SyncDir(path.Dir(name))
}

// Read returns the content of name. It fails with fs.ErrNotExist if name does not exist, and also if the content is
// longer than limit bytes.
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
