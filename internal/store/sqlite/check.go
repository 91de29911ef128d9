package sqlite

import (
	"context"
	"database/sql"
	"fmt"
)

// Each of these finds what cannot be after any history of commits: one line of text for each problem.
var contradictions = []string{
	"PRAGMA integrity_check(100)",
	`SELECT 'change ' || before || ' is followed by change ' || sequence FROM
		(SELECT sequence, lag(sequence, 1, (` + selectTrimmed + `)) OVER (ORDER BY sequence) AS before FROM changes WHERE sequence > (` + selectTrimmed + `))
		WHERE sequence <> before + 1`,
	// What a document's first change after a trim started from is known where its last one before is still there.
	`SELECT kind || ' ' || id || ' goes from revision ' || before || ' to ' || revision || ' at change ' || sequence FROM
		(SELECT *, lag(revision, 1, iif((` + selectTrimmed + `) = 0, 0, revision - 1)) OVER (PARTITION BY kind, id ORDER BY sequence) AS before
		FROM changes WHERE kind <> '') WHERE sequence > (` + selectTrimmed + `) AND revision <> before + 1`,
	"SELECT kind || ' ' || id || ' does not stand where its changes end' FROM documents d WHERE " + astray,
	"SELECT kind || ' ' || id || ' is missing' FROM changes c WHERE " + missing,
	`SELECT kind || ' ' || id || ' was deleted, but not buried as such' FROM changes c WHERE deleted AND ` + last + `
		AND revision IS NOT (SELECT revision FROM graves g WHERE g.kind = c.kind AND g.id = c.id)
		AND NOT EXISTS (SELECT 1 FROM documents d WHERE d.kind = c.kind AND d.id = c.id)`,
}

// Conditions on a document d, and on a change c, that hold when they contradict each other.
const (
	astray = "revision IS NOT (SELECT iif(deleted, 0, revision) FROM changes c WHERE c.kind = d.kind AND c.id = d.id " +
		"ORDER BY sequence DESC LIMIT 1)"
	missing = "kind <> '' AND NOT deleted AND " + last + " AND NOT EXISTS (SELECT 1 FROM documents d WHERE d.kind = " +
		"c.kind AND d.id = c.id)"
	last = "NOT EXISTS (SELECT 1 FROM changes l WHERE l.kind = c.kind AND l.id = c.id AND l.sequence > c.sequence)"
)

// Check reads the whole file, while others go on, and reports everything that is wrong with it: damaged pages and
// indexes, missing changes, documents that do not stand where their changes end. It fails when it cannot read.
func (s *Store) Check(ctx context.Context, report func(problem string)) error {
	tx, err := s.readers.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return fmt.Errorf("sqlite: check: %w", classify(ctx, err))
	}
	defer tx.Rollback()
	for _, query := range contradictions {
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
	return nil
}
