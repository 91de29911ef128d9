package endtoend

import (
	"bytes"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"lifeline/internal/access"
	"lifeline/internal/harness/longform"
)

// forge changes a document and appends the change to the log, as who can write the file but has not the key does it.
func forge(t *testing.T, dir, kind string, change func(body []byte) []byte) (id string) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(dir, "lifeline.db"))
	if err != nil {
		t.Fatal(err)
	}
	var body []byte
	err = db.QueryRow("SELECT id, body FROM documents WHERE kind = ? ORDER BY id LIMIT 1", kind).Scan(&id, &body)
	if err != nil {
		t.Fatal(err)
	}
	forged := change(body)
	if bytes.Equal(forged, body) {
		t.Fatalf("%s %s has not what is to be forged: %s", kind, id, body)
	}
	sum := sha256.Sum256(forged)
	fields := fmt.Sprintf(`{"digest":%q}`, base64.RawURLEncoding.EncodeToString(sum[:]))
	_, err = db.Exec(`UPDATE documents SET body = ?, revision = revision + 1 WHERE kind = ? AND id = ?`, forged, kind, id)
	if err == nil {
		_, err = db.Exec(`INSERT INTO changes (sequence, kind, id, revision, deleted, at, by, action, reason, request_id, fields)
			SELECT max(c.sequence) + 1, d.kind, d.id, d.revision, 0, max(c.at), 'Hana', 'segment.update', '', '', ?
			FROM changes c, documents d WHERE d.kind = ? AND d.id = ?`, fields, kind, id)
	}
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	return id
}

func TestForgedChangeWithItsDocumentIsFound(t *testing.T) {
	longform.Only(t)
	dir := furnish(t)
	h := open(t, dir)
	h.publish([]string{"harbour-dawn"}, keptDay)
	h.stop()
	succeed(t, "fsck", "--quick", "--data", dir)
	heads := filepath.Join(t.TempDir(), "heads.json")
	succeed(t, "verify", "--direct", "--data", dir, "--heads", heads, "--accept-heads")
	id := forge(t, dir, "segment", func(body []byte) []byte {
		return bytes.Replace(body, []byte(`"state":"approved"`), []byte(`"state":"recalled"`), 1)
	})
	says := "was stored without the service's key (segment.update of segment " + id
	found := func(when string) {
		t.Helper()
		for _, args := range [][]string{{"fsck", "--quick", "--data", dir},
			{"verify", "--direct", "--data", dir, "--heads", heads}} {
			if code, out := command(t, args...); code != 1 || strings.Count(out, says) != 1 {
				t.Errorf("%s, %v: %d\n%s", when, args, code, out)
			}
		}
	}
	found("at once")
	h = open(t, dir)
	h.publish([]string{"harbour-dawn"}, "2025-11-26")
	h.stop() // seals the audit
	found("after the service sealed it")
}

// Entries of the audit that nobody has sealed yet: who writes to the database undoes a recall, and makes its entry
// another one; or says that somebody else recalled.
func TestRewrittenEntryOfTheAuditIsFound(t *testing.T) {
	longform.Only(t)
	dir := furnish(t)
	h := open(t, dir)
	const id = "music-lamp"
	if _, err := h.editor.Act(t.Context(), id, "recall", "a person is in danger"); err != nil {
		t.Fatal(err)
	}
	h.stop()
	for name, c := range map[string]struct{ rewrite, says string }{
		"as it is": {"", ""},
		"a recall that is made a note": {`UPDATE changes SET kind = '', id = '', revision = 0, action = 'signin.failed',
			fields = '' WHERE action = 'segment.recall' AND kind = 'segment' AND id = 'music-lamp'`,
			"was stored without the service's key (signin.failed, at "},
		"a recall by another": {`UPDATE changes SET by = 'Abel', token = '' WHERE action = 'segment.recall'`,
			"does not say any more by whom, why or of what it was (segment.recall of segment " + id},
		"a recall for another reason": {`UPDATE changes SET reason = 'none' WHERE action = 'segment.recall'`,
			"does not say any more by whom, why or of what it was (segment.recall of segment " + id},
		"a recall of other values": {`UPDATE changes SET fields = replace(fields, 'approved', 'rejected')
			WHERE action = 'segment.recall'`,
			"does not say any more by whom, why or of what it was (segment.recall of segment " + id},
		"a forged note": {`INSERT INTO changes (sequence, kind, id, revision, deleted, at, by, action, reason, request_id,
			fields) SELECT max(sequence) + 1, '', '', 0, 0, max(at), 'Abel', 'segment.read', 'persons', '', '' FROM changes`,
			"was stored without the service's key (segment.read, at "},
	} {
		t.Run(name, func(t *testing.T) {
			is := t.TempDir()
			copyPrivate(t, is, dir)
			db, err := sql.Open("sqlite", filepath.Join(is, "lifeline.db"))
			if err == nil {
				_, err = db.Exec(c.rewrite)
				err = errors.Join(err, db.Close())
			}
			if err != nil {
				t.Fatal(err)
			}
			code, out := command(t, "fsck", "--quick", "--data", is)
			if c.says == "" && code != 0 || !strings.Contains(out, c.says) {
				t.Errorf("%d\n%s", code, out)
			}
		})
	}
}

// A trigger that somebody added to the database is told while the service runs, by its metrics.
func TestMetricsCountForeignObjectsOfTheDatabase(t *testing.T) {
	longform.Only(t)
	dir := furnish(t)
	metrics := func() string {
		h := open(t, dir)
		defer h.stop()
		h.as("admin", access.NewToken{Name: "Jae", Role: access.Admin})
		return string(h.do("GET", "/metrics", h.secrets["admin"], nil, nil).body)
	}
	want(t, metrics(), "\nlifeline_store_foreign_objects 0\n")
	db, err := sql.Open("sqlite", filepath.Join(dir, "lifeline.db"))
	if err == nil {
		_, err = db.Exec("CREATE TRIGGER silence AFTER INSERT ON changes BEGIN SELECT 1; END")
		err = errors.Join(err, db.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	want(t, metrics(), "\nlifeline_store_foreign_objects 1\n")
}
