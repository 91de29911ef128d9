// Package flagtest tests every flag and every variable of a command line.
package flagtest

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
)

// Program is a command line under test.
type Program struct {
	New     func() (*kong.Kong, error)
	Samples map[string]string // by flag or argument, for those whose type does not determine a valid value
	Apart   [][]string        // flags that exclude each other without a tag that states it
	Check   func(*kong.Context) error
	Bad     map[string]string // malformed values by flag, argument or form, for those whose type does not determine one
	Free    []string          // flags and arguments that take any text
	File    string            // the configuration file that it reads, if it does
	NotIn   []string          // flags that the configuration file does not set
}

// Drive gives each command every flag that it has, on the command line, by each of its variables and in the
// configuration file, and fails if a value does not arrive. It takes the flags from the command line itself, so that it
// also tests new flags.
func (p Program) Drive(t *testing.T) {
	for _, name := range os.Environ() {
		if name, _, _ = strings.Cut(name, "="); strings.HasPrefix(name, "LIFELINE_") || strings.HasPrefix(name, "OTEL_") {
			t.Setenv(name, "")
		}
	}
	k := p.parser(t)
	driven := 0
	for _, leaf := range k.Model.Leaves(false) {
		flags := flagsOf(leaf)
		for _, batch := range p.batches(flags) {
			driven += len(batch)
			t.Run(strings.ReplaceAll(leaf.Path(), " ", "_"), func(t *testing.T) { p.drive(t, leaf, batch) })
		}
	}
	if driven == 0 {
		t.Fatal("no flag was found")
	}
}

// Refuse gives each command a malformed value for each flag and argument, and fails if it is accepted, or if the error
// does not name the flag in one line. A new flag must have a type or a form that determines its values, or be listed in
// Free.
func (p Program) Refuse(t *testing.T) {
	k := p.parser(t)
	for _, leaf := range k.Model.Leaves(false) {
		t.Run(strings.ReplaceAll(leaf.Path(), " ", "_"), func(t *testing.T) {
			k := p.parser(t)
			for i, arg := range leaf.Positional {
				p.refuse(t, k, leaf, "<"+arg.Name+">", arg, func(line []string, bad string) []string {
					line[len(strings.Fields(leaf.Path()))+i] = bad
					return line
				})
			}
			for _, flag := range flagsOf(leaf) {
				if !flag.IsBool() && flag.Name != "config" {
					p.refuse(t, k, leaf, "--"+flag.Name, flag.Value, func(line []string, bad string) []string {
						return append(line, "--"+flag.Name+"="+bad)
					})
					if len(flag.Xor) > 0 { // the parser remembers that it was given
						k = p.parser(t)
					}
				}
			}
		})
	}
}

// Mistype gives each flag a list of lists in the configuration file, which no flag takes, and fails unless words, as
// people read it, is the error of the file's line, with the flag and an example.
func (p Program) Mistype(t *testing.T, words func(error) string) {
	defer os.Remove(p.File)
	k := p.parser(t)
	done := map[string]bool{} // commands share most flags
	for _, leaf := range k.Model.Leaves(false) {
		for _, flag := range flagsOf(leaf) {
			same := fmt.Sprint(flag.Name, flag.Target.Type(), flag.Tag.Type)
			if done[same] || slices.Contains(p.NotIn, flag.Name) || flag.Name == "output" && flag.Tag.Type == "path" {
				continue
			}
			done[same] = true
			if err := os.WriteFile(p.File, []byte("# settings\n"+flag.Name+": [[a]]\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := p.parser(t).Parse(p.line(t, leaf, func(f *kong.Flag) bool { return f.Required && f.Name != flag.Name }))
			if err == nil || !strings.HasPrefix(words(err), p.File+", line 2: "+flag.Name+" must be ") ||
				!strings.Contains(words(err), ", as in "+flag.Name+": ") {
				t.Errorf("%s: %s: %v", leaf.Path(), flag.Name, err)
			}
		}
	}
}

// parser returns a new parser, which takes a few milliseconds.
func (p Program) parser(t *testing.T) *kong.Kong {
	t.Helper()
	k, err := p.New()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func (p Program) refuse(t *testing.T, k *kong.Kong, leaf *kong.Node, name string, v *kong.Value,
	with func(line []string, bad string) []string) {
	t.Helper()
	if v.Tag.Get("form") == "" && (slices.Contains(p.Free, v.Name) || v.Tag.Type == "path" && p.Bad[v.Name] == "") {
		return // any text, and any path
	}
	bad, known := p.bad(v)
	if !known {
		t.Errorf("%s %s: say by its form what it takes, or that it takes any text", leaf.Path(), name)
		return
	}
	line := p.line(t, leaf, func(flag *kong.Flag) bool { return flag.Required && "--"+flag.Name != name })
	line = with(line, bad)
	read, err := k.Parse(line)
	if err == nil {
		err = p.Check(read)
	}
	if err == nil || !strings.Contains(err.Error(), strings.Trim(name, "<>-")) || strings.Contains(err.Error(), "\n") {
		t.Errorf("%s: %v", strings.Join(line, " "), err)
	}
}

// bad returns a value that a flag or an argument must reject, if one is known.
func (p Program) bad(v *kong.Value) (value string, known bool) {
	if bad, there := p.Bad[cmp.Or(v.Tag.Get("form"), v.Name)]; there {
		return bad, true
	}
	if v.Tag.Type == "existingfile" {
		return "no-such-file", true
	}
	kind := v.Target.Type()
	for kind.Kind() == reflect.Pointer || kind.Kind() == reflect.Slice {
		kind = kind.Elem()
	}
	switch {
	case v.Tag.Get("least") != "" && kind == reflect.TypeFor[time.Duration]():
		return "-1s", true
	case v.Tag.Get("least") != "":
		return "-1", true
	case v.Enum != "" || kind.Kind() != reflect.String:
		return "malformed", true
	}
	return "", v.Required || v.Flag == nil
}

// line returns a command with its arguments and the selected flags.
func (p Program) line(t *testing.T, leaf *kong.Node, wanted func(*kong.Flag) bool) []string {
	t.Helper()
	line := strings.Fields(leaf.Path())
	for _, arg := range leaf.Positional {
		line = append(line, p.sample(t, arg))
	}
	for _, flag := range flagsOf(leaf) {
		if wanted(flag) {
			line = append(line, "--"+flag.Name+"="+p.sample(t, flag.Value))
		}
	}
	return line
}

// flagsOf returns the flags of a command except help.
func flagsOf(leaf *kong.Node) (out []*kong.Flag) {
	for _, group := range leaf.AllFlags(false) {
		for _, flag := range group {
			if flag.Name != "help" {
				out = append(out, flag)
			}
		}
	}
	return out
}

// batches groups flags so that those in a group may be given together.
func (p Program) batches(flags []*kong.Flag) (out [][]*kong.Flag) {
	for _, flag := range flags {
		at := slices.IndexFunc(out, func(batch []*kong.Flag) bool {
			return !slices.ContainsFunc(batch, func(other *kong.Flag) bool { return p.exclude(flag, other) })
		})
		if at < 0 {
			at, out = len(out), append(out, nil)
		}
		out[at] = append(out[at], flag)
	}
	return out
}

func (p Program) exclude(a, b *kong.Flag) bool {
	return slices.ContainsFunc(a.Xor, func(group string) bool { return slices.Contains(b.Xor, group) }) ||
		slices.ContainsFunc(p.Apart, func(group []string) bool {
			return slices.Contains(group, a.Name) &&
				slices.Contains(group, b.Name)
		})
}

func (p Program) drive(t *testing.T, leaf *kong.Node, batch []*kong.Flag) {
	line := p.line(t, leaf, func(flag *kong.Flag) bool { return flag.Required && !slices.Contains(batch, flag) })
	given, wanted, inFile := slices.Clone(line), map[string]string{}, map[string]string{}
	for _, flag := range batch {
		wanted[flag.Name] = p.sample(t, flag.Value)
		given = append(given, "--"+flag.Name+"="+wanted[flag.Name])
		if !slices.Contains(p.NotIn, flag.Name) && (flag.Name != "output" || flag.Tag.Type != "path") {
			inFile[flag.Name] = wanted[flag.Name]
		}
	}
	p.expect(t, given, wanted, "the command line")

	byVariable, rest := map[string]string{}, slices.Clone(line)
	for _, flag := range batch {
		switch {
		case len(flag.Envs) > 0:
			byVariable[flag.Name] = wanted[flag.Name]
			for _, name := range flag.Envs {
				t.Setenv(name, wanted[flag.Name])
			}
		case flag.Required:
			rest = append(rest, "--"+flag.Name+"="+wanted[flag.Name])
		}
	}
	p.expect(t, rest, byVariable, "the environment")
	for _, flag := range batch {
		for _, name := range flag.Envs {
			t.Setenv(name, "") // an empty variable has no effect
		}
	}
	if p.File == "" {
		return
	}
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(inFile)) {
		fmt.Fprintf(&text, "%s: %q\n", name, inFile[name])
	}
	if err := os.WriteFile(p.File, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	defer os.Remove(p.File)
	rest = slices.Clone(line)
	for _, flag := range batch {
		if _, there := inFile[flag.Name]; flag.Required && !there {
			rest = append(rest, "--"+flag.Name+"="+wanted[flag.Name])
		}
	}
	p.expect(t, rest, inFile, "the configuration file")
}

// expect parses a command line and compares the values of its flags.
func (p Program) expect(t *testing.T, line []string, wanted map[string]string, by string) {
	t.Helper()
	k := p.parser(t)
	read, err := k.Parse(line)
	if err != nil {
		t.Errorf("by %s: %s: %v", by, strings.Join(line, " "), err)
		return
	}
	for _, flag := range read.Flags() {
		want, asked := wanted[flag.Name]
		if !asked {
			continue
		}
		if got := held(flag.Target); got != want && got != "["+want+"]" {
			t.Errorf("by %s, --%s %s holds %q", by, flag.Name, want, got)
		}
	}
}

// held returns a flag's value as text.
func held(v reflect.Value) string {
	if v = reflect.Indirect(v); !v.IsValid() {
		return "nothing"
	}
	switch value := v.Interface().(type) {
	case time.Time:
		return value.Format(time.RFC3339)
	default:
		return fmt.Sprint(value)
	}
}

// sample returns a valid value for a flag or an argument that differs from its default.
func (p Program) sample(t *testing.T, v *kong.Value) string {
	t.Helper()
	if s, known := p.Samples[v.Name]; known {
		return s
	}
	if v.Enum != "" {
		for _, one := range v.EnumSlice() {
			if one != v.Default {
				return one
			}
		}
	}
	switch v.Tag.Type {
	case "existingfile":
		name := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(name, []byte("text"), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	case "path":
		return filepath.Join(t.TempDir(), v.Name)
	}
	kind := v.Target.Type()
	if kind.Kind() == reflect.Pointer {
		kind = kind.Elem()
	}
	switch reflect.Zero(kind).Interface().(type) {
	case time.Duration:
		return (90 * time.Second).String()
	case time.Time:
		return "2026-11-29T20:00:00Z"
	}
	if kind.Kind() == reflect.Slice {
		kind = kind.Elem()
	}
	switch kind.Kind() {
	case reflect.String:
		return "some-" + v.Name
	case reflect.Bool:
		return "true"
	case reflect.Float64:
		return "7.5"
	case reflect.Int, reflect.Int64, reflect.Uint64:
		return "7"
	}
	t.Fatalf("--%s is a %s: say in the samples what it takes", v.Name, kind)
	return ""
}
