package sqlite

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql/driver"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"time"

	"modernc.org/sqlite"

	"lifeline/internal/fault"
	"lifeline/internal/store"
)

// ErrBehind is in what Open fails with where the file lacks changes that were acknowledged: it was copied without its
// journal, or an older or another file was put in its place. Accept has Open take it as it is.
var ErrBehind = errors.New("the database lacks changes that were acknowledged")

// kept is the user_version of a file that a keeper has open, or had when it died. It is in the file itself, not only in
// the journal, before the keeper's first commit, and the journal is not removed while it is there: without a journal
// such a file was copied without it.
const kept = 1

// markEvery is how often a keeper writes the mark at most, while it commits.
const markEvery = time.Second

// keeping is what a keeper has beyond other openers.
type keeping struct {
	mu   sync.Mutex
	is   bool
	last time.Time
}

// mark is a change that is in the file: what the file beside it says, for Open to compare.
type mark struct {
	Sequence int64  `json:"sequence"`
	Digest   string `json:"digest"` // of what the change says
}

func markFile(path string) string { return path + "-mark" }

// Keep makes s the file's keeper until it is closed: the file itself says that its journal belongs to it, and a file
// beside it how far it has come, so that Open notices when one of them is put back or left behind. One process at a
// time is the keeper.
func (s *Store) Keep(ctx context.Context) error {
	_, err := s.writer.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", kept))
	if err == nil {
		_, err = s.writer.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)")
	}
	if err != nil {
		return fmt.Errorf("sqlite: keep %s: %w", s.path, classify(ctx, err))
	}
	s.keeping.mu.Lock()
	defer s.keeping.mu.Unlock()
	s.keeping.is = true
	return nil
}

// Accept takes the file at path as it is, although it lacks changes that were acknowledged. It returns the last change
// that is there. What first does is in the file before it is accepted.
func Accept(ctx context.Context, path string, first func(*Store) error) (latest int64, err error) {
	s, err := open(ctx, path, true)
	if err != nil {
		return 0, fmt.Errorf("sqlite: accept %s: %w", path, err)
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if latest, err = s.Latest(ctx); err != nil {
		return 0, err
	}
	if err := first(s); err != nil {
		return 0, err
	}
	if _, err := s.writer.ExecContext(ctx, "PRAGMA user_version = 0"); err != nil {
		return 0, fmt.Errorf("sqlite: accept %s: %w", path, classify(ctx, err))
	}
	return latest, s.writeMark(ctx)
}

// journalLost fails with ErrBehind where the file was copied without its journal. It reads the header alone, since
// SQLite would make a new journal.
func journalLost(path string) error {
	if _, err := os.Stat(path + "-wal"); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	version := make([]byte, 4)
	if _, err := f.ReadAt(version, 60); errors.Is(err, io.EOF) { // a new file
		return nil
	} else if err != nil {
		return err
	}
	if binary.BigEndian.Uint32(version) != kept {
		return nil
	}
	return fmt.Errorf("%w: the file %s-wal, which held the latest ones, is missing, as in a copy of the database alone",
		ErrBehind, path)
}

// older fails with ErrBehind where the file has not come as far as its mark says, or differs there. A file without a
// mark, or with one that a power cut has spoilt, is taken as it is.
func (s *Store) older(ctx context.Context) error {
	there, err := os.Stat(markFile(s.path))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if !there.Mode().IsRegular() {
		return fault.New(fault.Conflict, "%s is no file, so that nothing says whether the database is as its service left "+
			"it. Move it away", markFile(s.path))
	}
	b, err := os.ReadFile(markFile(s.path))
	if err != nil {
		return err
	}
	var m mark
	if json.Unmarshal(b, &m) != nil || m.Sequence == 0 {
		return nil
	}
	latest, err := s.Latest(ctx)
	if err != nil {
		return err
	}
	if latest < m.Sequence {
		return fmt.Errorf("%w: it ends at change %d, and change %d was acknowledged: an older copy was put back", ErrBehind,
			latest, m.Sequence)
	}
	found, err := s.changes(ctx, "WHERE sequence = ?", m.Sequence)
	if err != nil {
		return err
	}
	if len(found) == 0 { // trimmed, or missing, which Check tells
		return nil
	}
	if digest(found[0]) != m.Digest {
		return fmt.Errorf("%w: its change %d is another than the one that was acknowledged: another database was put in "+
			"its place", ErrBehind, m.Sequence)
	}
	return nil
}

// committed writes the mark, when the last was written some time ago. A mark that cannot be written is no failure: what
// the last one says stays true.
func (s *Store) committed(ctx context.Context) {
	if !s.keeping.mu.TryLock() { // another writes it
		return
	}
	defer s.keeping.mu.Unlock()
	if !s.keeping.is || time.Since(s.keeping.last) < markEvery {
		return
	}
	s.keeping.last = time.Now()
	_ = s.writeMark(ctx)
}

// writeMark writes the mark whole or not at all.
func (s *Store) writeMark(ctx context.Context) error {
	found, err := s.changes(ctx, "ORDER BY sequence DESC LIMIT 1")
	if err != nil {
		return fmt.Errorf("sqlite: mark: %w", err)
	}
	temporary := markFile(s.path) + ".new"
	if len(found) == 0 {
		err := os.Remove(markFile(s.path))
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	b, err := json.Marshal(mark{Sequence: found[0].Sequence, Digest: digest(found[0])})
	if err != nil {
		return fmt.Errorf("sqlite: mark: %w", err)
	}
	f, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, bytes.NewReader(append(b, '\n')))
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(temporary))
	}
	return os.Rename(temporary, markFile(s.path))
}

func digest(c store.Change) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %q %q %d %t %d %q %q %q %q", c.Sequence, c.Kind, c.ID, c.Revision, c.Deleted,
		c.At.UnixMilli(), c.By, c.Action, c.Reason, c.RequestID))
	return hex.EncodeToString(sum[:])
}

// unkeep writes the last mark, and into the file that nothing is missing from it. What of that fails leaves the file as
// after a crash, with its journal.
func (s *Store) unkeep() {
	s.keeping.mu.Lock()
	defer s.keeping.mu.Unlock()
	if s.keeping.is {
		_ = s.writeMark(context.Background())
		_, _ = s.writer.Exec("PRAGMA user_version = 0")
	}
}

// dropJournal lets the last who closes the file remove its journal, unless the file says that the journal belongs to
// it, or is damaged.
func (s *Store) dropJournal() {
	ctx := context.Background()
	c, err := s.writer.Conn(ctx)
	if err != nil {
		return
	}
	defer c.Close()
	var version int
	if err := c.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err == nil && version != kept {
		_ = c.Raw(func(c any) error { return persist(c, 0) })
	}
}

// keepingJournal opens connections that leave the journal where it is when they are the last to close the file.
type keepingJournal struct{ driver.Connector }

func (k keepingJournal) Connect(ctx context.Context) (driver.Conn, error) {
	c, err := k.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	if err := persist(c, 1); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

func persist(c any, mode int) error {
	_, err := c.(sqlite.FileControl).FileControlPersistWAL("main", mode)
	return err
}
