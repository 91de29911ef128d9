// Package flagtest drives every flag and every variable that a command line has.
package flagtest

import (
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
	Samples map[string]string // by flag or argument, for those whose type does not say what they take
	Apart   [][]string        // flags that exclude each other though nothing in their tags says so
	File    string            // the configuration file that it reads, if it does
	NotIn   []string          // flags that the configuration file does not set
}

// Drive gives each command every flag that it has, on the command line, by each of its variables and by the
// configuration file, and fails where one does not arrive. What there is the command line says itself, so that a new
// flag is driven, too.
func (p Program) Drive(t *testing.T) {
	for _, name := range os.Environ() {
		if name, _, _ = strings.Cut(name, "="); strings.HasPrefix(name, "LIFELINE_") || strings.HasPrefix(name, "OTEL_") {
			t.Setenv(name, "")
		}
	}
	k, err := p.New()
	if err != nil {
		t.Fatal(err)
	}
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

// flagsOf are the flags of a command that say something to it.
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

// batches parts flags into those that may be given together.
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
	line := strings.Fields(leaf.Path())
	for _, arg := range leaf.Positional {
		line = append(line, p.sample(t, arg))
	}
	for _, flag := range flagsOf(leaf) {
		if flag.Required && !slices.Contains(batch, flag) {
			line = append(line, "--"+flag.Name+"="+p.sample(t, flag.Value))
		}
	}
	given, wanted, inFile := slices.Clone(line), map[string]string{}, map[string]string{}
	for _, flag := range batch {
		wanted[flag.Name] = p.sample(t, flag.Value)
		given = append(given, "--"+flag.Name+"="+wanted[flag.Name])
		if !slices.Contains(p.NotIn, flag.Name) && (flag.Name != "output" || len(flag.Envs) > 0) {
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
			t.Setenv(name, "") // which says nothing
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

// expect reads a command line and compares what its flags hold.
func (p Program) expect(t *testing.T, line []string, wanted map[string]string, by string) {
	t.Helper()
	k, err := p.New()
	if err != nil {
		t.Fatal(err)
	}
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

// held is a flag's value as it is written.
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

// sample is something that a flag or an argument takes, and its default is not.
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
	case "existingfile", "existing":
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
