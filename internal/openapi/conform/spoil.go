package conform

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// Spoiled is a value that a schema does not allow, and the field that is to blame, by the contract's path.
type Spoiled struct {
	Value any
	Field string
	How   string
}

// Spoil changes one thing of a value that the schema allows, so that it does not any more. The value itself stays. It
// answers false where nothing could be spoiled.
func (g *Generator) Spoil(schema map[string]any, value any) (Spoiled, bool) {
	var all []Spoiled
	g.spoils(schema, value, "", func(s Spoiled) { all = append(all, s) })
	if len(all) == 0 {
		return Spoiled{}, false
	}
	return Pick(g, all), true
}

// spoils yields every way to spoil a value, whole, by its path.
func (g *Generator) spoils(schema map[string]any, value any, path string, yield func(Spoiled)) {
	s := g.contract.Resolve(schema)
	if forms, ok := s["anyOf"].([]any); ok {
		first := g.contract.Resolve(forms[0].(map[string]any))
		if last := forms[len(forms)-1].(map[string]any); last["type"] == "null" && value != nil {
			g.spoils(first, value, path, func(s Spoiled) {
				if s.Value != nil || s.Field != path {
					yield(s)
				}
			})
		}
		return
	}
	for _, bad := range g.wrong(s, value) {
		yield(Spoiled{bad.value, path, bad.how})
	}
	switch value := value.(type) {
	case []any:
		for i, v := range value {
			g.spoils(s["items"].(map[string]any), v, fmt.Sprintf("%s[%d]", path, i), func(inner Spoiled) {
				out := slices.Clone(value)
				out[i] = inner.Value
				yield(Spoiled{out, inner.Field, inner.How})
			})
		}
	case map[string]any:
		g.spoilObject(s, value, path, yield)
	}
}

func (g *Generator) spoilObject(s map[string]any, value map[string]any, path string, yield func(Spoiled)) {
	at := func(name string) string {
		if path == "" {
			return name
		}
		return path + "." + name
	}
	with := func(name string, v any) map[string]any {
		out := maps.Clone(value)
		out[name] = v
		return out
	}
	properties, _ := s["properties"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(value)) {
		v := value[name]
		if p, ok := properties[name].(map[string]any); ok {
			g.spoils(p, v, at(name), func(inner Spoiled) { yield(Spoiled{with(name, inner.Value), inner.Field, inner.How}) })
		}
	}
	if s["additionalProperties"] == false {
		yield(Spoiled{with("no_such_field", 1), at("no_such_field"), "a field that is not known"})
	}
	for _, name := range names(s["required"]) {
		out := maps.Clone(value)
		delete(out, name)
		yield(Spoiled{out, at(name), "a field that is missing"})
	}
}

type bad struct {
	value any
	how   string
}

// wrong are values in a place that its schema does not allow.
func (g *Generator) wrong(s map[string]any, value any) []bad {
	kinds := types(s)
	if len(kinds) == 0 {
		return nil
	}
	var out []bad
	for kind, v := range map[string]any{"null": nil, "boolean": true, "integer": 7, "number": 7.5, "string": "seven",
		"array": []any{true}, "object": map[string]any{"seven": true}} {
		fits := slices.Contains(kinds, kind) || kind == "integer" && slices.Contains(kinds, "number") || kind == "object" &&
			value == nil
		if !fits {
			out = append(out, bad{v, kind + " instead of " + kinds[0]})
		}
	}
	slices.SortFunc(out, func(a, b bad) int { return strings.Compare(a.how, b.how) })
	if value == nil {
		return out
	}
	if n, ok := bound(s, "minimum"); ok {
		out = append(out, bad{lower(n, kinds[0]), "below the least"})
	}
	if n, ok := bound(s, "maximum"); ok && n < 1<<53 {
		out = append(out, bad{n + 1, "above the most"})
	}
	if _, ok := s["enum"]; ok && kinds[0] == "string" {
		out = append(out, bad{"none of these", "not in the list"})
	}
	if p, ok := s["pattern"].(string); ok || s["format"] != nil && kinds[0] == "string" {
		out = append(out, bad{"!" + g.letters(3), "not like " + p})
	}
	if s["format"] == "date-time" {
		out = append(out, bad{"2023-02-30T00:00:00Z", "a day that does not exist"}, bad{"9999-12-31T23:59:59-23:00",
			"past the year 9999"})
	}
	if s["format"] == "date" {
		out = append(out, bad{"2023-02-30", "a day that does not exist"})
	}
	if n, ok := bound(s, "maxLength"); ok {
		out = append(out, bad{strings.Repeat("a", int(n)+1), "too long"})
	}
	if n, ok := bound(s, "minLength"); ok && n > 0 {
		out = append(out, bad{"", "empty"})
	}
	list, isList := value.([]any)
	if n, ok := bound(s, "minItems"); ok && n > 0 && isList {
		out = append(out, bad{[]any{}, "too few"})
	}
	if n, ok := bound(s, "maxItems"); ok && isList && len(list) > 0 {
		many := make([]any, int(n)+1)
		for i := range many {
			many[i] = list[0]
		}
		out = append(out, bad{many, "too many"})
	}
	if s["uniqueItems"] == true && len(list) > 0 {
		out = append(out, bad{append(slices.Clone(list), list[0]), "one twice"})
	}
	return out
}

// lower is less than n. Of parts of one a whole step would be as good as any.
func lower(n float64, kind string) any {
	if kind == "integer" {
		return int64(math.Floor(n)) - 1
	}
	return n - 1
}
