//go:build unix

package endtoend

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"lifeline/internal/cmdline"
	"lifeline/internal/harness/longform"
)

// insides are words of internal parts and libraries, which an operator cannot act on.
var insides = regexp.MustCompile(`sqlite|redis: |blob: |gzip|EOF|goroutine|open /`)

func TestFailedRestoreSaysWhatIsWrongAndWhatToDo(t *testing.T) {
	longform.Only(t) // one client asks one thing after another
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	c := serveDefaults(t.TempDir())
	if err := errors.Join(c.Check(), started(t, c)); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	succeed(t, "backup", "--plain", "--data", c.Data, "--with-keys", at("good.tar"))
	good, err := os.ReadFile(at("good.tar"))
	if err != nil {
		t.Fatal(err)
	}
	write := func(name string, content []byte) {
		t.Helper()
		if err := errors.Join(os.MkdirAll(filepath.Dir(at(name)), 0o700), os.WriteFile(at(name), content,
			0o600)); err != nil {
			t.Fatal(err)
		}
	}
	flipped := bytes.Clone(good)
	flipped[len(good)/2] ^= 1
	write("text", []byte("not what is meant"))
	write("early.tar", good[:3000])
	write("late.tar", good[:len(good)-3000])
	write("flipped.tar", flipped)
	write("newer.tar", bytes.ReplaceAll(good, []byte("lifeline-archive/1"), []byte("lifeline-archive/2")))
	write("another/signing.key", []byte("another\n"))
	another := "take another copy of this backup, or an earlier one"
	for _, each := range []struct{ file, data, says string }{
		{"text", "new", "this is not a file that lifeline backup wrote"},
		{".", "new", "this is a folder: name a file"},
		{"early.tar", "new", another},
		{"late.tar", "new", another},
		{"flipped.tar", "new", another},
		{"newer.tar", "new", "take the Lifeline that wrote it, or a newer one"},
		{"good.tar", "another", "move it away, or name another file with --key"},
		{"good.tar", "text", "a file is where a folder should be"},
	} {
		code, out := command(t, "restore", at(each.file), "--data", at(each.data))
		if code != cmdline.Failed || !strings.Contains(out, each.says) || strings.Count(out, "\n") != 1 ||
			insides.MatchString(out) {
			t.Errorf("restore %s to %s: exit %d, and not %q: %s", each.file, each.data, code, each.says, out)
		}
	}
	succeed(t, "restore", at("good.tar"), "--data", at("new")) // the failures left it empty
	if code, out := command(t, "restore", at("good.tar"), "--data", at("new")); code != cmdline.Failed ||
		!strings.Contains(out, "Name another directory with --data") || insides.MatchString(out) {
		t.Errorf("restore to a store that is there: exit %d: %s", code, out)
	}
}
