package openapi

import (
	"encoding/json"
	"fmt"
	"path"
	"reflect"
	"slices"
	"strings"
)

// Use selects the schema of a type: an answer has all fields of a type, a request few of them.
type Use int

// The uses of a type.
const (
	Answer  Use = iota // a response: fields that are always present are required
	Request            // a request body: no other fields, and only essential ones are required
	Patch              // a merge patch of a request: nothing is required, null empties
)

var suffixes = map[Use]string{Answer: "", Request: "Request", Patch: "Patch"}

// Facts hold what a Go type does not tell.
type Facts struct {
	// Types are the schemas of enumerations and of types with their own JSON form.
	Types map[reflect.Type]*Schema
	// Nullable are the types whose zero value is written as null.
	Nullable map[reflect.Type]bool
	// Fields bounds single fields of requests, by type and JSON name. Answers are not bounded, since stored documents may
	// be older than a bound.
	Fields map[reflect.Type]map[string]Field
	// Longest bounds the characters of a text in a request, unless its field says otherwise; 0: no bound.
	Longest int
	// MostEntries bounds the entries of a list or map in a request, unless its field says otherwise; 0: no bound.
	MostEntries int
	// Comment returns the comment of a type ("") or of one of its fields, by Go name.
	Comment func(t reflect.Type, field string) string
}

// Field bounds one field of a request.
type Field struct {
	Bounds   *Schema // laid over the type's schema; for a list with Items, over its items
	Required bool
}

// Maker makes schemas and keeps the named ones.
type Maker struct {
	facts   Facts
	schemas map[string]*Schema
	types   map[string]reflect.Type // the type of each name
}

// NewMaker returns a Maker that uses f.
func NewMaker(f Facts) *Maker {
	return &Maker{facts: f, schemas: map[string]*Schema{}, types: map[string]reflect.Type{}}
}

// Schemas returns all named schemas that were made so far.
func (m *Maker) Schemas() map[string]*Schema { return m.schemas }

// Of returns the schema of a type for a use. Structs get a name, and references use it.
func (m *Maker) Of(t reflect.Type, use Use) *Schema {
	if s, ok := m.facts.Types[t]; ok {
		out := *s
		return &out
	}
	if t == reflect.TypeFor[json.RawMessage]() {
		return &Schema{}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return m.Of(t.Elem(), use)
	case reflect.Struct:
		return m.named(t, use)
	case reflect.Slice, reflect.Array:
		return &Schema{Type: Types{"array"}, Items: m.element(t.Elem(), use), MaxItems: m.entries(use)}
	case reflect.Map:
		return &Schema{Type: Types{"object"}, Additional: m.element(t.Elem(), use), MaxProperties: m.entries(use)}
	case reflect.String:
		if use != Answer && m.facts.Longest > 0 {
			return String().Length(0, m.facts.Longest)
		}
		return String()
	case reflect.Bool:
		return &Schema{Type: Types{"boolean"}}
	case reflect.Float64:
		return &Schema{Type: Types{"number"}}
	case reflect.Int, reflect.Int64:
		return Integer()
	case reflect.Uint64:
		return (&Schema{Type: Types{"integer"}}).Between(0, 1<<64-1)
	case reflect.Interface:
		return &Schema{}
	}
	panic(fmt.Sprintf("openapi: %s has no schema", t)) // any test that makes the document finds this
}

// entries returns the bound of a list or map; nil if there is none.
func (m *Maker) entries(use Use) *int {
	if use == Answer || m.facts.MostEntries == 0 {
		return nil
	}
	most := m.facts.MostEntries
	return &most
}

// element returns Of for the elements of a list or map. A patch replaces lists as a whole, so that their elements are
// requests.
func (m *Maker) element(t reflect.Type, use Use) *Schema {
	if use == Patch {
		use = Request
	}
	return m.Of(t, use)
}

// named makes a struct's schema once, under its name, and returns a reference to it.
func (m *Maker) named(t reflect.Type, use Use) *Schema {
	name := schemaName(t) + suffixes[use]
	if known, ok := m.types[name]; ok {
		if known != t {
			panic(fmt.Sprintf("openapi: %s and %s are both named %s", known, t, name))
		}
	} else {
		m.types[name] = t
		s := &Schema{Type: Types{"object"}, Description: m.facts.Comment(t, "")}
		m.schemas[name] = s
		m.fill(s, t, use)
	}
	return &Schema{Ref: "#/components/schemas/" + name}
}

// schemaName returns a type's schema name. Page[lifeline/schedules.Segment] becomes SegmentPage.
func schemaName(t reflect.Type) string {
	outer, inner, generic := strings.Cut(t.Name(), "[")
	if !generic {
		return outer
	}
	_, inner, _ = strings.Cut(path.Base(strings.TrimSuffix(inner, "]")), ".")
	return inner + outer
}

func (m *Maker) fill(s *Schema, t reflect.Type, use Use) {
	if use != Answer {
		s.Additional = &Schema{Nothing: true}
	}
	for _, f := range Fields(t) {
		fact := m.fact(t, f)
		p := m.field(f, use, fact)
		if comment := m.facts.Comment(f.Owner, f.Go.Name); comment != "" {
			p.Description = comment
		}
		if use == Answer && !f.Omitted || use == Request && fact.Required {
			s.Required = append(s.Required, f.Name)
		}
		s.Properties = append(s.Properties, Property{f.Name, p})
	}
}

// fact returns the facts of a field; those of the outer type come first.
func (m *Maker) fact(t reflect.Type, f JSONField) Field { return FieldOf(m.facts.Fields, t, f) }

// FieldOf looks up a field in a table of fields; the entry of the outer type comes first.
func FieldOf[V any](fields map[reflect.Type]map[string]V, t reflect.Type, f JSONField) V {
	if fact, ok := fields[t][f.Name]; ok {
		return fact
	}
	return fields[f.Owner][f.Name]
}

func (m *Maker) field(f JSONField, use Use, fact Field) *Schema {
	t := f.Go.Type
	s := m.Of(t, use)
	if use == Answer {
		if (t.Kind() == reflect.Pointer || m.facts.Nullable[t]) && !f.Omitted {
			return s.Null()
		}
		return s
	}
	if fact.Bounds != nil {
		overlay(s, fact.Bounds)
	}
	if use == Patch || !fact.Required && (t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice ||
		t.Kind() == reflect.Map || m.facts.Types[t] != nil && t.Kind() == reflect.Struct) {
		return s.Null()
	}
	return s
}

// overlay lays bounds over a schema, field by field, and bounds of items over its items.
func overlay(s, bounds *Schema) {
	to, from := reflect.ValueOf(s).Elem(), reflect.ValueOf(bounds).Elem()
	for i := range from.NumField() {
		switch {
		case from.Field(i).IsZero():
		case from.Type().Field(i).Name == "Items":
			items := *s.Items
			overlay(&items, bounds.Items)
			s.Items = &items
		case from.Type().Field(i).Name == "Additional":
			values := *s.Additional
			overlay(&values, bounds.Additional)
			s.Additional = &values
		default:
			to.Field(i).Set(from.Field(i))
		}
	}
}

// JSONField is a field of a struct in the form that encoding/json writes.
type JSONField struct {
	Name    string
	Omitted bool         // left out when it is empty
	Owner   reflect.Type // the struct that declares it
	Go      reflect.StructField
}

// Fields returns the JSON fields of a struct, including those of embedded structs.
func Fields(t reflect.Type) []JSONField {
	var out []JSONField
	for _, f := range reflect.VisibleFields(t) {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" || name == "-" {
			continue
		}
		owner := t
		for _, i := range f.Index[:len(f.Index)-1] {
			owner = owner.Field(i).Type
		}
		o := strings.Split(options, ",")
		out = append(out, JSONField{name, slices.Contains(o, "omitempty") || slices.Contains(o, "omitzero"), owner, f})
	}
	return out
}
