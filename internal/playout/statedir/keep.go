package statedir

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"slices"

	"lifeline/internal/fault"
)

// owed is a content that the disk did not take.
type owed struct {
	name string
	b    []byte
}

// Keep is Replace for what is in use already, whether the disk takes it or not. If it fails, Settle writes it later.
func (s *Dir) Keep(name string, b []byte) error {
	s.owing.Lock()
	defer s.owing.Unlock()
	return s.keep(name, b)
}

// KeepFirst is Keep for what must survive a restart although the disk is full. It takes the room of the spare.
func (s *Dir) KeepFirst(name string, b []byte) error {
	s.owing.Lock()
	defer s.owing.Unlock()
	err := s.keep(name, b)
	for fault.NoRoom(err) && s.shrinkSpare(2*int64(len(b))) == nil {
		err = s.keep(name, b)
	}
	return err
}

func (s *Dir) keep(name string, b []byte) error {
	s.disown(name)
	err := s.Replace(name, b)
	if err != nil {
		s.owed = append(s.owed, owed{name, b})
	}
	return err
}

// disown forgets what is owed under a name.
func (s *Dir) disown(name string) {
	s.owed = slices.DeleteFunc(s.owed, func(o owed) bool { return o.name == name })
}

// Settle writes what Keep could not, in the order in which it came. It fails as long as the disk does not take it all.
func (s *Dir) Settle() error {
	s.owing.Lock()
	defer s.owing.Unlock()
	for len(s.owed) > 0 {
		if err := s.Replace(s.owed[0].name, s.owed[0].b); err != nil {
			return err
		}
		s.owed = s.owed[1:]
	}
	return nil
}

// spareName is a file of random bytes, which no file system compresses: its room is that of KeepFirst.
const (
	spareName  = "spare"
	spareBytes = 1 << 20
	spareStep  = 64 << 10 // the least by which it shrinks, more than a block of any usual file system
)

// Spare makes the spare as large as it is to be. If the disk has no room for that, it leaves it as it is and fails.
func (s *Dir) Spare() error {
	s.owing.Lock()
	defer s.owing.Unlock()
	f, err := s.Root.OpenFile(spareName, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil || info.Size() >= spareBytes {
		return errors.Join(err, f.Close())
	}
	more := make([]byte, spareBytes-info.Size())
	rand.Read(more)
	if _, err = f.WriteAt(more, info.Size()); err == nil {
		err = f.Sync()
	}
	if err != nil {
		err = errors.Join(err, f.Truncate(info.Size()))
	}
	return errors.Join(err, f.Close())
}

// shrinkSpare gives n bytes of the spare back to the disk. It fails if nothing is left of it.
func (s *Dir) shrinkSpare(n int64) error {
	f, err := s.Root.OpenFile(spareName, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err == nil && info.Size() == 0 {
		err = fs.ErrNotExist
	}
	if err == nil {
		err = f.Truncate(max(info.Size()-max(n, spareStep), 0))
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}
