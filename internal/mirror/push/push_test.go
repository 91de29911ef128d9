package push

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lifeline/internal/fault"
	"lifeline/internal/harness"
)

// obeys runs the contract of targets on one.
func obeys(t *testing.T, open func() Place) {
	t.Helper()
	ctx, to := t.Context(), open()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	lists := func(want map[string]int64) {
		t.Helper()
		got, err := to.List(ctx)
		must(err)
		if len(got) != len(want) {
			t.Errorf("%v is there, and not %v", got, want)
		}
		for name, size := range want {
			if got[name] != size {
				t.Errorf("%s has %d bytes of %d", name, got[name], size)
			}
		}
	}
	lists(nil)
	must(to.Remove(ctx, "ab/cd"))
	must(to.Put(ctx, "ab/cd", 5, strings.NewReader("hello")))
	must(to.Put(ctx, "pointer", 3, strings.NewReader("one")))
	must(to.Put(ctx, "pointer", 5, strings.NewReader("other")))
	must(to.Put(ctx, "ab/empty", 0, strings.NewReader("")))
	for name, want := range map[string]string{"ab/cd": "hello", "pointer": "other", "ab/empty": "", "ab/none": "no file"} {
		in, err := to.Open(ctx, name)
		got := []byte("no file")
		if err == nil {
			if b, failed := io.ReadAll(in); failed == nil {
				got = b
			}
			must(in.Close())
		}
		if string(got) != want {
			t.Errorf("%s holds %q", name, got)
		}
	}
	lists(map[string]int64{"ab/cd": 5, "pointer": 5, "ab/empty": 0})
	if err := to.Put(ctx, "ab/short", 9, strings.NewReader("hello")); err == nil {
		t.Error("a file that is too short was taken")
	}
	if err := to.Put(ctx, "pointer", 9, broken{}); err == nil {
		t.Error("a file that broke off was taken")
	}
	lists(map[string]int64{"ab/cd": 5, "pointer": 5, "ab/empty": 0})
	must(to.Remove(ctx, "ab/cd"))
	must(to.Close())
	to = open() // as a later run
	lists(map[string]int64{"pointer": 5, "ab/empty": 0})
	must(to.Close())
}

type broken struct{}

func (broken) Read(p []byte) (int, error)     { return 0, errors.New("it broke off") }
func (broken) Seek(int64, int) (int64, error) { return 0, nil }

func TestAFolderIsATarget(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "www", "tree")
	obeys(t, func() Place {
		p, err := Open(t.Context(), dir, Credentials{})
		if err != nil {
			t.Fatal(err)
		}
		return p
	})
	if info, err := os.Stat(filepath.Join(dir, "pointer")); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("a web server may not read it: %v, %v", info.Mode(), err)
	}
}

func TestAFolderWritesThroughNothingThatOthersLeftThere(t *testing.T) {
	dir := t.TempDir()
	p, err := Open(t.Context(), dir, Credentials{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if err := p.Put(t.Context(), "pointer", 3, strings.NewReader("one")); err != nil {
		t.Fatal(err)
	}
	for what, leave := range map[string]func(name string) error{
		"a link to a file of the folder": func(name string) error { return os.Symlink("pointer", name) },
		"a link to nothing":              func(name string) error { return os.Symlink("/nowhere/at/all", name) },
		"half a file": func(name string) error {
			return os.WriteFile(name, []byte("longer than it"), 0o600)
		},
	} {
		if err := leave(filepath.Join(dir, "file.part")); err != nil {
			t.Fatal(err)
		}
		if err := p.Put(t.Context(), "file", 5, strings.NewReader("other")); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		for name, want := range map[string]string{"pointer": "one", "file": "other"} {
			if b, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(b) != want {
				t.Errorf("%s: %s holds %q, %v", what, name, b, err)
			}
		}
	}
}

// has returns a file below a folder that contains a text; "": none does.
func has(t *testing.T, folder, text string) (found string) {
	t.Helper()
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		if strings.Contains(string(b), text) {
			found = path
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestABucketIsATarget(t *testing.T) {
	b := harness.StartBucket(t)
	with := Credentials{AccessKey: b.AccessKey, SecretKey: b.Secret, Region: "us-east-1", Silence: 10 * time.Second}
	target := "s3+" + b.Endpoint + "/" + b.Name + "/some/prefix"
	obeys(t, func() Place {
		p, err := Open(t.Context(), target, with)
		if err != nil {
			t.Fatal(err)
		}
		return p
	})
	versioned := harness.StartVersionedBucket(t)
	with.SecretKey, with.AccessKey = versioned.Secret, versioned.AccessKey
	p, err := Open(t.Context(), "s3+"+versioned.Endpoint+"/"+versioned.Name+"/x", with)
	if err != nil {
		t.Fatal(err)
	}
	for _, said := range []string{"first of a witness", "second of a witness"} {
		if err := p.Put(t.Context(), "ab/cd", int64(len(said)), strings.NewReader(said)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(p.Remove(t.Context(), "ab/cd"), p.Close()); err != nil {
		t.Fatal(err)
	}
	for _, place := range []string{versioned.Files, versioned.Earlier} {
		if left := has(t, place, "of a witness"); left != "" {
			t.Errorf("%s still has a version that was removed", left)
		}
	}
	with.SecretKey = "wrong"
	if _, err := Open(t.Context(), target, with); !fault.Is(err, fault.Forbidden) {
		t.Errorf("a wrong key: %v", err)
	}
}

func openTree(t *testing.T, s *harness.SFTP, with Credentials) (Place, error) {
	return Open(t.Context(), "sftp://radio@"+s.Address+filepath.Join(s.Folder, "tree"), with)
}

func TestAFolderOfAnSFTPServerIsATarget(t *testing.T) {
	s := harness.StartSFTP(t)
	obeys(t, func() Place {
		p, err := openTree(t, s, Credentials{KnownHosts: s.Known, Identity: s.Identity, Silence: 10 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		return p
	})
}

func TestAnSFTPServerOfAnotherKeyIsRefused(t *testing.T) {
	s := harness.StartSFTP(t)
	other := harness.NewSSHKey(t)
	for name, c := range map[string]struct{ known, says string }{
		"of another key": {harness.KnownHosts(t, s.Address, other.PublicKey()), "another key"},
		"unknown":        {harness.KnownHosts(t, "192.0.2.1:22", s.Host.PublicKey()), "does not name the key"},
		"no file":        {filepath.Join(t.TempDir(), "none"), "--known-hosts"},
	} {
		_, err := openTree(t, s, Credentials{KnownHosts: c.known, Identity: s.Identity})
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("a server that is %s: %v", name, err)
		}
	}
	strange := harness.StartSFTP(t)
	_, err := openTree(t, s, Credentials{KnownHosts: s.Known, Identity: strange.Identity})
	if !fault.Is(err, fault.Forbidden) {
		t.Errorf("a key that the server does not know: %v", err)
	}
}

func TestTargetsThatAreNoneAreRefused(t *testing.T) {
	for _, target := range []string{"", "ftp://host/folder", "sftp://host/folder", "sftp://user@host", "s3+https://host",
		"sftp://user:secret@host/folder", "https://host/folder", "sftp://%zz"} {
		if err := Check(target); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", target, err)
		}
		if _, err := Open(context.Background(), target, Credentials{}); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", target, err)
		}
	}
	for _, target := range []string{"/srv/www", "tree", "sftp://user@host/folder", "s3+https://host/bucket/prefix"} {
		if err := Check(target); err != nil {
			t.Errorf("%q: %v", target, err)
		}
	}
}
