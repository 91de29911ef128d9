package main

import (
	"cmp"
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
	"strings"

	"github.com/alecthomas/kong"
	"github.com/goccy/go-yaml"

	"lifeline/internal/client"
)

// remote is what every command that speaks to a service needs.
type remote struct {
	Server string `help:"The service's address." default:"http://127.0.0.1:8080" env:"LIFELINE_SERVER"`
	Token  string `help:"Access token." env:"LIFELINE_TOKEN"`
	Secret string `name:"token-file" help:"File that holds the access token." env:"LIFELINE_TOKEN_FILE" type:"filecontent"`
}

func (r remote) client() *client.Client {
	return client.New(r.Server, cmp.Or(r.Token, strings.TrimSpace(r.Secret)), http.DefaultClient)
}

// output is how a command shows what it found or did; the zero value is for people.
type output struct {
	Output string `help:"text for people, json for programs." enum:"text,json" default:"text" env:"LIFELINE_OUTPUT"`
}

// show writes v as JSON, or lets text write it for a person.
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

// settingsFile is where a person keeps the address and the token: lifeline/config.yaml in the system's place for
// configurations. A system without one has no such file.
func settingsFile() string {
	dir, err := os.UserConfigDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "lifeline", "config.yaml")
}

// readSettings reads flags from a YAML file of name: value lines, such as "server: https://lifeline.example". What the
// command line or the environment says goes before it. A file with a token that others may read is refused.
func readSettings(r io.Reader) (kong.Resolver, error) {
	values := map[string]any{}
	if err := yaml.NewDecoder(r).Decode(&values); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
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

// settings are the values of flags by their names.
type settings map[string]any

// Validate names the settings that no command has.
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

// Resolve is the file's value of a flag that neither the command line nor the environment sets.
func (s settings) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	for _, name := range flag.Envs {
		if _, set := os.LookupEnv(name); set {
			return nil, nil
		}
	}
	return s[flag.Name], nil
}

// query is the values that are given.
func query(values map[string]string) url.Values {
	q := url.Values{}
	for name, value := range values {
		if value != "" {
			q.Set(name, value)
		}
	}
	return q
}
