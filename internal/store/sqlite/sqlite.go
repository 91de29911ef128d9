package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"modernc.org/sqlite"

	"lifeline/internal/fault"
	"lifeline/internal/store/notify"
)

// Store is an open file. All writes use one connection and concurrent ones share transactions; readers see the last
// commit without waiting for writers. Several processes may have the file open.
type Store struct {
	path     string
	writer   *sql.DB
	readers  *sql.DB
	group    group
	keeping  keeping
	notifier *notify.Notifier
	closed   func() error
}

// Open opens the file at path, creates it if it does not exist, updates its schema and checks it for damage. It fails
// if the file belongs to another application, is damaged, or comes from a newer version, and with ErrBehind if it lacks
// changes that its keeper acknowledged.
func Open(ctx context.Context, path string) (*Store, error) {
	s, err := open(ctx, path, false)
	if err != nil {
		return nil, fmt.Errorf("sqlite: open %s: %w", path, err)
	}
	return s, nil
}

func open(ctx context.Context, path string, behind bool) (s *Store, err error) {
	if err := create(path); err != nil {
		return nil, err
	}
	// SQLite puts the journal beside the file, not beside a symbolic link to it.
	if path, err = filepath.EvalSymlinks(path); err != nil {
		return nil, err
	}
	if !behind {
		if err := journalLost(path); err != nil {
			return nil, err
		}
	}
	s = &Store{path: path}
	s.closed = sync.OnceValue(s.release)
	defer func() {
		if err != nil {
			err = errors.Join(err, s.closed())
		}
	}()
	if s.writer, err = pool(path, 1, "synchronous(FULL)", "journal_mode(WAL)",
		"secure_delete(1)"); err != nil {
		return s, err
	}
	if err := verify(ctx, s.writer); err != nil {
		return s, err
	}
	if err := migrate(ctx, s.writer); err != nil {
		return s, err
	}
	if s.readers, err = pool(path, 8, "query_only(1)"); err != nil {
		return s, err
	}
	if !behind {
		if err := s.older(ctx); err != nil {
			return s, err
		}
	}
	latest, err := s.Latest(ctx)
	if err != nil {
		return s, err
	}
	s.notifier = notify.Start(latest, s.look)
	return s, nil
}

// Ping fails if the file cannot be read.
func (s *Store) Ping(ctx context.Context) error {
	_, err := s.Latest(ctx)
	return err
}

// Close waits for running calls, writes the journal back into the file and releases it. A second Close does nothing.
func (s *Store) Close() error {
	s.notifier.Stop()
	if err := s.closed(); err != nil {
		return fmt.Errorf("sqlite: close %s: %w", s.path, err)
	}
	return nil
}

func (s *Store) release() error {
	var errs []error
	s.unkeep()
	if s.readers != nil {
		errs = append(errs, s.readers.Close())
	}
	if s.writer != nil {
		// A process that still reads keeps the journal, which is not an error.
		_, err := s.writer.Exec("PRAGMA wal_checkpoint(TRUNCATE)")
		s.dropJournal()
		errs = append(errs, err, s.writer.Close())
	}
	return errors.Join(errs...)
}

// create creates an empty file that only its owner can read, and makes its name durable, which Windows does by itself.
func create(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil || runtime.GOOS == "windows" {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// pool opens up to n connections. Transactions take the write lock at their start, so that none fails because it read
// first. Queries sort in memory, because there may be no space for temporary files.
func pool(path string, n int, pragmas ...string) (*sql.DB, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	q := url.Values{"_pragma": append([]string{"busy_timeout(5000)", "foreign_keys(1)", "fullfsync(1)",
		"checkpoint_fullfsync(1)", "temp_store(memory)"}, pragmas...)}
	if n == 1 {
		q.Set("_txlock", "immediate")
	}
	name := url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: q.Encode()}
	connector, err := sqlite.NewConnector(name.String())
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(keepingJournal{connector})
	db.SetMaxOpenConns(n)
	db.SetMaxIdleConns(n)
	return db, nil
}

// verify fails if the SQLite library has a known corruption bug, or the file is damaged or belongs to another
// application.
func verify(ctx context.Context, db *sql.DB) error {
	var version string
	var application, tables int
	if err := db.QueryRowContext(ctx, "SELECT sqlite_version()").Scan(&version); err != nil {
		return classify(ctx, err)
	}
	if !sound(version) {
		return fmt.Errorf("SQLite %s may damage its files; 3.51.3 or newer is needed", version)
	}
	if err := db.QueryRowContext(ctx, "SELECT application_id, (SELECT count(*) FROM sqlite_schema) FROM "+
		"pragma_application_id").Scan(&application, &tables); err != nil {
		return classify(ctx, err)
	}
	if application != 0x4C69464C && (application != 0 || tables > 0) {
		return fault.New(fault.Conflict, "this is another application's database")
	}
	rows, err := db.QueryContext(ctx, "PRAGMA quick_check(10)")
	if err != nil {
		return classify(ctx, err)
	}
	defer rows.Close()
	var damage []string
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			return classify(ctx, err)
		}
		if line != "ok" {
			damage = append(damage, line)
		}
	}
	if err := rows.Err(); err != nil {
		return classify(ctx, err)
	}
	if len(damage) > 0 {
		return fmt.Errorf("the database is damaged; restore a backup: %s", strings.Join(damage, "; "))
	}
	return nil
}

// sound reports whether the version is newer than 3.51.2, the last one in which resetting the journal could corrupt it.
func sound(version string) bool {
	var major, minor, patch int
	if n, err := fmt.Sscanf(version, "%d.%d.%d", &major, &minor, &patch); n != 3 || err != nil {
		return false
	}
	return major > 3 || major == 3 && (minor > 51 || minor == 51 && patch > 2)
}
