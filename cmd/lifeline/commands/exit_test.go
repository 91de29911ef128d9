package commands

import (
	"bytes"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"lifeline/internal/cmdline"
)

// Each command that finds its store by a directory refuses one without a store, names the directory and the flag, and
// changes nothing in it. The test takes the list of commands from the command line itself.
func TestNothingButServeAndRestoreMakesAStore(t *testing.T) {
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	t.Setenv("LIFELINE_DATA", "")
	parser, err := kong.New(&cli{}, kong.Name("lifeline"))
	if err != nil {
		t.Fatal(err)
	}
	refused := 0
	for _, leaf := range parser.Model.Leaves(true) {
		path := strings.Fields(leaf.Path())
		flags := slices.Concat(leaf.AllFlags(true)...)
		if name := path[0]; name == "serve" || name == "restore" || !slices.ContainsFunc(flags,
			func(f *kong.Flag) bool { return f.Name == "data" }) {
			continue
		}
		refused++
		dir := t.TempDir()
		args := append(path, "--data", dir)
		for _, p := range leaf.Positional {
			if p.Tag.Get("form") == "id" {
				args = append(args, "some")
				continue
			}
			args = append(args, filepath.Join(t.TempDir(), "file"))
		}
		for _, flag := range flags {
			switch {
			case flag.Name == "direct":
				args = append(args, "--direct")
			case flag.Name == "role":
				args = append(args, "--role", "admin")
			case flag.Name == "plain":
				args = append(args, "--plain")
			case flag.Required:
				args = append(args, "--"+flag.Name, "some")
			}
		}
		var out bytes.Buffer
		code := Run(t.Context(), args, &out, &out)
		if code != cmdline.Failed || !strings.Contains(out.String(), dir) || !strings.Contains(out.String(), "--data") {
			t.Errorf("%s: exit %d: %s", strings.Join(args, " "), code, out.String())
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("%s left %v, %v", leaf.Path(), left, err)
		}
	}
	if refused < 4 {
		t.Errorf("only %d commands were found", refused)
	}
}

// Only a temporary failure ends with "try again later" and the question whether the service runs.
func TestOnlyAServiceOutOfReachIsToBeTriedLater(t *testing.T) {
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	t.Setenv("LIFELINE_TOKEN", "secret")
	redirecting := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://lifeline.example"+r.URL.RequestURI(), http.StatusMovedPermanently)
	}))
	defer redirecting.Close()
	secured := httptest.NewUnstartedServer(http.NotFoundHandler())
	secured.Config.ErrorLog = log.New(io.Discard, "", 0)
	secured.StartTLS()
	defer secured.Close()
	for _, c := range []struct {
		server string
		code   int
	}{
		{redirecting.URL, cmdline.Failed},
		{secured.URL, cmdline.Failed},
		{"http" + strings.TrimPrefix(secured.URL, "https"), cmdline.Failed},
		{"http://127.0.0.1:1", cmdline.Later},
	} {
		var out bytes.Buffer
		code := Run(t.Context(), []string{"stations", "--server", c.server}, &out, &out)
		if asks := strings.Contains(out.String(), "Is it running"); code != c.code || asks != (c.code == cmdline.Later) {
			t.Errorf("%s: exit %d: %s", c.server, code, out.String())
		}
	}
}
