package cmdline

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kong"
)

// Forms are the validators of command line values, by the name in a field's form tag. Each returns an error that
// describes the valid form.
type Forms map[string]func(text string) error

// Check fails, with one line per malformed flag or argument, if a given value does not have the form that its tag
// names, exceeds the bounds of its tags least and most, or is blank although it is required or, with a form, given on
// the command line. It is called before the command runs, so that an invalid command line starts nothing.
func (f Forms) Check(given *kong.Context) error {
	command := given.Selected()
	if command == nil {
		return nil
	}
	onLine := map[*kong.Value]bool{}
	for _, part := range given.Path {
		if part.Flag != nil && !part.Resolved {
			onLine[part.Flag.Value] = true
		}
	}
	var wrong []error
	for _, arg := range command.Positional {
		wrong = append(wrong, f.value("<"+arg.Name+">", arg, arg.Set))
	}
	for _, flag := range given.Flags() {
		wrong = append(wrong, f.value("--"+flag.Name, flag.Value, onLine[flag.Value] && flag.Tag.Get("form") != ""))
	}
	return errors.Join(wrong...)
}

// value checks a value. whole: it must not be blank.
func (f Forms) value(name string, v *kong.Value, whole bool) error {
	if !v.Set && !v.HasDefault {
		return nil
	}
	held := reflect.Indirect(v.Target)
	if held.Kind() != reflect.Slice {
		return f.one(name, v, held, whole)
	}
	if whole && held.Len() == 0 { // an empty text is a list of nothing
		return fmt.Errorf("%s: must not be empty", name)
	}
	for i := range held.Len() {
		if err := f.one(name, v, held.Index(i), whole); err != nil {
			return err
		}
	}
	return nil
}

func (f Forms) one(name string, v *kong.Value, held reflect.Value, whole bool) error {
	if !held.IsValid() {
		return nil
	}
	if held.Kind() == reflect.String {
		text := held.String()
		if strings.TrimSpace(text) == "" {
			if whole || v.Required {
				return fmt.Errorf("%s: must not be empty", name)
			}
			return nil
		}
		if form := v.Tag.Get("form"); form != "" {
			if err := f[form](text); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		return nil
	}
	for _, tag := range []string{"least", "most"} {
		limit := v.Tag.Get(tag)
		if limit == "" {
			continue
		}
		bound, err := number(held, limit)
		if err != nil {
			return fmt.Errorf("%s: its tag %s: %w", name, tag, err)
		}
		if given := held.Int(); tag == "least" && given < bound || tag == "most" && given > bound {
			return fmt.Errorf("%s: must be at %s %s", name, tag, limit)
		}
	}
	return nil
}

// number parses a bound of a number or of a duration, in the notation of the flag.
func number(held reflect.Value, limit string) (int64, error) {
	if held.Type() == reflect.TypeFor[time.Duration]() {
		d, err := time.ParseDuration(limit)
		return int64(d), err
	}
	return strconv.ParseInt(limit, 10, 64)
}
