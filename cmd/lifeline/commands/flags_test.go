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

	"lifeline/internal/cmdline/flagtest"
	"lifeline/internal/harness"
)

// secretFile is a file that holds a token.
func secretFile(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestEveryFlagIsTakenOnTheLineByItsVariableAndByTheFile(t *testing.T) {
	home := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", home)
	if err := os.Mkdir(filepath.Join(home, "lifeline"), 0o700); err != nil {
		t.Fatal(err)
	}
	flagtest.Program{
		New: func() (*kong.Kong, error) { return newParser(t.Context(), io.Discard, io.Discard) },
		Samples: harness.LinkSamples(t, map[string]string{"server": "https://lifeline.example/radio",
			"token-file": secretFile(t, "lifeline_x\n"), "role": "viewer", "config": secretFile(t, "")}),
		Apart: [][]string{tokenFlags},
		File:  filepath.Join(home, "lifeline", "config.yaml"),
		NotIn: []string{"config"},
	}.Drive(t)
}

// shown is what a service was shown as a token by a command.
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

	// Either of them goes before the configuration file.
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

	// What cannot be a token is refused before anything is asked, and says where it is.
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
