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

// ErrBehind is the cause of an error of Open if the file lacks acknowledged changes: it was copied without its journal,
// or an older or another file replaced it. Accept makes Open accept the file.
var ErrBehind = errors.New("the database lacks changes that were acknowledged")

// kept is the user_version of a file that a keeper has open, or had open when it died. It is written to the file
// itself, not only to the journal, before the keeper's first commit, and the journal is not removed while it is set. A
// file with this version and no journal was therefore copied without it.
const kept = 1

// markEvery is the shortest interval between two writes of the mark during commits.
const markEvery = time.Second

// keeping is the additional state of a keeper.
type keeping struct {
	mu   sync.Mutex
	is   bool
	last time.Time
}

// mark identifies a change of the file. The file beside the database stores it, and Open compares it.
type mark struct {
	Sequence int64  `json:"sequence"`
	Digest   string `json:"digest"` // of the change's content
}

func markFile(path string) string { return path + "-mark" }

// Keep makes s the file's keeper until it is closed. The file then records that its journal belongs to it, and a file
// beside it records the last change, so that Open notices if one of them is replaced or missing. Only one process at a
// time can be the keeper.
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

// Accept accepts the file at path although it lacks acknowledged changes, and returns its last change. The writes of
// first are in the file before it is accepted.
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

// journalLost fails with ErrBehind if the file was copied without its journal. It reads only the header, because SQLite
// would create a new journal.
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

// older fails with ErrBehind if the file does not contain the change of its mark, or contains another in its place. A
// file whose mark is missing, or damaged by a power failure, is accepted.
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
	if len(found) == 0 { // trimmed, or missing, which Check reports
		return nil
	}
	if digest(found[0]) != m.Digest {
		return fmt.Errorf("%w: its change %d is another than the one that was acknowledged: another database was put in "+
			"its place", ErrBehind, m.Sequence)
	}
	return nil
}

// committed writes the mark if the last write was some time ago. It ignores a failure, because the previous mark stays
// true.
func (s *Store) committed(ctx context.Context) {
	if !s.keeping.mu.TryLock() { // another call writes it
		return
	}
	defer s.keeping.mu.Unlock()
	if !s.keeping.is || time.Since(s.keeping.last) < markEvery {
		return
	}
	s.keeping.last = time.Now()
	_ = s.writeMark(ctx)
}

// writeMark writes the mark atomically.
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
	text := fmt.Appendf(nil, "%d %q %q %d %t %d %q %q %q %q", c.Sequence, c.Kind, c.ID, c.Revision, c.Deleted,
		c.At.UnixMilli(), c.By, c.Action, c.Reason, c.RequestID)
	if c.Person != "" || c.Token != "" || c.Remote != "" { // without them, as programs wrote it that do not know them
		text = fmt.Appendf(text, " %q %q %q", c.Person, c.Token, c.Remote)
	}
	if c.Fields != "" { // likewise
		text = fmt.Appendf(text, " %q", c.Fields)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// unkeep writes the last mark, and records in the file that it is complete. After a failure, the file is in the same
// state as after a crash, with its journal.
func (s *Store) unkeep() {
	s.keeping.mu.Lock()
	defer s.keeping.mu.Unlock()
	if s.keeping.is {
		_ = s.writeMark(context.Background())
		_, _ = s.writer.Exec("PRAGMA user_version = 0")
	}
}

// dropJournal allows the last process that closes the file to remove its journal, unless the file records that the
// journal belongs to it, or is damaged.
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

// keepingJournal opens connections that do not remove the journal, even if they are the last to close the file.
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
