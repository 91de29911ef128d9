package conform

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"
)

// Generator makes values of schemas: those that they allow, at their boundaries and between, and those that they do
// not. The same seed makes the same values.
type Generator struct {
	contract *Contract
	rand     *rand.Rand
	known    map[string][]any // values that mean something, by the name of the field or parameter
	matching map[string]*rapid.Generator[string]
}

// NewGenerator draws from known where a name is there, most of the time.
func NewGenerator(c *Contract, seed uint64, known map[string][]any) *Generator {
	return &Generator{c, rand.New(rand.NewPCG(seed, seed)), known, map[string]*rapid.Generator[string]{}}
}

// Chance is true so often, of one.
func (g *Generator) Chance(of float64) bool { return g.rand.Float64() < of }

// Int is less than n.
func (g *Generator) Int(n int) int { return g.rand.IntN(n) }

// Pick is one of a list.
func Pick[T any](g *Generator, list []T) T { return list[g.rand.IntN(len(list))] }

// maxDepth and maxLong bound what is made: boundaries beyond are tried one by one elsewhere.
const (
	maxDepth = 8
	maxLong  = 2000
)

// Value makes one that the schema allows.
func (g *Generator) Value(schema map[string]any, name string) any { return g.value(schema, name, 0) }

func (g *Generator) value(schema map[string]any, name string, depth int) any {
	s := g.contract.Resolve(schema)
	if forms, ok := s["anyOf"].([]any); ok {
		return g.value(Pick(g, forms).(map[string]any), name, depth)
	}
	if known := g.fitting(s, name); len(known) > 0 && g.Chance(0.8) {
		return Pick(g, known)
	}
	if enum, ok := s["enum"].([]any); ok {
		return Pick(g, enum)
	}
	switch kind := g.kind(s, depth); kind {
	case "null":
		return nil
	case "boolean":
		return g.Chance(0.5)
	case "integer", "number":
		return g.number(s, kind)
	case "string":
		return g.text(s)
	case "array":
		return g.list(s, name, depth)
	case "object":
		return g.object(s, depth)
	}
	return Pick(g, []any{nil, true, 1, "x"})
}

// fitting are the known values of a name that have a type of the schema: what is a number here may be a text elsewhere.
func (g *Generator) fitting(s map[string]any, name string) []any {
	kinds := types(s)
	return slices.DeleteFunc(slices.Clone(g.known[name]), func(v any) bool {
		kind := "integer"
		if _, text := v.(string); text {
			kind = "string"
		}
		return len(kinds) > 0 && !slices.Contains(kinds, kind)
	})
}

// kind is one of the types that a schema allows.
func (g *Generator) kind(s map[string]any, depth int) string {
	kinds := types(s)
	if len(kinds) == 0 {
		return ""
	}
	if len(kinds) > 1 && (depth > maxDepth || g.Chance(0.1)) {
		return kinds[len(kinds)-1] // null
	}
	return kinds[0]
}

func types(s map[string]any) []string {
	switch t := s["type"].(type) {
	case string:
		return []string{t}
	case []any:
		out := make([]string, len(t))
		for i := range t {
			out[i] = t[i].(string)
		}
		return out
	}
	return nil
}

// bound is a schema's number by that name.
func bound(s map[string]any, name string) (float64, bool) {
	switch n := s[name].(type) {
	case float64:
		return n, true
	case interface{ Float64() (float64, error) }: // json.Number
		f, err := n.Float64()
		return f, err == nil
	}
	return 0, false
}

// number is a bound, next to one, or anything between.
func (g *Generator) number(s map[string]any, kind string) any {
	least, bounded := bound(s, "minimum")
	if !bounded {
		least = -1 << 40
	}
	most, capped := bound(s, "maximum")
	if !capped {
		most = 1 << 53
	}
	most = min(most, 1<<53)
	var n float64
	switch g.Int(6) {
	case 0:
		n = least
	case 1:
		n = most
	case 2:
		n = min(least+1, most)
	case 3:
		n = max(most-1, least)
	case 4:
		n = least + g.rand.Float64()*(most-least)
	default:
		n = max(least, min(most, float64(g.Int(5000))))
	}
	if kind == "integer" {
		return int64(math.Round(n))
	}
	return n
}

func (g *Generator) text(s map[string]any) string {
	switch s["format"] {
	case "date-time":
		return g.instant()
	case "date":
		return time.Unix(g.rand.Int64N(4e9), 0).UTC().Format(time.DateOnly)
	}
	if p, ok := s["pattern"].(string); ok {
		if g.matching[p] == nil {
			g.matching[p] = rapid.StringMatching(p)
		}
		return g.matching[p].Example(int(g.rand.Int32()))
	}
	least, _ := bound(s, "minLength")
	most, capped := bound(s, "maxLength")
	if !capped {
		most = maxLong
	}
	n := Pick(g, []int{int(least), int(least) + 1, int(most), g.Int(40)})
	return g.letters(max(int(least), min(n, int(most))))
}

// letters are so many characters of many scripts, with what commonly breaks programs among them, but for the control
// and bidirectional characters that no text may have.
func (g *Generator) letters(n int) string {
	alphabet := []rune("abc XYZ019-_.'\"\\/<>&%{}\u200b평화의편지和平éß😀")
	var b strings.Builder
	for range n {
		b.WriteRune(Pick(g, alphabet))
	}
	return b.String()
}

func (g *Generator) instant() string {
	if g.Chance(0.1) {
		return Pick(g, []string{"1970-01-01T00:00:00Z", "9999-12-31T23:59:59.999Z", "2024-02-29T23:59:59.9999999+14:00",
			"2016-12-31T23:59:59-12:00"})
	}
	return time.Unix(g.rand.Int64N(4e9), g.rand.Int64N(1e9)).UTC().Format(time.RFC3339Nano)
}

func (g *Generator) list(s map[string]any, name string, depth int) any {
	least, _ := bound(s, "minItems")
	most, capped := bound(s, "maxItems")
	if !capped || most > 20 {
		most = 20
	}
	n := int(least) + Pick(g, []int{0, 1, 1, 2, 3})
	if depth > maxDepth {
		n = int(least)
	}
	out := []any{}
	for range min(n, int(most)) {
		v := g.value(s["items"].(map[string]any), name, depth+1)
		if s["uniqueItems"] == true && slices.ContainsFunc(out, func(o any) bool { return fmt.Sprint(o) == fmt.Sprint(v) }) {
			continue
		}
		out = append(out, v)
	}
	return out
}

func (g *Generator) object(s map[string]any, depth int) any {
	out := map[string]any{}
	properties, _ := s["properties"].(map[string]any)
	required := names(s["required"])
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		if slices.Contains(required, name) || depth < maxDepth && g.Chance(0.4) {
			out[name] = g.value(properties[name].(map[string]any), name, depth+1)
		}
	}
	if more, ok := s["additionalProperties"].(map[string]any); ok {
		for range g.Int(3) {
			out[g.letters(1+g.Int(6))] = g.value(more, "", depth+1)
		}
	}
	return out
}

func names(v any) []string {
	list, _ := v.([]any)
	out := make([]string, len(list))
	for i := range list {
		out[i] = list[i].(string)
	}
	return out
}
