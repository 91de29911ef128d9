package cmdline

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"
	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"lifeline/internal/charset"
	"lifeline/internal/secret"
	"lifeline/internal/text"
)

// SettingsFiles returns where a person keeps the configuration file of a program: lifeline/NAME in the system's
// directory for configurations. Without such a directory, as for a service without HOME, there is no such file.
func SettingsFiles(name string) []string {
	dir, err := os.UserConfigDir()
	if err != nil {
		return nil
	}
	return []string{filepath.Join(dir, "lifeline", name)}
}

// ReadSettings reads flags from a YAML file of name: value lines, such as "server: https://lifeline.example". The
// command line and the environment have precedence over it. It refuses a file with a token that others may read.
func ReadSettings(r io.Reader) (kong.Resolver, error) {
	s := settings{file: "the configuration file", values: map[string]any{}, lines: map[string]int{}}
	if f, ok := r.(interface{ Name() string }); ok {
		s.file = f.Name()
	}
	b, err := io.ReadAll(r)
	if err == nil {
		b, err = charset.Decode(b, "")
	}
	if err == nil {
		err = ReadYAML(b, &s.values)
	}
	if err == nil {
		err = s.locate(b)
	}
	if err != nil {
		return nil, fmt.Errorf("%s is no YAML of lines such as \"server: https://lifeline.example\": %s", s.file,
			yaml.FormatError(err, false, false))
	}
	if f, ok := r.(fs.File); ok && s.values["token"] != nil {
		if info, err := f.Stat(); err != nil {
			return nil, err
		} else if secret.Loose(info) {
			return nil, errors.New("it holds a token, and others may read it: chmod 600 it")
		}
	}
	return s, nil
}

// ReadYAML decodes the only document of a YAML text.
func ReadYAML(b []byte, v any) error {
	d := yaml.NewDecoder(bytes.NewReader(b))
	if err := d.Decode(v); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	var more any
	if err := d.Decode(&more); errors.Is(err, io.EOF) || err == nil && more == nil {
		return nil
	}
	return errors.New("it holds more than one YAML document, parted by ---: write all of it as one")
}

// settings holds the values of flags by their names.
type settings struct {
	file   string
	values map[string]any
	lines  map[string]int // line of each name in the file
}

// locate notes the line of each name.
func (s settings) locate(text []byte) error {
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		return err
	}
	for _, doc := range file.Docs {
		if m, ok := doc.Body.(ast.MapNode); ok {
			for it := m.MapRange(); it.Next(); {
				key := it.Key().GetToken()
				s.lines[key.Value] = key.Position.Line
			}
		}
	}
	return nil
}

// Validate names the settings that no command has, each with its line.
func (s settings) Validate(app *kong.Application) error {
	known := map[string]bool{}
	err := kong.Visit(app, func(node kong.Visitable, next kong.Next) error {
		if flag, ok := node.(*kong.Flag); ok {
			known[flag.Name] = true
		}
		return next(nil)
	})
	var unknown []error
	for _, name := range slices.Sorted(maps.Keys(s.values)) {
		if !known[name] {
			unknown = append(unknown, fmt.Errorf("%s, line %d: the configuration file sets %q, which no command has", s.file,
				s.lines[name], name))
		}
	}
	return errors.Join(append(unknown, err)...)
}

// tokenFlags are two ways to give one value.
var tokenFlags = []string{"token", "token-file"}

// Resolve returns the file's value of a flag that neither the command line nor the environment sets. It fails with a
// wrongSetting if the flag does not take it.
func (s settings) Resolve(ctx *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	same := []string{flag.Name}
	if slices.Contains(tokenFlags, flag.Name) {
		same = tokenFlags
	}
	given := slices.ContainsFunc(ctx.Path, func(p *kong.Path) bool {
		return p.Flag != nil && slices.Contains(same, p.Flag.Name)
	})
	for _, other := range ctx.Flags() {
		given = given || slices.Contains(same, other.Name) && slices.ContainsFunc(other.Envs,
			func(name string) bool { return os.Getenv(name) != "" })
	}
	if given {
		return nil, nil
	}
	if flag.Name == "output" && flag.Tag.Type == "path" {
		return nil, nil // the file that a command writes, not the form in which it answers
	}
	value := s.values[flag.Name]
	if value == nil {
		return nil, nil
	}
	return value, s.check(flag, value)
}

// notSettings are the flags that a configuration file does not hold: those that are about the file, and the secret.
var notSettings = []string{"help", "config", "print-config", "token"}

// Settings returns the flags of the command that was given, wherever they came from, as a configuration file holds
// them. It leaves out the token and passwords in addresses.
func Settings(given *kong.Context) (string, error) {
	var out yaml.MapSlice
	for _, flag := range given.Flags() {
		if slices.Contains(notSettings, flag.Name) || flag.Target.IsZero() {
			continue
		}
		value := flag.Target.Interface()
		switch v := value.(type) {
		case time.Duration:
			value = v.String()
		case time.Time:
			value = v.Format(time.RFC3339)
		case fmt.Stringer:
			value = v.String()
		}
		out = append(out, yaml.MapItem{Key: flag.Name, Value: value})
	}
	b, err := yaml.Marshal(out)
	return strings.TrimSuffix(text.Redact(string(b)), "{}\n"), err
}
