package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"

	"modernc.org/sqlite"

	"lifeline/internal/store"
)

// Each query finds states that no history of commits can produce, with one line of text per problem.
var contradictions = []string{
	"PRAGMA integrity_check(100)",
	`SELECT 'change ' || before || ' is followed by change ' || sequence FROM
		(SELECT sequence, lag(sequence, 1, (` + selectTrimmed + `)) OVER (ORDER BY sequence) AS before FROM changes WHERE sequence > (` + selectTrimmed + `))
		WHERE sequence <> before + 1`,
	// The revision before a document's first change after a trim is known if the last change before it still exists.
	`SELECT kind || ' ' || id || ' goes from revision ' || before || ' to ' || revision || ' at change ' || sequence FROM
		(SELECT *, lag(revision, 1, iif((` + selectTrimmed + `) = 0, 0, revision - 1)) OVER (PARTITION BY kind, id ORDER BY sequence) AS before
		FROM changes WHERE kind <> '') WHERE sequence > (` + selectTrimmed + `) AND revision <> before + 1`,
	"SELECT kind || ' ' || id || ' is not at the revision of its last change' FROM documents d WHERE " + astray,
	"SELECT kind || ' ' || id || ' is missing' FROM changes c WHERE " + missing,
	`SELECT kind || ' ' || id || ' was deleted, and no record of the deletion is left' FROM changes c WHERE deleted AND ` + last + `
		AND revision IS NOT (SELECT revision FROM graves g WHERE g.kind = c.kind AND g.id = c.id)
		AND NOT EXISTS (SELECT 1 FROM documents d WHERE d.kind = c.kind AND d.id = c.id)`,
	// A document that is made again goes on counting from its grave: a forged one keeps it from being made.
	`SELECT kind || ' ' || id || ' is said to be deleted at revision ' || revision || ', and no change deleted it' FROM graves g
		WHERE NOT EXISTS (SELECT 1 FROM changes c WHERE c.kind = g.kind AND c.id = g.id AND c.revision = g.revision AND deleted AND ` +
		last + `)`,
	`SELECT 'the changes up to ' || through || ' are said to be trimmed, and the latest is ' || (` + selectLatest + `) FROM trimmed
		WHERE through > 0 AND through >= (` + selectLatest + `)`,
}

// Conditions on a document d and on a change c that hold if the two contradict each other.
const (
	astray = "revision IS NOT (SELECT iif(deleted, 0, revision) FROM changes c WHERE c.kind = d.kind AND c.id = d.id " +
		"ORDER BY sequence DESC LIMIT 1)"
	missing = "kind <> '' AND NOT deleted AND " + last + " AND NOT EXISTS (SELECT 1 FROM documents d WHERE d.kind = " +
		"c.kind AND d.id = c.id)"
	last = "NOT EXISTS (SELECT 1 FROM changes l WHERE l.kind = c.kind AND l.id = c.id AND l.sequence > c.sequence)"
)

// overlong finds leases that no claim made: they would keep their work from everybody.
var overlong = fmt.Sprintf(`SELECT 'the work ' || name || ' is leased to ' || holder || ' until ' ||
	coalesce(strftime('%%Y-%%m-%%dT%%H:%%M:%%SZ', ends / 1000, 'unixepoch'), 'the end of time') ||
	', and a lease lasts %v at most: somebody wrote it beside the service' FROM leases
	WHERE ends - claimed > %[2]d OR ends > unixepoch('subsec') * 1000 + %[2]d ORDER BY name`, store.MostLease,
	store.MostLease.Milliseconds())

// Foreign tells of everything that the schema of the file has otherwise than the programs make it: a trigger, a view, a
// table or an index that somebody added can change what is stored.
func (s *Store) Foreign(ctx context.Context, report func(problem string)) error {
	ours, err := ownSchema(ctx)
	if err != nil {
		return fmt.Errorf("sqlite: schema: %w", err)
	}
	there, err := schemaOf(ctx, s.readers)
	if err != nil {
		return fmt.Errorf("sqlite: schema: %w", classify(ctx, err))
	}
	for _, name := range slices.Sorted(maps.Keys(there)) {
		if text, is := ours[name]; !is {
			report(fmt.Sprintf("the database has the %s, which is not of Lifeline: somebody added it beside the service", name))
		} else if text != there[name] {
			report(fmt.Sprintf("the %s of the database is not as Lifeline makes it: somebody changed it beside the service",
				name))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(ours)) {
		if _, is := there[name]; !is {
			report(fmt.Sprintf("the database lacks the %s", name))
		}
	}
	return nil
}

// ownSchema returns the schema that the migrations make.
func ownSchema(ctx context.Context) (map[string]string, error) {
	connector, err := sqlite.NewConnector(":memory:")
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(1)
	if err := migrate(ctx, db); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	all, err := schemaOf(ctx, db)
	return all, errors.Join(err, db.Close())
}

// schemaOf returns the definitions of what the schema has, by type and name.
func schemaOf(ctx context.Context, db *sql.DB) (map[string]string, error) {
	rows, err := db.QueryContext(ctx, "SELECT type || ' ' || name, coalesce(sql, '') FROM sqlite_schema")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := map[string]string{}
	for rows.Next() {
		var name, text string
		if err := rows.Scan(&name, &text); err != nil {
			return nil, err
		}
		all[name] = text
	}
	return all, rows.Err()
}

// Check reads the whole file, while writers continue, and reports all problems: damaged pages and indexes, missing
// changes, documents whose revision differs from their last change, leases that no claim made, and what is foreign in
// its schema. It fails if it cannot read.
func (s *Store) Check(ctx context.Context, report func(problem string)) error {
	tx, err := s.readers.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return fmt.Errorf("sqlite: check: %w", classify(ctx, err))
	}
	defer tx.Rollback()
	for _, query := range append(slices.Clone(contradictions), overlong) {
		take := func(line string) error {
			if line != "ok" {
				report(line)
			}
			return nil
		}
		if err := visit(ctx, tx, query, take, func(line *string) []any { return []any{line} }); err != nil {
			return fmt.Errorf("sqlite: check: %w", classify(ctx, err))
		}
	}
	return s.Foreign(ctx, report)
}
