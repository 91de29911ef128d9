package sqlite

import (
	"context"
	"database/sql"
	"fmt"
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
}

// Conditions on a document d and on a change c that hold if the two contradict each other.
const (
	astray = "revision IS NOT (SELECT iif(deleted, 0, revision) FROM changes c WHERE c.kind = d.kind AND c.id = d.id " +
		"ORDER BY sequence DESC LIMIT 1)"
	missing = "kind <> '' AND NOT deleted AND " + last + " AND NOT EXISTS (SELECT 1 FROM documents d WHERE d.kind = " +
		"c.kind AND d.id = c.id)"
	last = "NOT EXISTS (SELECT 1 FROM changes l WHERE l.kind = c.kind AND l.id = c.id AND l.sequence > c.sequence)"
)

// Check reads the whole file, while writers continue, and reports all problems: damaged pages and indexes, missing
// changes, documents whose revision differs from their last change. It fails if it cannot read.
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
