package cmdline

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
)

// Words is an error as a person reads it: what the system says of files in words, and the names of packages left out.
func Words(err error) string {
	text := err.Error()
	for _, one := range pathErrors(err) {
		text = strings.ReplaceAll(text, one.Error(), fileWords(one))
	}
	return strings.TrimPrefix(text, "playout: ")
}

// pathErrors are all that err says of files.
func pathErrors(err error) (out []*fs.PathError) {
	if one, ok := err.(*fs.PathError); ok { // each link by itself
		out = append(out, one)
	}
	switch wraps := err.(type) {
	case interface{ Unwrap() error }:
		if inner := wraps.Unwrap(); inner != nil {
			out = append(out, pathErrors(inner)...)
		}
	case interface{ Unwrap() []error }:
		for _, inner := range wraps.Unwrap() {
			out = append(out, pathErrors(inner)...)
		}
	}
	return out
}

func fileWords(e *fs.PathError) string {
	switch {
	case errors.Is(e, fs.ErrNotExist):
		return e.Path + ": there is no such file"
	case errors.Is(e, fs.ErrPermission):
		return e.Path + ": you may not read or write it"
	case errors.Is(e, fs.ErrExist):
		return e.Path + ": it exists already"
	}
	return fmt.Sprintf("%s: %v", e.Path, e.Err)
}
