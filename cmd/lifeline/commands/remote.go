package commands

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"github.com/alecthomas/kong"
	"github.com/goccy/go-yaml"

	"lifeline/internal/charset"
	"lifeline/internal/client"
)

// remote holds the flags of every command that calls a service.
type remote struct {
	Server    string `help:"The service's address, such as https://lifeline.example." default:"http://127.0.0.1:8080" env:"LIFELINE_SERVER"`
	Token     string `help:"Access token. Prefer the environment or a file." env:"LIFELINE_TOKEN"`
	TokenFile string `help:"File that holds the access token." env:"LIFELINE_TOKEN_FILE" type:"path"`

	Link client.Connection `embed:""`

	address, secret string // set by AfterApply
	transport       *client.Transport
}

// AfterApply reads the address and the token, so that a malformed one is an error of the command line.
func (r *remote) AfterApply() (err error) {
	if r.address, err = r.Link.Address(r.Server); err != nil {
		return fmt.Errorf("--server: %w", err)
	}
	if r.transport, err = r.Link.Transport(r.address); err != nil {
		return err
	}
	r.secret, err = client.Token(r.Token, r.TokenFile)
	return err
}

func (r remote) client() *client.Client {
	return client.New(r.address, r.secret, &http.Client{Transport: r.transport})
}

// output is the form of a command's output; the zero value is text for people.
type output struct {
	Output string `help:"text for people, json for programs." enum:"text,json" default:"text" env:"LIFELINE_OUTPUT"`

	verbose bool // for people: details too
}

// show writes v as JSON, or calls text to print it for people.
func (o output) show(w io.Writer, v any, text func()) error {
	if o.Output != "json" {
		text()
		return nil
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// settingsFiles returns the path of the user's settings: lifeline/config.yaml in the system's folder for configuration.
// Without such a folder, as for a service without HOME, there is no file.
func settingsFiles() []string {
	dir, err := os.UserConfigDir()
	if err != nil {
		return nil
	}
	return []string{filepath.Join(dir, "lifeline", "config.yaml")}
}

// readSettings reads flags from a YAML file of name: value lines, such as "server: https://lifeline.example". The
// command line and the environment have precedence. A file with a token that other users can read is refused.
func readSettings(r io.Reader) (kong.Resolver, error) {
	values := map[string]any{}
	text, err := io.ReadAll(r)
	if err == nil {
		text, err = charset.Decode(text, "")
	}
	if err == nil {
		err = readYAML(text, &values)
	}
	if err != nil {
		name := "the configuration file"
		if f, ok := r.(interface{ Name() string }); ok {
			name = f.Name()
		}
		return nil, fmt.Errorf("%s is no YAML of lines such as \"server: https://lifeline.example\": %s", name,
			yaml.FormatError(err, false, false))
	}
	if f, ok := r.(fs.File); ok && values["token"] != nil && runtime.GOOS != "windows" {
		if info, err := f.Stat(); err != nil {
			return nil, err
		} else if info.Mode().Perm()&0o077 != 0 {
			return nil, errors.New("it holds a token, and others may read it: chmod 600 it")
		}
	}
	return settings(values), nil
}

// settings are the values of flags by name.
type settings map[string]any

// Validate fails with the names of settings that no command has.
func (s settings) Validate(app *kong.Application) error {
	known := map[string]bool{}
	err := kong.Visit(app, func(node kong.Visitable, next kong.Next) error {
		if flag, ok := node.(*kong.Flag); ok {
			known[flag.Name] = true
		}
		return next(nil)
	})
	var unknown []error
	for _, name := range slices.Sorted(maps.Keys(s)) {
		if !known[name] {
			unknown = append(unknown, fmt.Errorf("the configuration file sets %q, which no command has", name))
		}
	}
	return errors.Join(append(unknown, err)...)
}

// tokenFlags are two forms of one setting.
var tokenFlags = []string{"token", "token-file"}

// Resolve returns the file's value for a flag that neither the command line nor the environment sets.
func (s settings) Resolve(ctx *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	same := []string{flag.Name}
	if slices.Contains(tokenFlags, flag.Name) {
		same = tokenFlags
	}
	given := slices.ContainsFunc(ctx.Path, func(p *kong.Path) bool {
		return p.Flag != nil &&
			slices.Contains(same, p.Flag.Name)
	})
	for _, other := range ctx.Flags() {
		given = given || slices.Contains(same, other.Name) && slices.ContainsFunc(other.Envs,
			func(name string) bool { return os.Getenv(name) != "" })
	}
	if given {
		return nil, nil
	}
	if flag.Name == "output" && len(flag.Envs) == 0 {
		return nil, nil // here --output is the file that the command writes, not the form of its output
	}
	return s[flag.Name], nil
}

// query returns the non-empty values as a query.
func query(values map[string]string) url.Values {
	q := url.Values{}
	for name, value := range values {
		if value != "" {
			q.Set(name, value)
		}
	}
	return q
}
