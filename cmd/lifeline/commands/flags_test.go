package commands

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"lifeline/internal/cmdline"
	"lifeline/internal/cmdline/flagtest"
	"lifeline/internal/harness"
	"lifeline/internal/harness/longform"
)

// secretFile creates a file that holds a token.
func secretFile(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// lines returns the program's command lines, with home as the folder of the configuration file.
func lines(t *testing.T) flagtest.Program {
	t.Helper()
	home := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", home)
	if err := os.Mkdir(filepath.Join(home, "lifeline"), 0o700); err != nil {
		t.Fatal(err)
	}
	file := secretFile(t, "lifeline_x\n")
	return flagtest.Program{
		New: func() (*kong.Kong, error) { return newParser(t.Context(), io.Discard, io.Discard) },
		Samples: harness.LinkSamples(t, map[string]string{"server": "https://lifeline.example/radio", "token-file": file,
			"role": "viewer", "config": secretFile(t, ""), "listen": "127.0.0.1:8181", "metrics-listen": "127.0.0.1:8182",
			"public-url": "https://lifeline.example", "audio": "s3+https://s3.example/b", "store": "redis://127.0.0.1:1",
			"store-file": secretFile(t, "redis://127.0.0.1:1"), "oidc-issuer": "https://id.example",
			"origins": "http://radio.lan", "webhook-networks": "10.1.2.0/24", "trusted-proxies": "10.1.2.0/24",
			"traces": "http://127.0.0.1:4318", "keep-records": "70", "render-rate": "8000", "date": "2026-11-29",
			"item": "12:00", "field=value": "title=x", "set": "title=x", "after": "3", "may": "listSegments", "file": file,
			"url": "https://a.example/"}),
		Check: forms.Check,
		Bad: map[string]string{"id": "Not An Id", "operation": "listSegmnets",
			"label": "!", "day": "2026-02-30", "days": "2026-11-30..2026-11-29",
			"instant": "noon", "item": "25:00", "time": "25:00", "start": "25:00", "zone": "Mars/Base", "language": "Korean",
			"hash":    "1a2b",
			"charset": "nonsense", "kind": "song", "state": "gone", "owed": "gone", "change": "weather", "profile": "loud",
			"number": "none", "assignment": "titel=x",
			"subject": "two words", "oidc-issuer": "http://id.example", "oidc-client-id": "alone",
			"oidc-secret-file": "alone", "season": "C26",
			"target": "ftp://host", "recipient": "age2",
			"key": "junk", "url": "newsroom", "address": "nowhere", "window": "w.mp3",
			"earlier": "no-such-file", "existing": "no-such-file", "server": "ftp://lifeline.example",
			"token-file": "no-such-file", "token": "two words", "tls-ca": "no-such-file", "tls-pin": "junk",
			"tls-client-cert": "no-such-file", "tls-client-key": "no-such-file", "trusted-proxies": "nowhere",
			"listen": "nowhere", "metrics-listen": "nowhere", "public-url": "lifeline.example", "audio": "s3",
			"store": "postgres://lifeline", "store-file": "no-such-file", "origins": "radio.lan", "tls-cert": "alone.pem",
			"tls-key": "alone.pem", "webhook-networks": "10.1.2.3", "traces": "here", "lease": "1s", "media-life": "1s",
			"keep-records": "7", "render-rate": "7", "max-upload": "0", "max-waiting": "0", "reserve": "-1",
			"analysers": "-1", "render-bytes": "-1", "render-at-once": "-1", "s3-silence": "-1s", "rate": "-1",
			"rate-burst": "0", "redis-replicas": "-1", "redis-replica-wait": "-1s", "shell": "tcsh"},
		Free: []string{"q", "voice", "series", "tags", "name", "other-name", "broadcaster", "fmo", "location",
			"administration", "zones", "power", "correction", "reason", "description", "by",
			"confirm", "key", "redis-prefix", "s3-region",
			"s3-access-key", "tls-domains", "tls-directory", "repair-from", "command", "id", "named", "settings"},
		Apart: [][]string{{"token", "token-file"}, {"store", "store-file"}, {"tls-domains", "tls-cert"},
			{"tls-domains", "tls-key"}},
		File:  filepath.Join(home, "lifeline", "config.yaml"),
		NotIn: []string{"config"},
	}
}

func TestEveryFlagIsTakenOnTheLineByItsVariableAndByTheFile(t *testing.T) {
	longform.Only(t) // it starts no goroutine, and builds the whole command line anew for each batch of flags
	lines(t).Drive(t)
}

// A malformed value ends a command before it begins, with the exit code for a command line that is not understood.
func TestAWrongTypeOfAnyFlagInTheConfigurationFileIsToldByItsLine(t *testing.T) {
	longform.Only(t) // for the same reasons
	lines(t).Mistype(t, cmdline.Words)
}

func TestMalformedValueOfAnyFlagOrArgumentIsNotUnderstood(t *testing.T) {
	longform.Only(t) // for the same reasons
	p := lines(t)
	p.Samples["output"] = "window.wav"
	p.Refuse(t)

	t.Chdir(t.TempDir())
	for _, args := range [][]string{
		{"show", "harbour-dawn", "2026-02-30"},
		{"plan", "--date", "2026-11-30..soon"},
		{"report", "--from", "soon"},
		{"segments", "--language", "Korean"},
		{"verify", "--trust", "junk"},
		{"serve", "--lease", "1s"},
		{"token", "create", "--name", "Ada", "--role", "king"},
		{"recall", "--reason", " ", "ident-ko"},
		{"recall", "--reason", "a name was heard"},
		{"restore", ""},
	} {
		var out bytes.Buffer
		if code := Run(t.Context(), args, &out, &out); code != cmdline.Misunderstood || bytes.Count(out.Bytes(),
			[]byte("\n")) != 1 {
			t.Errorf("lifeline %s: exit %d: %s", strings.Join(args, " "), code, &out)
		}
	}
	if left, err := os.ReadDir("."); err != nil || len(left) > 0 {
		t.Errorf("%v, %v", left, err)
	}
}

// shown runs a command and returns the token that it sends to the service.
func shown(t *testing.T, args ...string) (token string, said string, code int) {
	t.Helper()
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token = strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"items":[]}`)
	}))
	defer service.Close()
	var out bytes.Buffer
	code = Run(t.Context(), append(args, "--server", strings.TrimPrefix(service.URL, "http://")), &out, &out)
	return token, out.String(), code
}

func TestTokenOfAFileIsShownToTheService(t *testing.T) {
	home := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", home)
	for _, name := range []string{"LIFELINE_TOKEN", "LIFELINE_TOKEN_FILE", "LIFELINE_SERVER"} {
		t.Setenv(name, "")
	}
	file := secretFile(t, " lifeline_file\r\n")
	expect := func(want string, args ...string) {
		t.Helper()
		if token, said, _ := shown(t, append([]string{"segments"}, args...)...); token != want {
			t.Errorf("%v shows the token %q, not %q: %s", args, token, want, said)
		}
	}
	expect("lifeline_file", "--token-file", file)
	t.Setenv("LIFELINE_TOKEN", "lifeline_variable")
	expect("lifeline_variable")
	expect("lifeline_file", "--token-file", file)
	t.Setenv("LIFELINE_TOKEN", "")
	t.Setenv("LIFELINE_TOKEN_FILE", file)
	expect("lifeline_file")
	expect("lifeline_line", "--token", "lifeline_line")

	// Both have precedence over the configuration file.
	if err := os.Mkdir(filepath.Join(home, "lifeline"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(home, "lifeline", "config.yaml"),
		[]byte("token: lifeline_settings\noutput: json\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	expect("lifeline_file")
	t.Setenv("LIFELINE_TOKEN_FILE", "")
	expect("lifeline_settings")
	expect("lifeline_file", "--token-file", file)

	// A malformed token is refused, with its source, before any request.
	for text, words := range map[string]string{"": "is empty", "one two": "must hold a token alone",
		"토큰": "must hold a token alone"} {
		if _, said, code := shown(t, "segments", "--token-file", secretFile(t, text)); code != 2 || !strings.Contains(said,
			words) || !strings.Contains(said, "token") {
			t.Errorf("a file of %q: exit %d: %s", text, code, said)
		}
	}
	if _, said, code := shown(t, "segments", "--token-file", "no-such-file"); code != 2 || !strings.Contains(said,
		"there is no file") {
		t.Errorf("exit %d: %s", code, said)
	}
	if _, said, code := shown(t, "segments", "--token-file", file, "--token", "x"); code != 2 || !strings.Contains(said,
		"give one of them") {
		t.Errorf("exit %d: %s", code, said)
	}
}

func TestCommandsStartWithoutAHome(t *testing.T) {
	for _, name := range []string{"HOME", "XDG_CONFIG_HOME"} {
		t.Setenv(name, "")
		os.Unsetenv(name)
	}
	if _, said, code := shown(t, "segments", "--token", "lifeline_x"); code != 0 {
		t.Errorf("exit %d: %s", code, said)
	}
}
