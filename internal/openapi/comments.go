package openapi

import (
	"reflect"
	"strings"
)

// Comments are the comments of types and their fields, by Key.
type Comments map[string]string

// Key is where Comments have a type ("lifeline/schedules.Segment") or, unless field is empty, one of its fields
// ("lifeline/schedules.Segment.ID").
func Key(t reflect.Type, field string) string {
	name, _, _ := strings.Cut(t.Name(), "[") // of a generic type
	key := t.PkgPath() + "." + name
	if field != "" {
		key += "." + field
	}
	return key
}

// Of is the comment of a type, or of one of its fields.
func (c Comments) Of(t reflect.Type, field string) string { return c[Key(t, field)] }
