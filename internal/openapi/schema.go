package openapi

import (
	"bytes"
	"encoding/json"
)

// Schema is the part of JSON Schema (2020-12) that this package needs.
type Schema struct {
	Ref         string   `json:"$ref,omitempty"`
	Type        Types    `json:"type,omitempty"`
	Format      string   `json:"format,omitempty"`
	Description string   `json:"description,omitempty"`
	Enum        []any    `json:"enum,omitempty"`
	Pattern     string   `json:"pattern,omitempty"`
	MinLength   *int     `json:"minLength,omitempty"`
	MaxLength   *int     `json:"maxLength,omitempty"`
	Minimum     *float64 `json:"minimum,omitempty"`
	Maximum     *float64 `json:"maximum,omitempty"`
	MinItems    *int     `json:"minItems,omitempty"`
	MaxItems    *int     `json:"maxItems,omitempty"`
	UniqueItems bool     `json:"uniqueItems,omitempty"`

	MaxProperties *int `json:"maxProperties,omitempty"`

	Items      *Schema    `json:"items,omitempty"`
	Properties Properties `json:"properties,omitempty"`
	Required   []string   `json:"required,omitempty"`
	Additional *Schema    `json:"additionalProperties,omitempty"`
	AnyOf      []*Schema  `json:"anyOf,omitempty"`
	Default    any        `json:"default,omitempty"`

	Nothing bool `json:"-"` // matches nothing; written as false
}

// MarshalJSON writes the schema, or false when it matches nothing.
func (s *Schema) MarshalJSON() ([]byte, error) {
	if s.Nothing {
		return []byte("false"), nil
	}
	type plain Schema
	return json.Marshal((*plain)(s))
}

// Types are the types of a value. A single one is written as a string.
type Types []string

// MarshalJSON writes "string" or ["string","null"].
func (t Types) MarshalJSON() ([]byte, error) {
	if len(t) == 1 {
		return json.Marshal(t[0])
	}
	return json.Marshal([]string(t))
}

// Property is one named field of an object.
type Property struct {
	Name   string
	Schema *Schema
}

// Properties are an object's fields in writing order.
type Properties []Property

// MarshalJSON writes an object.
func (p Properties) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, f := range p {
		if i > 0 {
			b.WriteByte(',')
		}
		name, err := json.Marshal(f.Name)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(f.Schema)
		if err != nil {
			return nil, err
		}
		b.Write(name)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// Null returns the schema with null added.
func (s *Schema) Null() *Schema {
	if s.Ref != "" || len(s.AnyOf) > 0 {
		return &Schema{AnyOf: []*Schema{s, {Type: Types{"null"}}}}
	}
	if len(s.Type) == 0 {
		return s // matches anything already
	}
	out := *s
	out.Type = append(append(Types(nil), s.Type...), "null")
	if s.Enum != nil {
		out.Enum = append(append([]any(nil), s.Enum...), nil)
	}
	return &out
}

// String returns the schema of a text.
func String() *Schema { return &Schema{Type: Types{"string"}} }

// Match returns the schema of a text that matches a regular expression.
func Match(pattern string) *Schema { return &Schema{Type: Types{"string"}, Pattern: pattern} }

// OneOf returns the schema of a text from a list.
func OneOf[T ~string](values ...T) *Schema {
	s := String()
	for _, v := range values {
		s.Enum = append(s.Enum, string(v))
	}
	return s
}

// Integer returns the schema of a 64-bit integer.
func Integer() *Schema { return &Schema{Type: Types{"integer"}, Format: "int64"} }

// Between bounds a number.
func (s *Schema) Between(least, most float64) *Schema {
	s.Minimum, s.Maximum = &least, &most
	return s
}

// AtLeast bounds a number from below.
func (s *Schema) AtLeast(least float64) *Schema {
	s.Minimum = &least
	return s
}

// Length bounds a text, in characters.
func (s *Schema) Length(least, most int) *Schema {
	s.MinLength, s.MaxLength = &least, &most
	return s
}

// Count bounds a list.
func (s *Schema) Count(least, most int) *Schema {
	s.MinItems = &least
	if most > 0 {
		s.MaxItems = &most
	}
	return s
}
