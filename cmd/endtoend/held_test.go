//go:build unix

package endtoend

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lifeline/internal/cmdline"
	"lifeline/internal/service"
)

// A command that needs a data directory alone, and finds it in use, gives the cure for its own case and changes
// nothing.
func TestCommandThatNeedsAStoreAloneSaysHowToGoOnWhereAServiceHoldsIt(t *testing.T) {
	t.Parallel()
	c := serveDefaults(t.TempDir())
	if err := errors.Join(c.Check(), started(t, c)); err != nil {
		t.Fatal(err)
	}
	backup := filepath.Join(t.TempDir(), "backup.tar")
	succeed(t, "backup", "--plain", "--data", c.Data, backup)
	before, err := os.ReadFile(c.StoreFile())
	if err != nil {
		t.Fatal(err)
	}
	hold, err := service.Hold(c, "")
	if err != nil {
		t.Fatal(err)
	}
	defer hold.Close()
	sharing, again := "share a Redis", "nothing was changed. End it, run lifeline "
	for _, each := range []struct {
		says string
		args []string
	}{
		{sharing, []string{"serve", "--listen", "127.0.0.1:0"}},
		{again + "rekey again", []string{"rekey", "--by", "Ruth"}},
		{again + "upgrade-store again", []string{"upgrade-store", "--by", "Ruth"}},
		{again + "fsck --accept-older again", []string{"fsck", "--accept-older"}},
		{"nothing was restored: a backup fills an empty store", []string{"restore", backup}},
	} {
		code, out := command(t, append(each.args, "--data", c.Data)...)
		if code != cmdline.Failed || !strings.Contains(out, c.Data) || !strings.Contains(out, each.says) ||
			each.says != sharing && strings.Contains(out, sharing) {
			t.Errorf("%s: exit %d, and not %q: %s", each.args[0], code, each.says, out)
		}
	}
	if after, err := os.ReadFile(c.StoreFile()); err != nil || string(after) != string(before) {
		t.Errorf("the store was changed: %v", err)
	}
}

func TestFsckAcceptsNoOlderStateOfADatabaseThatLacksNothing(t *testing.T) {
	t.Parallel()
	c := serveDefaults(t.TempDir())
	if err := errors.Join(c.Check(), started(t, c)); err != nil {
		t.Fatal(err)
	}
	code, out := command(t, "fsck", "--quick", "--accept-older", "--data", c.Data)
	if code != cmdline.Nothing || !strings.Contains(out, "nothing was accepted") {
		t.Errorf("fsck --accept-older: exit %d: %s", code, out)
	}
	if above, raised := numbersAbove(t, c); raised != 0 {
		t.Errorf("it signs above %d", above)
	}
}
