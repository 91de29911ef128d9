// Package shape bounds the structure of a document before anything parses it: what a parser makes of a few bytes can
// take many times their number in memory and time.
package shape

import (
	"bytes"
	"fmt"
)

// The bounds of a document.
const (
	MaxDepth  = 32      // lists and objects within each other
	MaxValues = 100_000 // values of JSON: those in lists and objects, and these themselves
)

// JSON fails if a document is nested too deeply or has too many values. It counts the marks between values, so that it
// is fast and needs no memory; whether the document is valid is for the parser to say.
func JSON(b []byte) error {
	depth, values := 0, 1
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '"':
			for i++; i < len(b) && b[i] != '"'; i++ {
				if b[i] == '\\' {
					i++
				}
			}
		case '[', '{':
			depth++
			values++
			if depth > MaxDepth {
				return tooDeep(1 + bytes.Count(b[:i], []byte("\n")))
			}
		case ']', '}':
			depth--
		case ',':
			values++
		}
	}
	if values > MaxValues {
		return fmt.Errorf("the body has about %d values: at most %d are taken. Send it in parts", values, MaxValues)
	}
	return nil
}

func tooDeep(line int) error {
	return fmt.Errorf("line %d of the body is nested in more than %d lists and objects", line, MaxDepth)
}
