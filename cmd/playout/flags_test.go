package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"lifeline/internal/cmdline"
	"lifeline/internal/cmdline/flagtest"
	"lifeline/internal/harness"
	"lifeline/internal/playout/statedir"
)

func lines(t *testing.T) flagtest.Program {
	t.Helper()
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("lifeline_x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", home)
	if err := os.Mkdir(filepath.Join(home, "lifeline"), 0o700); err != nil {
		t.Fatal(err)
	}
	empty := filepath.Join(home, "empty.yaml")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return flagtest.Program{
		New: func() (*kong.Kong, error) { return newParser(t.Context(), time.Now) },
		Samples: harness.LinkSamples(t, map[string]string{"server": "https://lifeline.example/radio", "token-file": token,
			"log-level": "WARN", "config": empty, "code": "7K3F-9QXT-M2WB"}),
		Check: forms.Check,
		Bad: map[string]string{"id": "Not An Id", "key": "junk", "address": "nowhere", "earlier": "no-such-file",
			"url": "nowhere", "code": "7K3F-9QXT", "recipient": "age2", "drop": "ftp://host/file",
			"output": "sox:", "once": "evening", "server": "ftp://lifeline.example", "token": "two words",
			"token-file": "no-such-file", "tls-ca": "no-such-file", "tls-pin": "junk", "tls-client-cert": "no-such-file",
			"tls-client-key": "no-such-file"},
		Free:  []string{"counts", "settings"},
		File:  filepath.Join(home, "lifeline", "playout.yaml"),
		NotIn: []string{"config", "print-config"},
		Apart: [][]string{{"token", "token-file"}},
	}
}

func TestEveryFlagOfThePlayerIsTakenOnTheLineAndByItsVariable(t *testing.T) { lines(t).Drive(t) }

func TestMalformedValueOfAnyFlagOfThePlayerIsNotUnderstood(t *testing.T) { lines(t).Refuse(t) }

func TestAWrongTypeOfAnyFlagInThePlayersFileIsToldByItsLine(t *testing.T) {
	lines(t).Mistype(t, cmdline.Words)
}

func TestAFlagThatNoCommandOfThePlayerHasIsRefusedWithItsLine(t *testing.T) {
	file := filepath.Join(t.TempDir(), "playout.yaml")
	text := "# The transmitter on the hill\nstation: lantern\n\nserver: https://lifeline.example\noutputs: alsa\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	k, err := newParser(t.Context(), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	_, err = k.Parse([]string{"run", "--config", file, "--state", t.TempDir(), "--output", "pcm:-"})
	if err == nil || !strings.Contains(err.Error(), file+", line 5: ") || !strings.Contains(err.Error(), `"outputs"`) {
		t.Errorf("%v", err)
	}
}

func TestPrintedConfigurationIsAConfigurationFileWithoutSecrets(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	printed := func(args ...string) string {
		cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
		cmd.Env = append(os.Environ(), "PLAYOUT_TEST_PLAYER=1", "LIFELINE_TOKEN=lifeline_secret", "XDG_CONFIG_HOME="+dir)
		said, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v: %s", err, said)
		}
		return string(said)
	}
	if err := os.WriteFile(at("playout.yaml"), []byte("station: lantern\noutput:\n- alsa\n"+
		"- \"icecast:http://source:hackme@127.0.0.1:8000/live, b\"\nlatency: 90ms\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	first := printed("--config", at("playout.yaml"), "--server", "https://lifeline.example", "--state", at("state"),
		"--drop", "https://s3.example/b/f?X-Amz-Signature=hackme", "--drop", "drops", "--print-config")
	if strings.Contains(first, "secret") || strings.Contains(first, "hackme") ||
		!strings.Contains(first, "latency: 90ms") || !strings.Contains(first, "live, b") ||
		!strings.Contains(first, "https://s3.example/b/f?redacted\n- drops") {
		t.Errorf("it prints:\n%s", first)
	}
	if err := os.WriteFile(at("again.yaml"), []byte(first), 0o600); err != nil {
		t.Fatal(err)
	}
	if second := printed("--config", at("again.yaml"), "--print-config"); second != first {
		t.Errorf("read again it prints:\n%s\nand not\n%s", second, first)
	}
	if _, err := os.Stat(at("state")); err == nil {
		t.Error("it made the state directory")
	}
}

func TestMirrorsBeyondThisMachineNeedTLSUnlessItIsSaid(t *testing.T) {
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	for _, c := range []struct {
		mirror string
		more   []string
		says   string
	}{
		{"https://one.example", nil, ""},
		{"http://127.0.0.1:8080/x", nil, ""},
		{"http://one.example", nil, "--allow-plain-http"},
		{"http://one.example", []string{"--allow-plain-http"}, ""},
	} {
		k, err := newParser(t.Context(), time.Now)
		if err != nil {
			t.Fatal(err)
		}
		_, err = k.Parse(append([]string{"run", "--station", "lantern", "--state", t.TempDir(), "--output", "pcm:-",
			"--server", "https://lifeline.example", "--token", "lifeline_x", "--mirror", c.mirror}, c.more...))
		if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s %v: %v", c.mirror, c.more, err)
		}
	}
}

// Whatever flag a secret is in, the printed configuration has none.
func TestPrintedConfigurationHoldsNoSecretInAnyFlag(t *testing.T) {
	for _, secret := range []string{"https://user:HUN/TER@host/a", "https://HUNTER@host", "redis://:HUN@TER@host",
		"https://host/b?X-Amz-Signature=HUNTER&token=HUNTER"} {
		k, err := newParser(t.Context(), time.Now)
		if err != nil {
			t.Fatal(err)
		}
		given, err := kong.Trace(k, []string{"run"})
		if err != nil {
			t.Fatal(err)
		}
		set := 0
		for _, flag := range given.Flags() {
			switch v := flag.Target; {
			case v.Kind() == reflect.String:
				v.SetString(secret)
			case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.String:
				v.Set(reflect.MakeSlice(v.Type(), 1, 1))
				v.Index(0).SetString(secret)
			default:
				continue
			}
			set++
		}
		got, err := cmdline.Settings(given)
		if err != nil || set < 20 || strings.Contains(got, "HUN") || strings.Contains(got, "TER") {
			t.Errorf("%d flags: %s\n%v", set, got, err)
		}
	}
}

// A mistyped path does not become a player's directory.
func TestNothingButRunSyncAndEnrolMakesAStateDirectory(t *testing.T) {
	k, err := newParser(t.Context(), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, leaf := range k.Model.Leaves(true) {
		flags := slices.Concat(leaf.AllFlags(true)...)
		has := func(name string) bool {
			return slices.ContainsFunc(flags, func(f *kong.Flag) bool { return f.Name == name })
		}
		if leaf.Name == "run" || leaf.Name == "sync" || leaf.Name == "enrol" || !has("state") {
			continue
		}
		dir := filepath.Join(t.TempDir(), "mistyped")
		args := []string{leaf.Name, "--state", dir}
		if has("wait") {
			args = append(args, "--wait", "1ms")
		}
		for range leaf.Positional {
			args = append(args, file)
		}
		cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
		cmd.Env = append(os.Environ(), "PLAYOUT_TEST_PLAYER=1")
		said, _ := cmd.CombinedOutput() // its exit code shows how it ended
		if code := cmd.ProcessState.ExitCode(); code != cmdline.Failed || !strings.Contains(string(said), dir) ||
			!strings.Contains(string(said), "--state") {
			t.Errorf("%s: exit %d: %s", leaf.Name, code, said)
		}
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("%s made the directory", leaf.Name)
		}
	}
}

func TestNoCommandOfThePlayerSucceedsWithWhatIsNotMeant(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	if err := os.WriteFile(at("text"), []byte("not what is meant"), 0o600); err != nil {
		t.Fatal(err)
	}
	state, err := statedir.Open(at("state"))
	if err != nil {
		t.Fatal(err)
	}
	if err := state.Close(); err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(s.Close)
	for _, c := range []struct {
		code int
		says string
		args []string
	}{
		{cmdline.Failed, "this is not a bundle", []string{"import", "--state", at("state"), "--wait", "1ms", at("text")}},
		{cmdline.Misunderstood, "there is no such file", []string{"import", "--state", at("state"), at("none")}},
		{cmdline.Nothing, "everything that aired is reported", []string{"export", "--state", at("state"), at("out.json")}},
		{cmdline.Failed, "there is no such folder", []string{"bundle", "--plain", "--server", s.URL, "--station", "lantern",
			at("nowhere/b.tar")}},
		{cmdline.Misunderstood, "--days: must be at least 1", []string{"bundle", "--plain", "--server", s.URL,
			"--station", "lantern",
			"--days", "0",
			at("b.tar")}},
		{cmdline.Failed, "is not the hash", []string{"bundle", "--plain", "--server", s.URL, "--station", "lantern", "--have",
			at("text"), at("b.tar")}},
		{cmdline.Later, "cannot be reached", []string{"bundle", "--plain", "--server", "http://127.0.0.1:1",
			"--station", "lantern",
			at("b.tar")}},
		{cmdline.Later, "cannot be reached", []string{"sync", "--once", "--server", "http://127.0.0.1:1", "--station",
			"lantern", "--state", at("guest"), "--key", strings.Repeat("A", 43) + "="}},
		{cmdline.Later, "cannot be reached", []string{"sync", "--once", "--server", "http://127.0.0.1:1", "--station",
			"lantern", "--state", at("guest"), "--trust-on-first-use"}},
		{cmdline.Failed, "--lists", []string{"sync", "--once", "--server", s.URL, "--station", "lantern", "--state",
			at("guest"), "--lists", at("it's"), "--key", strings.Repeat("A", 43) + "="}},
		{cmdline.Misunderstood, "--output: \"sox\" is not one of", []string{"run", "--server", s.URL, "--station", "lantern",
			"--state", at("new"), "--key", strings.Repeat("A", 43) + "=", "--output", "wav:" + at("wav"), "--output", "sox:-"}},
		{cmdline.Misunderstood, "at least one --output", []string{"run", "--server", s.URL, "--station", "lantern",
			"--state", at("new"), "--key", strings.Repeat("A", 43) + "="}},
		{cmdline.Misunderstood, `--key: "junk"`, []string{"run", "--server", s.URL, "--station", "lantern", "--state", at("new"),
			"--key", "junk", "--output", "pcm:-"}},
	} {
		cmd := exec.CommandContext(t.Context(), os.Args[0], c.args...)
		cmd.Env = append(os.Environ(), "PLAYOUT_TEST_PLAYER=1")
		said, _ := cmd.CombinedOutput() // its exit code shows how it ended
		if code := cmd.ProcessState.ExitCode(); code != c.code || !strings.Contains(string(said), c.says) {
			t.Errorf("playout %s: exit %d, not %d with %q: %s", strings.Join(c.args, " "), code, c.code, c.says, said)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 3 {
		t.Errorf("%v, %v", left, err)
	}
}
