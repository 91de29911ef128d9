//go:build unix

package endtoend

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"lifeline/internal/cmdline"
	"lifeline/internal/harness"
	"lifeline/internal/harness/longform"
)

// execute changes a database directly.
func execute(t *testing.T, dir, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(dir, "lifeline.db"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.Exec(statement)
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
}

// blobOf returns the n-th file of a recording, by name.
func blobOf(t *testing.T, dir string, n int) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "audio", "[0-9a-f][0-9a-f]", "*"))
	if err != nil || len(files) <= n {
		t.Fatalf("%d recordings, %v", len(files), err)
	}
	slices.Sort(files)
	return files[n]
}

func spoil(t *testing.T, file string, change func(b []byte) []byte) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, change(b), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestFsckNamesEveryDamage(t *testing.T) {
	longform.Only(t)
	whole := furnish(t)
	h := open(t, whole)
	h.publish([]string{"harbour-dawn"}, keptDay)
	h.stop()
	succeed(t, "token", "create", "--name", "reader", "--role", "viewer", "--data", whole)
	if out := succeed(t, "fsck", "--data", whole); !strings.Contains(out, "no problem found") {
		t.Fatalf("of a whole store it says\n%s", out)
	}
	flip := func(b []byte) []byte { b[len(b)/3] ^= 4; return b }
	for name, c := range map[string]struct {
		spoil func(t *testing.T, dir string)
		says  []string
		quick bool // found without reading the recordings
		mends bool // repaired from the second copy
	}{
		"a flipped bit": {func(t *testing.T, dir string) { spoil(t, blobOf(t, dir, 3), flip) }, []string{"its bytes hash to",
			"of segment"}, false, true},
		"a cut recording": {func(t *testing.T, dir string) {
			spoil(t, blobOf(t, dir, 4), func(b []byte) []byte { return b[:len(b)-1] })
		}, []string{"of segment"}, true, true},
		"a missing recording": {func(t *testing.T, dir string) {
			if err := os.Remove(blobOf(t, dir, 5)); err != nil {
				t.Fatal(err)
			}
		}, []string{"is missing"}, true, true},
		"a torn page": {func(t *testing.T, dir string) {
			spoil(t, filepath.Join(dir, "lifeline.db"), func(b []byte) []byte { copy(b[4096:], make([]byte, 4096)); return b })
		}, []string{"damaged"}, true, false},
		"a missing change": {func(t *testing.T, dir string) { execute(t, dir, "DELETE FROM changes WHERE sequence = 7") },
			[]string{"change 6 is followed by change 8"}, true, false},
		"documents of nonsense": {func(t *testing.T, dir string) {
			execute(t, dir, `UPDATE documents SET body = CAST('{' AS BLOB) WHERE kind = 'segment' AND id = 'ident-ko';
				UPDATE documents SET body = CAST(replace(body, 'Asia/Seoul', 'Asia/Nowhere') AS BLOB) WHERE kind = 'station';
				UPDATE documents SET body = CAST('0' AS BLOB) WHERE kind = 'counter';
				UPDATE documents SET id = 'nobody/2000-01-01' WHERE kind = 'queue';
				UPDATE documents SET body = x'00' WHERE kind = 'waveform' AND id = (SELECT min(id) FROM documents WHERE kind = 'waveform');
				INSERT INTO asrun (station, sequence, at, body) VALUES ('nobody', 1, 0, CAST('{"sequence":2}' AS BLOB));
				INSERT INTO documents (kind, id, revision, body) VALUES ('cheese', 'brie', 1, x'')`)
		}, []string{"segment ident-ko cannot be read", "Asia/Nowhere", "last one is 0",
			"queue nobody/2000-01-01 has the body", "waveform ", "as-run 1 of nobody is of a station that is not known",
			"has the body of 2", "cheese brie cannot be read: it is of a kind", "which is the recording of no segment",
			"cheese brie is not at the revision of its last change"}, true, false},
		"a role by hand": {func(t *testing.T, dir string) {
			execute(t, dir, `UPDATE documents SET body = CAST(replace(CAST(body AS TEXT), '"role":"viewer"', '"role":"admin"')
				AS BLOB) WHERE kind = 'token'`)
		}, []string{"is not what entry", "of the audit says was stored (token.create, at "}, true, false},
		"a record without chains": {func(t *testing.T, dir string) {
			execute(t, dir, `DELETE FROM documents WHERE kind IN ('chain-link', 'chain-head');
				UPDATE changes SET kind = '', id = '' WHERE kind IN ('chain-link', 'chain-head')
					AND action <> 'audit.seal'`)
		}, []string{"the day is published, and the chain has no link of it"}, true, false},
		"a key of nonsense": {func(t *testing.T, dir string) {
			spoil(t, filepath.Join(dir, "signing.key"), func([]byte) []byte { return []byte("key\n") })
		}, []string{"must hold 32 bytes"}, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			copyPrivate(t, dir, whole)
			c.spoil(t, dir)
			for _, how := range [][]string{{"--quick"}, nil} {
				code, out := command(t, append([]string{"fsck", "--data", dir}, how...)...)
				if how != nil && !c.quick {
					if code != 0 {
						t.Errorf("fsck --quick: %d\n%s", code, out)
					}
					continue
				}
				for _, says := range c.says {
					if code != 1 || !strings.Contains(out, says) {
						t.Errorf("fsck %v: %d, and %q is not in\n%s", how, code, says, out)
					}
				}
			}
			code, out := command(t, "fsck", "--data", dir, "--repair-from", filepath.Join(whole, "audio"))
			if code != 1 || strings.Contains(out, "all repaired") != c.mends {
				t.Errorf("repair: %d\n%s", code, out)
			}
			if c.mends {
				succeed(t, "fsck", "--data", dir)
			}
		})
	}
}

// Whoever can write the file of a store can change any document, and most still can be read then.
func TestFsckNamesEveryDocumentThatNoCommitChanged(t *testing.T) {
	longform.Only(t)
	dir := furnish(t)
	h := open(t, dir)
	const station, day = "harbour-dawn", "2025-11-25"
	h.publish([]string{station}, day)
	h.air(station, h.queue(station, day), 1, nil)
	h.stop()
	db, err := sql.Open("sqlite", filepath.Join(dir, "lifeline.db"))
	if err != nil {
		t.Fatal(err)
	}
	rows, err := db.Query(`UPDATE documents SET body = CAST(CAST(body AS TEXT) || ' ' AS BLOB)
		WHERE kind NOT IN ('waveform', 'signing-keys') RETURNING kind, id`) // the keys are stored before the format
	if err != nil {
		t.Fatal(err)
	}
	kinds, names := map[string]bool{}, []string{}
	for rows.Next() {
		var kind, id string
		if err := rows.Scan(&kind, &id); err != nil {
			t.Fatal(err)
		}
		kinds[kind], names = true, append(names, kind+" "+id)
	}
	if err := errors.Join(rows.Err(), rows.Close(), db.Close()); err != nil {
		t.Fatal(err)
	}
	if len(kinds) < 15 {
		t.Errorf("there are documents of %d kinds", len(kinds))
	}
	code, out := command(t, "fsck", "--quick", "--data", dir)
	for _, name := range names {
		if code != 1 || !strings.Contains("\n"+out, "\n"+name+" is not ") {
			t.Errorf("fsck: %d, and %s is not in\n%s", code, name, out)
		}
	}
}

func TestFsckNamesEveryDamageOfRedis(t *testing.T) {
	longform.Only(t)
	dir := furnish(t)
	file := filepath.Join(t.TempDir(), "b.tar")
	succeed(t, "backup", "--plain", "--data", dir, file)
	server := harness.StartRedis(t, harness.Durable...)
	for n, c := range []struct{ says, command string }{
		{"no problem found", "ping"},
		{"but is not there", "hdel {p1}:documents:segment ident-ko"},
		{"are in the index", "zrem {p2}:ids:segment ident-ko"},
		{"segment ident-ko is missing", "zrem {p3}:ids:segment ident-ko"},
		{"change 4 is followed by change 6", "xdel {p4}:audit 5-0"},
		{"delete all keys of the prefix and restore again", "set {p5}:sequence restoring"},
	} {
		place := []string{"--data", t.TempDir(), "--store", "redis://" + server.Addr, "--redis-prefix", fmt.Sprintf("p%d", n),
			"--audio", "local"}
		if code, out := command(t, append([]string{"restore", file}, place...)...); code != cmdline.Partly {
			t.Fatalf("restore without the recordings: %d %s", code, out)
		}
		if err := os.CopyFS(filepath.Join(place[1], "audio"), os.DirFS(filepath.Join(dir, "audio"))); err != nil {
			t.Fatal(err)
		}
		var words []any
		for _, word := range strings.Fields(c.command) {
			words = append(words, word)
		}
		server.Do(words...)
		code, out := command(t, append([]string{"fsck"}, place...)...)
		if want := min(n, 1); code != want || !strings.Contains(out, c.says) {
			t.Errorf("after %s: %d, and %q is not in\n%s", c.command, code, c.says, out)
		}
	}
}
