//go:build unix

package endtoend

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"lifeline/internal/access"
	"lifeline/internal/cmdline"
	"lifeline/internal/config"
	"lifeline/internal/fault"
	"lifeline/internal/harness/longform"
	"lifeline/internal/service"
)

// started starts a service on c, ends it, and returns its error.
func started(t *testing.T, c config.Serve) error {
	t.Helper()
	s, err := service.Open(t.Context(), c, "http://127.0.0.1:1", slog.New(slog.DiscardHandler))
	if err == nil {
		err = s.Close()
	}
	return err
}

func checked(t *testing.T, c config.Serve) string {
	t.Helper()
	code, out := command(t, "fsck", "--quick", "--data", c.Data)
	if (code == 0) != strings.Contains(out, "no problem found") {
		t.Errorf("fsck: exit %d\n%s", code, out)
	}
	return out
}

// A store whose documents a key signed refuses a service with another or a new key until an operator rekeys it.
func TestServeAndFsckRefuseAMissingOrAnotherSigningKeyUntilTheStoreIsRekeyed(t *testing.T) {
	longform.Only(t) // one client asks one thing after another
	t.Parallel()
	c := serveDefaults(t.TempDir())
	if err := errors.Join(c.Check(), started(t, c)); err != nil {
		t.Fatal(err)
	}
	first, err := os.ReadFile(c.Key)
	if err != nil {
		t.Fatal(err)
	}
	refused := func(what string) {
		t.Helper()
		if err := started(t, c); !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "lifeline rekey") {
			t.Errorf("serve with %s: %v", what, err)
		}
		if out := checked(t, c); !strings.Contains(out, "lifeline rekey") {
			t.Errorf("fsck with %s:\n%s", what, out)
		}
	}
	if err := os.Remove(c.Key); err != nil {
		t.Fatal(err)
	}
	refused("no key")
	if _, err := os.Stat(c.Key); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a key was made: %v", err)
	}
	if err := service.WriteSigningKey(c.Key, []byte("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n")); err != nil {
		t.Fatal(err)
	}
	refused("another key")
	if out := succeed(t, "rekey", "--by", "Ruth", "--data", c.Data); !strings.Contains(out,
		"start the player with --key O2on") {
		t.Fatalf("rekey:\n%s", out)
	}
	if err := started(t, c); err != nil {
		t.Fatal(err)
	}
	// A link of the audit that the first service sealed as it stopped keeps its signature.
	sealed := regexp.MustCompile(`signed with former key [0-9a-f]{16}: chain-link 1\n`)
	if out := checked(t, c); !strings.Contains(out, "no problem found") ||
		strings.Contains(sealed.ReplaceAllString(out, ""), "former") {
		t.Errorf("fsck after rekey:\n%s", out)
	}
	if err := os.WriteFile(c.Key, first, 0o600); err != nil {
		t.Fatal(err)
	}
	refused("the former key")
}

func TestAKeyThatACrashLeftUnnamedIsTakenUp(t *testing.T) {
	t.Parallel()
	for name, known := range map[string]bool{"before the store knew it": false, "after the store knew it": true} {
		c := serveDefaults(t.TempDir())
		if err := errors.Join(c.Check(), c.MakeData(),
			service.WriteNewKey(c.Key, []byte("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"))); err != nil {
			t.Fatal(err)
		}
		key, err := service.SigningKey(service.NewKeyFile(c.Key))
		if err != nil {
			t.Fatal(err)
		}
		if known {
			s, err := service.OpenStore(t.Context(), c)
			if err == nil {
				err = errors.Join(service.UseKey(t.Context(), s, "system", key), s.Close())
			}
			if err != nil {
				t.Fatal(err)
			}
			if out := checked(t, c); !strings.Contains(out, "no problem found") {
				t.Errorf("fsck of a key left %s:\n%s", name, out)
			}
		}
		if err := started(t, c); err != nil {
			t.Errorf("left %s: %v", name, err)
		}
		if now, err := service.SigningKey(c.Key); err != nil || !now.Equal(key) {
			t.Errorf("left %s: %v", name, err)
		}
	}
}

// A key alone in the data directory is the rest of a lost store.
func TestServeRefusesAKeyWithoutItsStore(t *testing.T) {
	t.Parallel()
	c := serveDefaults(t.TempDir())
	if err := errors.Join(c.Check(), started(t, c)); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{c.StoreFile(), c.StoreFile() + "-mark"} {
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if err := started(t, c); !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "lifeline rekey") {
			t.Fatalf("serve on a key alone: %v", err)
		}
	}
	succeed(t, "rekey", "--by", "Ruth", "--data", c.Data)
	if err := started(t, c); err != nil {
		t.Errorf("serve after rekey: %v", err)
	}
	other := serveDefaults(t.TempDir())
	other.Key = c.Key
	if err := errors.Join(other.Check(), started(t, other)); err != nil {
		t.Errorf("a key that was brought from elsewhere: %v", err)
	}
}

// A directory of an earlier version stores no key: it accepts the key that signed its documents, and no other.
func TestTheStoreOfAnEarlierVersionTakesTheKeyThatSignedIt(t *testing.T) {
	t.Parallel()
	c := serveDefaults(t.TempDir())
	if err := errors.Join(c.Check(), started(t, c)); err != nil {
		t.Fatal(err)
	}
	execute(t, c.Data, "DELETE FROM changes WHERE kind = 'signing-keys'; DELETE FROM documents WHERE kind = "+
		"'signing-keys'; UPDATE changes SET sequence = sequence - 1")
	if err := os.Remove(c.StoreFile() + "-mark"); err != nil {
		t.Fatal(err)
	}
	key, err := os.ReadFile(c.Key)
	if err == nil {
		err = os.Remove(c.Key)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := started(t, c); !fault.Is(err, fault.Conflict) {
		t.Errorf("without its key: %v", err)
	}
	if err := errors.Join(os.WriteFile(c.Key, key, 0o600), started(t, c)); err != nil {
		t.Fatalf("with its key: %v", err)
	}
	s, err := service.OpenStore(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if keys, revision, err := access.ReadSigningKeys(t.Context(), s, ""); err != nil || revision != 1 ||
		len(keys.Keys) != 1 || len(keys.Keys[0].Public) != 32 {
		t.Errorf("%+v at %d, %v", keys, revision, err)
	}
}

// A dangling link in the place of the key cannot become the key: nothing is changed, and no key is lost.
func TestAKeyWhoseLinkLeadsNowhereIsRefusedBeforeAnythingIsChanged(t *testing.T) {
	t.Parallel()
	c := serveDefaults(t.TempDir())
	if err := errors.Join(c.Check(), started(t, c)); err != nil {
		t.Fatal(err)
	}
	kept := filepath.Join(t.TempDir(), "key")
	if err := errors.Join(os.Rename(c.Key, kept), os.Symlink(filepath.Join(t.TempDir(), "none"), c.Key)); err != nil {
		t.Fatal(err)
	}
	const says = "link to a file that is not there"
	if err := started(t, c); !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), says) {
		t.Errorf("serve: %v", err)
	}
	if code, out := command(t, "rekey", "--by", "Ruth", "--data", c.Data); code != cmdline.Failed ||
		!strings.Contains(out, says) {
		t.Errorf("rekey: exit %d\n%s", code, out)
	}
	if err := errors.Join(os.Remove(c.Key), os.Symlink(kept, c.Key), started(t, c)); err != nil {
		t.Errorf("with the file brought back: %v", err)
	}
}
