package servicetest

import (
	"encoding"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// Unfilled returns the fields, as TYPE.field, that are zero wherever they occur in v. It covers the type of v and all
// types in it. A type with its own JSON form counts as one value.
func Unfilled(v any) []string {
	fields, filled := map[string]bool{}, map[string]bool{}
	fieldsOf(reflect.TypeOf(v), fields, map[reflect.Type]bool{})
	fill(reflect.ValueOf(v), filled)
	return slices.DeleteFunc(slices.Sorted(maps.Keys(fields)), func(f string) bool { return filled[f] })
}

func whole(t reflect.Type) bool {
	return t.Implements(reflect.TypeFor[json.Marshaler]()) || t.Implements(reflect.TypeFor[encoding.TextMarshaler]())
}

// jsonFields returns the fields of a struct that appear in its JSON.
func jsonFields(t reflect.Type) (out []reflect.StructField) {
	for i := range t.NumField() {
		if f := t.Field(i); f.Tag.Get("json") != "-" && (f.IsExported() || f.Anonymous) {
			out = append(out, f)
		}
	}
	return out
}

func fieldName(t reflect.Type, f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	if name == "" {
		name = f.Name
	}
	return t.Name() + "." + name
}

func fieldsOf(t reflect.Type, fields map[string]bool, seen map[reflect.Type]bool) {
	if whole(t) || seen[t] {
		return
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		fieldsOf(t.Elem(), fields, seen)
	case reflect.Struct:
		for _, f := range jsonFields(t) {
			fields[fieldName(t, f)] = true
			fieldsOf(f.Type, fields, seen)
		}
	}
}

func fill(v reflect.Value, filled map[string]bool) {
	if whole(v.Type()) || v.IsZero() {
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		fill(v.Elem(), filled)
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i), filled)
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			fill(v.MapIndex(key), filled)
		}
	case reflect.Struct:
		for _, f := range jsonFields(v.Type()) {
			in := v.FieldByIndex(f.Index)
			empty := (in.Kind() == reflect.Slice || in.Kind() == reflect.Map) && in.Len() == 0
			if !in.IsZero() && !empty {
				filled[fieldName(v.Type(), f)] = true
			}
			fill(in, filled)
		}
	}
}
