package sqlite_test

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"lifeline/internal/store"
)

func TestCheckFindsEveryContradiction(t *testing.T) {
	for name, c := range map[string]struct{ spoil, says string }{
		"nothing":          {"", ""},
		"a missing change": {"DELETE FROM changes WHERE sequence = 2", "change 1 is followed by change 3"},
		"what a trim left": {"UPDATE trimmed SET through = 2; DELETE FROM changes WHERE sequence <= 2", ""},
		"a missing change after a trim": {"UPDATE trimmed SET through = 2; DELETE FROM changes WHERE sequence <= 3",
			"change 2 is followed by change 4"},
		"a missing revision": {"UPDATE changes SET revision = 5 WHERE sequence = 3",
			"k a goes from revision 1 to 5 at change 3"},
		"an old document": {"UPDATE documents SET revision = 1 WHERE id = 'a'",
			"k a is not at the revision of its last change"},
		"a missing document": {"DELETE FROM documents WHERE id = 'a'", "k a is missing"},
		"a revived document": {"INSERT INTO documents VALUES ('k', 'b', 2, x'')",
			"k b is not at the revision of its last change"},
		"an unknown document": {"INSERT INTO documents VALUES ('k', 'z', 1, x'')",
			"k z is not at the revision of its last change"},
		"a robbed grave": {"DELETE FROM graves", "k b was deleted, and no record of the deletion is left"},
		"a forged grave": {"INSERT INTO graves VALUES ('k', 'new', 9223372036854775807)",
			"k new is said to be deleted at revision 9223372036854775807, and no change deleted it"},
		"a grave of a document":   {"INSERT INTO graves VALUES ('k', 'a', 1)", "k a is said to be deleted at revision 1"},
		"a grave that was deeper": {"UPDATE graves SET revision = 9", "k b is said to be deleted at revision 9"},
		"what nobody can trim": {"UPDATE trimmed SET through = 5",
			"the changes up to 5 are said to be trimmed, and the latest is 5"},
		"a lease for ever": {"INSERT INTO leases VALUES ('repair', 'nobody', 0, 7258118400000)",
			"the work repair is leased to nobody until 2200-01-01T00:00:00Z, and a lease lasts 1h0m0s at most"},
		"a trigger": {"CREATE TRIGGER silence AFTER INSERT ON changes BEGIN DELETE FROM leases; END",
			"the database has the trigger silence, which is not of Lifeline"},
		"a view":         {"CREATE VIEW v AS SELECT 1", "the database has the view v,"},
		"another table":  {"CREATE TABLE t (n)", "the database has the table t,"},
		"another index":  {"CREATE INDEX i ON leases (holder)", "the database has the index i,"},
		"an index gone":  {"DROP INDEX changes_at", "the database lacks the index changes_at"},
		"another column": {"ALTER TABLE leases ADD COLUMN n TEXT", "the table leases of the database is not"},
		"an index without a row": {"PRAGMA writable_schema = 1; UPDATE sqlite_schema SET sql = 'CREATE INDEX changes_at ON " +
			"changes (sequence)' WHERE name = 'changes_at'", "changes_at"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "lifeline.db")
			s := open(t, path)
			for _, writes := range [][]store.Write{
				{{Kind: "k", ID: "a"}, {Kind: "k", ID: "b"}}, {{Kind: "k", ID: "a", Expect: 1}, {Kind: "k", ID: "b", Expect: 1,
					Delete: true}}, nil,
			} {
				if _, err := s.Commit(context.Background(), store.Commit{Writes: writes}); err != nil {
					t.Fatal(err)
				}
			}
			if c.spoil != "" {
				db, err := sql.Open("sqlite", path)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := db.Exec(c.spoil); err != nil {
					t.Fatal(err)
				}
				if err := errors.Join(db.Close(), s.Close()); err != nil {
					t.Fatal(err)
				}
				s = open(t, path)
			}
			var found []string
			if err := s.Check(t.Context(), func(problem string) { found = append(found, problem) }); err != nil {
				t.Fatal(err)
			}
			said := strings.Join(found, "; ")
			if (c.says == "") != (len(found) == 0) || !strings.Contains(said, c.says) {
				t.Fatalf("found %q; want %q", said, c.says)
			}
		})
	}
}
