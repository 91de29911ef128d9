package cmdline

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"

	"lifeline/internal/fault"
)

// Words returns an error as text for people: it describes file errors in words, puts each invalid field on its own
// line, and omits package names.
func Words(err error) string {
	text := err.Error()
	if wrong := links[*wrongSetting](err); len(wrong) > 0 {
		return wrong[0].Error() // without the summary of the flag that kong puts before it
	}
	text = strings.ReplaceAll(text, context.Canceled.Error(), "interrupted")
	for _, one := range links[*fs.PathError](err) {
		text = strings.ReplaceAll(text, one.Error(), fileWords(one))
	}
	for _, one := range links[*fault.Error](err) {
		if one.Kind == fault.Full && one.Cause != nil { // the cause repeats it, in a library's words
			text = strings.ReplaceAll(text, one.Error(), one.Public+": make room there, and run this again")
		}
		n := len(one.Fields)
		if n == 1 && one.Public == one.Fields[0].Field+" "+one.Fields[0].Message {
			text = strings.Replace(text, one.Public, FieldWords(one.Fields[0]), 1)
		}
		if n > 1 && one.Public != "" {
			lines := fieldLines(one.Fields)
			if !strings.HasSuffix(one.Public, fmt.Sprintf("(and %d more)", n-1)) && one.Fields[n-1].Field != "" {
				lines = one.Public + "\n  " + lines
			}
			text = strings.Replace(text, one.Public, lines, 1)
		}
	}
	for shorter := inside.ReplaceAllString(text, "$1"); shorter != text; shorter = inside.ReplaceAllString(text, "$1") {
		text = shorter
	}
	return text
}

// inside matches a step of the path that an error took through the program: a package and its operation.
var inside = regexp.MustCompile(`(?m)(^|: )(?:(?:playout|sqlite|redis|blob|replica|store): )+` +
	`(?:[a-z]+(?: [a-z]+)?: |open )?`)

func fieldLines(fields []fault.Field) string {
	lines := make([]string, len(fields))
	for i, f := range fields {
		lines[i] = FieldWords(f)
	}
	return strings.Join(lines, "\n  ")
}

// FieldWords describes an invalid field. A message about an item names it by its time and title instead of its id.
func FieldWords(f fault.Field) string {
	if strings.HasPrefix(f.Field, "item ") {
		return f.Message
	}
	if f.Field == "" { // of a list that goes on: "and 12 more"
		return f.Message
	}
	return placeOf(f.Field) + " " + f.Message
}

var indexed = regexp.MustCompile(`^(.*)\[(\d+)\]$`)

// placeOf returns a field of the contract in words: lists, whose indexes start at 0, count from 1, as in "station 1,
// window 3, length_ms".
func placeOf(field string) string {
	var out []string
	plain := false // the last element of out is not a list element
	for _, part := range strings.Split(field, ".") {
		at := indexed.FindStringSubmatch(part)
		if at == nil {
			if plain {
				out[len(out)-1] += "." + part
			} else {
				out, plain = append(out, part), true
			}
			continue
		}
		n, err := strconv.Atoi(at[2])
		if err != nil {
			return field
		}
		out, plain = append(out, fmt.Sprintf("%s %d", one(at[1]), n+1)), false
	}
	return strings.Join(out, ", ")
}

// one returns the singular of the name of a list.
func one(list string) string {
	if stem, found := strings.CutSuffix(list, "ies"); found {
		return stem + "y"
	}
	return strings.TrimSuffix(list, "s")
}

// links returns the errors of type E among all that err wraps.
func links[E error](err error) (out []E) {
	if one, ok := err.(E); ok { // each link separately
		out = append(out, one)
	}
	switch wraps := err.(type) {
	case interface{ Unwrap() error }:
		if inner := wraps.Unwrap(); inner != nil {
			out = append(out, links[E](inner)...)
		}
	case interface{ Unwrap() []error }:
		for _, inner := range wraps.Unwrap() {
			out = append(out, links[E](inner)...)
		}
	}
	return out
}

func fileWords(e *fs.PathError) string {
	switch {
	case errors.Is(e, fs.ErrNotExist) && e.Op == "open" && missing(filepath.Dir(e.Path)): // the folder of a new file
		return filepath.Dir(e.Path) + ": there is no such folder"
	case errors.Is(e, fs.ErrNotExist):
		return e.Path + ": there is no such file"
	case errors.Is(e, fs.ErrPermission):
		return e.Path + ": you may not read or write it"
	case errors.Is(e, fs.ErrExist):
		return e.Path + ": it exists already"
	case fault.NoRoom(e):
		return e.Path + ": the disk is full: make room there, and run this again"
	case errors.Is(e, syscall.EROFS):
		return e.Path + ": this disk can only be read: name another place"
	case errors.Is(e, syscall.ENOTDIR):
		return e.Path + ": a file is where a folder should be"
	case errors.Is(e, syscall.EISDIR):
		return e.Path + ": it is a folder, and a file is needed"
	}
	return fmt.Sprintf("%s: %v", e.Path, e.Err)
}

func missing(folder string) bool {
	_, err := os.Stat(folder)
	return errors.Is(err, fs.ErrNotExist)
}

// Listening describes a failure to listen at an address, with the flag that sets the address.
func Listening(err error, address, flag string) error {
	if err == nil {
		return nil
	}
	why := "that is no address of this machine: write it as HOST:PORT, such as 127.0.0.1:8080"
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		why = "another program listens there: end it, or choose another address"
	case errors.Is(err, fs.ErrPermission):
		why = "you may not listen there: ports below 1024 are the administrator's"
	}
	return fmt.Errorf("%s %s: %s (%w)", flag, address, why, err)
}
