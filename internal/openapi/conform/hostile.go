package conform

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Hostile is a body that costs much if nothing bounds it.
type Hostile struct {
	Body []byte
	How  string
	Over bool // it is beyond a bound that the schema or the document states
}

// The bounds that the document states in words.
const (
	depthBound = 32
	valueBound = 100_000
)

// Hostile makes a body for a schema whose bodies may have so many bytes: deep, wide, long or repeated, somewhere in it.
func (g *Generator) Hostile(schema map[string]any, most int) Hostile {
	sizes := []int{1000, 30_000, 300_000, most - 1000, most + 1}
	size := max(100, Pick(g, sizes))
	whole := func(how, body string, over bool) Hostile {
		return Hostile{[]byte(body), fmt.Sprintf("%s, %d bytes", how, len(body)), over || len(body) > most}
	}
	filled := func(s string) string { return strings.Repeat(s, max(1, size/len(s))) }
	switch g.Int(10) {
	case 0:
		opening := Pick(g, []string{"[", `{"a":`, `[{"":`, "- ", "{a: ", "? ", "!!a ", "&a ", "[a]: "})
		return whole("the opening "+opening, filled(opening), true)
	case 1:
		n := size / 2
		return whole("closed lists", strings.Repeat("[", n)+strings.Repeat("]", n), true)
	case 2:
		entry := Pick(g, []string{"0,", "{},", "[],", `"",`, "null,", "1e9,", `{"id":0},`})
		return whole("a list of "+entry, "["+strings.TrimSuffix(filled(entry), ",")+"]", true)
	case 3:
		name := Pick(g, []string{`"a":0,`, `"\u0061":{},`, `"":[],`})
		return whole("the repeated member "+name, "{"+strings.TrimSuffix(filled(name), ",")+"}", true)
	case 4:
		var b strings.Builder
		for i := 0; b.Len() < size; i++ {
			fmt.Fprintf(&b, `,"k%d":%d`, i, i)
		}
		return whole("many members", "{"+b.String()[1:]+"}", true)
	case 5:
		line := Pick(g, []string{"k: a\n", "- a\n", "a:\n", "#\n", "---\n", "a: |\n b\n", "\n", "%a\n", "a: b: \n",
			"\"\"", "''", "|", "\t"})
		return whole("the lines "+line, filled(line), false)
	}
	v := g.Value(schema, "")
	spot := g.spot(v, schema, nil)
	if spot == nil {
		return whole("a text", `"`+filled(Pick(g, []string{"x", "\u20ac", `\u0000`}))+`"`, true)
	}
	how, over := spot(g, size)
	b, err := json.Marshal(v)
	if err != nil {
		return whole("nothing", "{}", false)
	}
	values := bytes.Count(b, []byte(","))
	return Hostile{b, fmt.Sprintf("%s, %d bytes", how, len(b)), over || len(b) > most && values > valueBound}
}

// spoiler makes one value within a body hostile, and says how, and whether a bound forbids it.
type spoiler func(g *Generator, size int) (how string, over bool)

// spot returns a spoiler for a value somewhere within v; nil if there is none.
func (g *Generator) spot(v any, schema map[string]any, found []spoiler) spoiler {
	g.spots(v, schema, "", nil, &found)
	if len(found) == 0 {
		return nil
	}
	return Pick(g, found)
}

func (g *Generator) spots(v any, schema map[string]any, name string, set func(any), found *[]spoiler) {
	s := g.contract.Resolve(schema)
	switch v := v.(type) {
	case map[string]any:
		properties, _ := s["properties"].(map[string]any)
		for _, key := range slices.Sorted(maps.Keys(properties)) {
			inner := properties[key].(map[string]any)
			if _, there := v[key]; !there {
				v[key] = g.Value(inner, key)
			}
			g.spots(v[key], inner, key, func(x any) { v[key] = x }, found)
		}
		if more, ok := s["additionalProperties"].(map[string]any); ok && set != nil {
			*found = append(*found, func(g *Generator, size int) (string, bool) {
				many := map[string]any{}
				one := g.number(more, "integer")
				if slices.Contains(types(more), "string") {
					one = "x"
				}
				for i := range size / 20 {
					many[fmt.Sprintf("en-x-a%d", i)] = one
				}
				most, bounded := bound(s, "maxProperties")
				set(many)
				return fmt.Sprintf("%s with %d members", name, len(many)), bounded && len(many) > int(most)
			})
		}
	case []any:
		if set == nil {
			return
		}
		items, _ := s["items"].(map[string]any)
		for i := range v {
			g.spots(v[i], items, name, func(x any) { v[i] = x }, found)
		}
		*found = append(*found, g.widened(s, items, name, set))
	case string:
		if set != nil {
			*found = append(*found, g.lengthened(s, name, set))
		}
	case int64, float64:
		if set != nil {
			*found = append(*found, func(g *Generator, size int) (string, bool) {
				set(json.Number(Pick(g, []string{"1e99999", "-1e-99999", strings.Repeat("9", size),
					"0." + strings.Repeat("1", size)})))
				return "the number " + name, false
			})
		}
	}
}

func (g *Generator) widened(s, items map[string]any, name string, set func(any)) spoiler {
	return func(g *Generator, size int) (string, bool) {
		one := g.Value(items, name)
		entry := Pick(g, []any{0, one, nil, map[string]any{}, []any{}})
		b, _ := json.Marshal(entry)
		n := min(size/(len(b)+1), 2_000_000)
		set(slices.Repeat([]any{entry}, n))
		most, bounded := bound(s, "maxItems")
		return fmt.Sprintf("%s with %d times %.40s", name, n, b), bounded && n > int(most)
	}
}

// rules are recurrences of many starts.
var rules = []string{
	"FREQ=DAILY;BYHOUR=%[1]s;BYMINUTE=%[2]s;BYSECOND=%[2]s", "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYHOUR=%[1]s",
	"FREQ=DAILY;COUNT=100000;BYMINUTE=0,10,20", "FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYHOUR=%[1]s;BYMINUTE=0,5,10,15",
	"FREQ=YEARLY;BYWEEKNO=53;BYDAY=MO;BYMONTH=6", "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
	"FREQ=MONTHLY;BYMONTHDAY=31;INTERVAL=100000",
	"FREQ=DAILY;INTERVAL=1;BYHOUR=%[1]s;BYMINUTE=0,5,10,15,20,25,30,35,40,45,50,55",
	"FREQ=DAILY;BYSECOND=%[2]s;BYHOUR=0,0,0,0,0,0,0,0,0;UNTIL=99991231T235959",
}

func (g *Generator) lengthened(s map[string]any, name string, set func(any)) spoiler {
	return func(g *Generator, size int) (string, bool) {
		if name == "rrule" && g.Chance(0.8) {
			rule := Pick(g, rules)
			if strings.Contains(rule, "%") {
				rule = fmt.Sprintf(rule, numbersBelow(24), numbersBelow(60))
			}
			start := Pick(g, []string{"DTSTART:19700131T000000", "DTSTART:20260901T000000", "DTSTART:22001231T235959"})
			if g.Chance(0.2) {
				rule = strings.Repeat("RDATE:20260902T000000\n", size/25) + "RRULE:" + rule
			} else {
				rule = "RRULE:" + rule
			}
			set(start + "\n" + rule)
			return fmt.Sprintf("the rule %.60s", rule), strings.Contains(rule, "BYMINUTE=0,1,2") &&
				strings.Contains(rule, "BYSECOND=0,1")
		}
		letter := Pick(g, []string{"x", "\u20ac", "\u0301", " ", "\u0000", "\n", "\u202e", "a,", "[", "{", "=;", "0"})
		n := max(1, size/len(letter))
		set(strings.Repeat(letter, n))
		most, bounded := bound(s, "maxLength")
		blank := letter == " " || letter == "\n" || letter == "\u0301" // its stored form may be short
		return fmt.Sprintf("%s with %d times %q", name, n, letter), bounded && !blank && n > int(most)
	}
}

// numbersBelow lists the numbers from 0.
func numbersBelow(n int) string {
	out := make([]string, n)
	for i := range out {
		out[i] = strconv.Itoa(i)
	}
	return strings.Join(out, ",")
}
