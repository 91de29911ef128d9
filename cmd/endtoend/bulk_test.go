package endtoend

import (
	"bytes"
	"encoding/csv"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lifeline/internal/cmdline"
	"lifeline/schedules"
)

// TestATableGoesOutAndComesBackByTheSpreadsheet exports a table, imports it unchanged, corrected and with a change that
// needs two persons, and undoes the import.
func TestATableGoesOutAndComesBackByTheSpreadsheet(t *testing.T) {
	t.Parallel()
	hana := producerOfNothing(t)
	uploaded := "file,id,kind,title,language,series,episode,tags,persons,consent.expires_at,consent.reference,valid_until\n" +
		"a.mp3,a,letter,\"'=1+1, \"\"둘\"\";-2\",ko-KP,letters,3,night 편지,p1,2031-02-03T00:00:00Z,drawer 4,\n" +
		"b.mp3,b,letter,Second lettr,ko-KP,,,,,,,2031-06-01T00:00:00Z\n" +
		"c.mp3,c,ident,Third,ko-KP,,,,,,,\n"
	dir := folderOf(t, map[string]string{"a.mp3": "ident-ko.mp3", "b.mp3": "ident-tone.mp3", "c.mp3": "frequency-ko.mp3"},
		"t.csv", []byte(uploaded))
	hana.says("upload", filepath.Join(dir, "t.csv"))
	if _, err := approve(t.Context(), hana.scheduler, "c"); err != nil {
		t.Fatal(err)
	}
	before := segmentsOfAll(t, hana)

	table := filepath.Join(dir, "out.csv")
	want(t, hana.says("segments", "export", table), "3 segments")
	b, err := os.ReadFile(table)
	if err != nil || !bytes.HasPrefix(b, []byte("\xef\xbb\xbfid,kind,title")) || bytes.Contains(b, []byte(`"=1`)) {
		t.Errorf("%v, %s", err, b)
	}
	want(t, hana.says("segments", "import", table), "0 of 3 segments would change")

	rows, err := csv.NewReader(bytes.NewReader(b[3:])).ReadAll()
	if err != nil || len(rows) != 4 {
		t.Fatal(rows, err)
	}
	at := map[string]int{}
	for i, name := range rows[0] {
		at[name] = i
	}
	rows[1][at["tags"]] = ""
	rows[2][at["title"]], rows[2][at["valid_until"]] = "Second letter", ""
	rows[3][at["title"]] = "The third"
	var corrected bytes.Buffer
	w := csv.NewWriter(&corrected)
	w.Comma = ';'
	if err := w.WriteAll(rows); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(table, corrected.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	out, _, code := hana.run("segments", "import", table)
	if code != int(cmdline.NoConsent) {
		t.Errorf("without consent: exit %d: %s", code, out)
	}
	want(t, out, `b  title "Second lettr" -> "Second letter"; valid_until "2031-06-01T00:00:00.000Z" -> (none)`,
		`c  title "Third" -> "The third"; it would need approval again`)
	if now := segmentsOfAll(t, hana); now != before {
		t.Errorf("it changed without consent: %s", now)
	}
	want(t, hana.says("segments", "import", table, "--yes"), "3 of 3 segments changed", "segments undo")
	var a, c schedules.Segment
	hana.json(&a, "segments", "a")
	hana.json(&c, "segments", "c")
	if a.Consent == nil || a.Consent.Reference != "drawer 4" || a.Consent.ExpiresAt.Year() != 2031 || len(a.Tags) != 0 ||
		c.Title != "The third" || c.State != schedules.Pending {
		t.Errorf("%+v\n%+v", a, c)
	}
	want(t, hana.says("segments", "import", table), "0 of 3 segments would change")

	// What needs a second person alone needs one in a table too.
	if err := os.WriteFile(table, []byte("id,consent.reference\na,drawer 5\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, wrong, code := hana.run("segments", "import", table, "--yes")
	if want(t, wrong, "which needs two persons", "lifeline waiting confirm"); code == 0 {
		t.Error("a table changed a consent alone")
	}

	// What was changed since stays, and the rest is undone.
	hana.says("segments", "change", "--q", "third", "--set", "title=Third by hand", "--yes", "--undo",
		filepath.Join(dir, "other"))
	_, wrong, code = hana.run("segments", "undo", filepath.Join(dir, "out.undo.json"), "--yes")
	if want(t, wrong, "c: title was changed since, and stays"); code != int(cmdline.Partly) {
		t.Errorf("exit %d", code)
	}
	hana.says("segments", "undo", filepath.Join(dir, "other.undo.json"), "--yes")
	hana.says("segments", "undo", filepath.Join(dir, "out.undo.json"), "--yes")
	if now := segmentsOfAll(t, hana); now != before {
		t.Errorf("undone:\n%s\nit was\n%s", now, before)
	}
}

func TestAnImportWithWrongRowsChangesNothing(t *testing.T) {
	t.Parallel()
	hana := producerOfNothing(t)
	dir := folderOf(t, map[string]string{"a.mp3": "ident-ko.mp3"}, "t.csv",
		[]byte("file,id,kind,title,language\na.mp3,a,ident,One,ko-KP\n"))
	hana.says("upload", filepath.Join(dir, "t.csv"))
	table := filepath.Join(dir, "wrong.csv")
	for says, text := range map[string]string{`no column "id"`: "title\nx\n", "line 3: kind": "id,kind\na,news\nb,nws\n",
		`line 3: segment "a" is on wrong.csv, line 2 already`: "id,title\na,x\na,y\n",
		"line 3 names no segment":                             "id,title\na,x\n,y\n",
		`line 3: there is no segment "b"`:                     "id,title\na,x\nb,y\n"} {
		if err := os.WriteFile(table, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, wrong, code := hana.run("segments", "import", table, "--yes")
		if want(t, wrong, says); code != 1 {
			t.Errorf("%q: exit %d", says, code)
		}
	}
	want(t, hana.says("segments", "list", "a"), "revision 2", "One")
}

func TestManySegmentsAreChangedByFilterAndUndone(t *testing.T) {
	t.Parallel()
	hana := producerOfNothing(t)
	dir := folderOf(t, map[string]string{"a.mp3": "ident-ko.mp3", "b.mp3": "ident-tone.mp3", "c.mp3": "frequency-ko.mp3"},
		"t.csv", []byte("file,id,kind,title,language,tags\na.mp3,a,ident,A,ko-KP,old x\nb.mp3,b,ident,B,ko-KP,old\n"+
			"c.mp3,c,news,C,ko-KP,old\n"))
	hana.says("upload", filepath.Join(dir, "t.csv"))
	before := segmentsOfAll(t, hana)
	change := []string{"segments", "change", "--tag", "old", "--kind", "ident", "--add-tag", "new", "--remove-tag", "old",
		"--set", "valid_until=2031-01-01T00:00:00Z", "--undo", filepath.Join(dir, "u")}
	want(t, hana.says(append(change, "--dry-run")...), `a  tags ["old","x"] -> ["x","new"]`, "2 of 2 segments would change")
	if now := segmentsOfAll(t, hana); now != before {
		t.Error("a dry run changed it")
	}
	want(t, hana.says(append(change, "--yes")...), "2 of 2 segments changed")
	want(t, hana.says("segments", "--tag", "new", "--expiring", "2031-02-01"), "2 segments")
	want(t, hana.says("segments", "--tag", "old"), "1 segment")
	hana.says("segments", "undo", filepath.Join(dir, "u.undo.json"), "--yes")
	if now := segmentsOfAll(t, hana); now != before {
		t.Errorf("undone: %s", now)
	}
	for _, flags := range [][]string{{"--tag", "old"}, {"--add-tag", "x"}, {"--tag", "old", "--set", "colour=red"},
		{"--tag", "old", "--set", "valid_until=tomorrow"}} {
		if _, wrong, code := hana.run(append([]string{"segments", "change", "--yes"}, flags...)...); code == 0 {
			t.Errorf("%v: %s", flags, wrong)
		}
	}
}

// segmentsOfAll returns the table of all segments, without their states.
func segmentsOfAll(t *testing.T, at terminalOf) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "all.csv")
	at.says("segments", "export", name)
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return strings.NewReplacer("approved", "state", "pending", "state", "analysing", "state").Replace(string(b))
}
