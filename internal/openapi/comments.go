package openapi

import (
	"reflect"
	"strings"
)

// Comments are the comments of types and fields, by Key.
type Comments map[string]string

// Key returns the key of a type ("lifeline/schedules.Segment") or, unless field is empty, of one of its fields
// ("lifeline/schedules.Segment.ID").
func Key(t reflect.Type, field string) string {
	name, _, _ := strings.Cut(t.Name(), "[") // of a generic type
	key := t.PkgPath() + "." + name
	if field != "" {
		key += "." + field
	}
	return key
}

// Of returns the comment of a type, or of one of its fields.
func (c Comments) Of(t reflect.Type, field string) string { return c[Key(t, field)] }
