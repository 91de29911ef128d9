package endtoend

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lifeline/audio/samples"
	"lifeline/cmd/lifeline/commands"
	"lifeline/internal/access"
	"lifeline/internal/cmdline"
	"lifeline/internal/harness/longform"
)

func TestExitCodeSaysWhatHappened(t *testing.T) {
	longform.Only(t) // one client asks one thing after another
	t.Parallel()
	h := open(t, furnish(t))
	h.as("root", access.NewToken{Name: "Root", Role: access.Admin})
	root := terminalOf{h, t, h.secrets["root"]}
	hana, ruth := terminalOf{h, t, h.secrets["producer"]}, terminalOf{h, t, h.secrets["editor"]}
	minjun := terminalOf{h, t, h.secrets["scheduler"]}
	dir := t.TempDir()
	file := func(name, text string) string {
		t.Helper()
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	expect := func(o terminalOf, code int, says string, args ...string) {
		t.Helper()
		if out, wrong, got := o.run(args...); got != code || !strings.Contains(out+wrong, says) {
			t.Errorf("lifeline %s: exit %d, not %d with %q: %s%s", strings.Join(args, " "), got, code, says, out, wrong)
		}
	}

	// Recordings that cannot air, and folders and tables without any.
	broken := file("broken.mp3", "this is no recording at all")
	sample, err := samples.Files.ReadFile("ident-ko.mp3")
	if err != nil {
		t.Fatal(err)
	}
	file("both/torn.mp3", "nor is this one")
	file("both/whole.mp3", string(sample)+"\x00")
	file("empty/readme.txt", "nothing to hear")
	about := []string{"--kind", "ident", "--language", "ko-KP", "--quiet"}
	expect(hana, cmdline.Failed, "1 of 1 recording cannot air", append([]string{"upload", broken}, about...)...)
	expect(hana, cmdline.Partly, "1 of 2 recordings cannot air", append([]string{"upload", filepath.Join(dir, "both")},
		about...)...)
	expect(hana, cmdline.Nothing, "no recording", append([]string{"upload", file("none.yaml", "segments: []\n")},
		about...)...)
	expect(hana, cmdline.Nothing, "no line below them", append([]string{"upload", file("none.csv", "file,id,title\n")},
		about...)...)
	expect(hana, cmdline.Nothing, "there is no MP3", append([]string{"upload", filepath.Join(dir, "empty")}, about...)...)

	// One of several.
	expect(ruth, cmdline.Partly, "no-such-segment", "recall", "ident-ko", "no-such-segment", "--reason",
		"a name was heard")
	expect(ruth, cmdline.Failed, "no-such-segment", "reject", "no-such-segment", "nor-this", "--reason", "x")
	expect(root, cmdline.Failed, "no-such-token", "token", "revoke", "no-such-token")

	// Changes without consent, and empty documents.
	network := file("network.yaml", "clocks:\n- {id: some-new, length_ms: 3600000, positions: [{id: rest, fill: {kinds: "+
		"[music]}}]}\n")
	expect(minjun, cmdline.NoConsent, "--yes", "apply", "-f", network)
	expect(minjun, cmdline.NoConsent, "some-new", "apply", "-f", network, "--output", "json")
	expect(minjun, cmdline.Done, "create     clock some-new", "apply", "-f", network, "--dry-run")
	expect(minjun, cmdline.Done, "1 change applied", "apply", "-f", network, "--yes")
	expect(minjun, cmdline.Done, "everything is as the file says", "apply", "-f", network)
	expect(minjun, cmdline.Nothing, "names no station", "apply", "-f", file("nothing.yaml", "stations: []\n"), "--yes")
	expect(minjun, cmdline.Failed, "is asked for", "hfcc", "import", filepath.Join("..", "..", "internal", "hfcc",
		"testdata", "a26.txt"), "--station", "lantern-coast", "--broadcaster", "XXX", "--yes")
	expect(minjun, cmdline.Nothing, "no window with a frequency in", "hfcc", "export", "lantern-coast", "--season", "A19")

	// Nothing is published yet.
	expect(minjun, cmdline.Nothing, "no day is published yet", "verify", "--accept-heads", "--trust",
		servedKey(h))

	h.stop()
	expect(hana, cmdline.Later, h.url, "segments")
}

// An unreachable service is reported once, with the cure, even for a command with many items.
func TestServiceOutOfReachIsToldOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"a.mp3", "b.mp3", "c.mp3"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{
		{"upload", dir, "--kind", "ident", "--language", "ko-KP", "--quiet"},
		{"approve", "a", "b", "c"},
		{"token", "revoke", "a", "b", "c"},
		{"webhooks", "remove", "a", "b", "c"},
	} {
		var wrong bytes.Buffer
		code := commands.Run(t.Context(), append(args, "--server", "127.0.0.1:1", "--token", "lifeline_x"),
			io.Discard, &wrong)
		if n := strings.Count(wrong.String(), "cannot be reached"); code != cmdline.Later || n != 1 {
			t.Errorf("%s: exit %d, told %d times: %s", args[0], code, n, wrong.String())
		}
		if args[0] == "upload" && !strings.Contains(wrong.String(), "0 of 3 recordings are there") {
			t.Error(wrong.String())
		}
	}
}

// Every command without input, or with input of the wrong kind, ends with a code other than 0, gives the reason, and
// leaves nothing behind.
func TestNoCommandSucceedsWithWhatIsNotMeant(t *testing.T) {
	longform.Only(t) // one client asks one thing after another
	t.Parallel()
	h := open(t, furnish(t))
	h.as("root", access.NewToken{Name: "Root", Role: access.Admin})
	root := terminalOf{h, t, h.secrets["root"]}
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	for name, content := range map[string]string{"text": "not what is meant\n", "empty": "",
		"binary": "\x00\xff\xfe\x01 \x7f\x80 ID3", "list.csv": "file,id\nmissing.mp3,a\n"} {
		if err := os.WriteFile(at(name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(at("folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		code int
		says string
		args []string
	}{
		{cmdline.Failed, "language is missing", []string{"upload", at("text"), "--quiet"}},
		{cmdline.Failed, "kind is missing: use one of reading, intro,", []string{"upload", at("text"), "--quiet",
			"--language", "ko"}},
		{cmdline.Failed, "language is missing", []string{"upload", at("text"), "--quiet", "--kind", "news"}},
		{cmdline.Failed, "the file is empty", []string{"upload", at("empty"), "--quiet", "--kind", "news", "--language",
			"ko"}},
		{cmdline.Misunderstood, "there is no such file", []string{"upload", at("none.mp3")}},
		{cmdline.Failed, "missing.mp3", []string{"upload", at("list.csv"), "--kind", "news", "--language", "ko"}},
		{cmdline.Nothing, "folder: there is no MP3", []string{"upload", at("folder")}},
		{cmdline.Failed, "1 of 1 file is not fit to air", []string{"analyse", at("text")}},
		{cmdline.Failed, "2 of 2 files are not fit to air", []string{"analyse", at("text"), at("empty")}},
		{cmdline.Misunderstood, "none.mp3: there is no such file", []string{"analyse", at("none.mp3")}},
		{cmdline.Nothing, "the file is empty", []string{"apply", "-f", at("empty"), "--yes"}},
		{cmdline.Failed, at("binary") + ": nothing was changed", []string{"apply", "-f", at("binary"), "--yes"}},
		{cmdline.Failed, "must be an object", []string{"apply", "-f", at("text"), "--yes"}},
		{cmdline.Failed, "it is a folder", []string{"apply", "-f", at("folder"), "--yes"}},
		{cmdline.Failed, "nothing was changed", []string{"hfcc", "import", at("text"), "--station", "harbour-dawn"}},
		{cmdline.Failed, "line 1 holds a zero byte", []string{"hfcc", "import", at("binary"), "--station", "harbour-dawn"}},
		{cmdline.Nothing, "there is no row in it", []string{"hfcc", "import", at("empty"), "--station", "harbour-dawn"}},
		{cmdline.Failed, `no station "nowhere"`, []string{"hfcc", "export", "nowhere"}},
		{cmdline.Failed, "is no kind of document: it is one of ", []string{"audit", "--kind", "foo"}},
		{cmdline.Done, "nobody whose id or name is \"foo\" changed anything then", []string{"audit", "--by", "foo"}},
		{cmdline.Misunderstood, "--date: must not be empty", []string{"plan", "harbour-dawn", "--date", ""}},
		{cmdline.Misunderstood, "--from: must not be empty", []string{"audit", "--from", " "}},
		{cmdline.Failed, at("text") + ": this is not a file that lifeline backup wrote", []string{"check-backup",
			at("text")}},
		{cmdline.Failed, at("folder") + ": this is a folder", []string{"check-backup", at("folder")}},
		{cmdline.Failed, "this is not a file that lifeline backup wrote", []string{"restore", at("text"), "--data",
			at("new")}},
		{cmdline.Failed, "this is not a file that lifeline backup wrote", []string{"restore", at("empty"), "--data",
			at("new")}},
		{cmdline.Failed, "there is no such file", []string{"restore", at("none.tar"), "--data", at("new")}},
		{cmdline.Failed, at("nowhere") + ": there is no such folder", []string{"bundle", "--plain", "harbour-dawn", "-o",
			at("nowhere/b.tar"), "--quiet"}},
		{cmdline.Failed, "is a folder", []string{"bundle", "--plain", "harbour-dawn", "-o", at("folder"), "--quiet"}},
		{cmdline.Misunderstood, "must be at least 1", []string{"bundle", "--plain", "harbour-dawn", "-o", at("b.tar"),
			"--days", "0", "--quiet"}},
		{cmdline.Failed, `no station "nowhere"`, []string{"bundle", "--plain", "nowhere", "-o", at("b.tar"), "--quiet"}},
		{cmdline.Failed, `"not" is not the hash of a recording`, []string{"bundle", "--plain", "harbour-dawn", "-o", at("b.tar"),
			"--have", at("text"), "--quiet"}},
		{cmdline.Failed, "it is not a complete bundle", []string{"bundle", "--plain", "harbour-dawn", "-o", at("b.tar"),
			"--since", at("text"),
			"--quiet"}},
		{cmdline.Failed, `there is no station "nowhere"`, []string{"stations", "nowhere"}},
		{cmdline.Failed, `there is no station "nowhere"`, []string{"plan", "nowhere"}},
		{cmdline.Failed, `there is no station "nowhere"`, []string{"publish", "nowhere", "--date", "2026-11-29"}},
		{cmdline.Failed, "plan it first", []string{"publish", "harbour-dawn", "--date", "2030-01-01"}},
		{cmdline.Failed, "plan it first", []string{"show", "harbour-dawn", "2030-01-01"}},
		{cmdline.Failed, "plan it first", []string{"diff", "harbour-dawn", "2030-01-01", "--from", "7"}},
		{cmdline.Failed, "plan it first", []string{"explain", "harbour-dawn", "2030-01-01", "12:00"}},
		{cmdline.Failed, "harbour-dawn", []string{"edit", "harbour-dawn", "2030-01-01", "lock", "12:00"}},
		{cmdline.Failed, "nothing is published", []string{"withdraw", "harbour-dawn", "2030-01-01", "--reason", "x"}},
		{cmdline.Failed, "nothing is published", []string{"reconcile", "harbour-dawn", "2030-01-01"}},
		{cmdline.Failed, "nothing is published", []string{"render", "harbour-dawn", "dawn", "2030-01-01", "-o", at("w.wav")}},
		{cmdline.Failed, "no-such", []string{"waive", "no-such", "--reason", "x"}},
		{cmdline.Misunderstood, "is the name of a language", []string{"segments", "--language", "Korean"}},
		{cmdline.Misunderstood, `"gone" is unknown: use one of analysing, rejected`, []string{"segments", "--state", "gone"}},
		{cmdline.Misunderstood, "is the name of a language", []string{"report", "--language", "Korean"}},
		{cmdline.Failed, "changes must name", []string{"webhooks", "put", "x", "https://example.org/"}},
		{cmdline.Failed, "no-such", []string{"webhooks", "remove", "no-such"}},
		{cmdline.Failed, "no-such", []string{"webhooks", "test", "no-such"}},
		{cmdline.Failed, "the address of the service is", []string{"stations", "--server", h.url + "/elsewhere"}},
		{cmdline.Misunderstood, at("none.yaml") + ": there is no such file", []string{"stations", "--config",
			at("none.yaml")}},
		{cmdline.Misunderstood, "is no YAML of lines", []string{"stations", "--config", at("text")}},
		{cmdline.Misunderstood, "its encoding is not known", []string{"stations", "--config", at("binary")}},
		{cmdline.Failed, "another program listens there", []string{"serve", "--data", at("new"), "--listen",
			strings.TrimPrefix(h.url, "http://")}},
	} {
		out, wrong, code := root.run(c.args...)
		if code != c.code || !strings.Contains(out+wrong, c.says) {
			t.Errorf("lifeline %s: exit %d, not %d with %q:\n%s%s", strings.Join(c.args, " "), code, c.code, c.says, out, wrong)
		}
	}
	if after, err := os.ReadDir(dir); err != nil || len(after) != len(before) {
		t.Errorf("%v became %v, %v", before, after, err)
	}
}
