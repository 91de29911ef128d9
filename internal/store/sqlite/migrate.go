package sqlite

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"lifeline/internal/fault"
)

// migrations are applied in the order of their numbers, each once and in one transaction. A released one is never
// edited: a file remembers the hash of each that made it and refuses another text. A name begins with the number, and
// the numbers have no gap: a step that came later between two others would change which step a file is said to have.
//
//go:embed migrations/*.sql
var migrations embed.FS

type migration struct {
	version int
	name    string
	text    string
	hash    string
}

// steps returns the migrations in files, by number.
func steps(files fs.FS) ([]migration, error) {
	names, err := fs.Glob(files, "migrations/*.sql")
	if err != nil {
		return nil, err
	}
	all := make([]migration, len(names))
	for i, name := range names {
		if !strings.HasPrefix(path.Base(name), fmt.Sprintf("%04d-", i+1)) {
			return nil, fmt.Errorf("%s: the number of this migration must be %04d", name, i+1)
		}
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(text)
		all[i] = migration{version: i + 1, name: name, text: string(text), hash: hex.EncodeToString(sum[:])}
	}
	return all, nil
}

// migrate applies the missing steps. It only reads a file that has all of them, so that the file can be opened while
// another process writes to it without a pause.
func migrate(ctx context.Context, db *sql.DB) error {
	all, err := steps(migrations)
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS schema (version INTEGER PRIMARY KEY, hash TEXT NOT NULL) "+
		"STRICT")
	if err != nil {
		return classify(ctx, err)
	}
	for _, m := range all {
		done, err := m.applied(ctx, db)
		if err == nil && !done {
			err = m.apply(ctx, db)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
	}
	var version int
	if err := db.QueryRowContext(ctx, "SELECT max(version) FROM schema").Scan(&version); err != nil {
		return classify(ctx, err)
	}
	if version > len(all) {
		return fault.New(fault.Conflict, "the database has schema %d, this program knows up to %d: use the newer program",
			version, len(all))
	}
	return nil
}

// querier is the common interface of a database and a transaction.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// applied reports whether the file has the step. It fails if the step was applied with another text.
func (m migration) applied(ctx context.Context, q querier) (bool, error) {
	var hash string
	switch err := q.QueryRowContext(ctx, "SELECT hash FROM schema WHERE version = ?", m.version).Scan(&hash); {
	case err == sql.ErrNoRows:
		return false, nil
	case err != nil:
		return false, classify(ctx, err)
	case hash != m.hash:
		return false, fault.New(fault.Conflict, "the database was made by another text of this migration")
	}
	return true, nil
}

// apply applies the step unless the file has it. It checks again within the transaction, because another process may
// apply it at the same time.
func (m migration) apply(ctx context.Context, db *sql.DB) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return classify(ctx, err)
	}
	defer tx.Rollback()
	if done, err := m.applied(ctx, tx); err != nil || done {
		return err
	}
	if _, err := tx.ExecContext(ctx, m.text); err != nil {
		return classify(ctx, err)
	}
	if _, err := tx.ExecContext(ctx, "INSERT INTO schema (version, hash) VALUES (?, ?)", m.version, m.hash); err != nil {
		return classify(ctx, err)
	}
	return classify(ctx, tx.Commit())
}
