package commands

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"lifeline/internal/wire"
)

// toldField says how a field changed.
func toldField(f wire.FieldChange) string {
	if f.Hidden {
		return fieldInWords(f.Field) + ": changed, and not shown"
	}
	return fmt.Sprintf("%s: %s -> %s", fieldInWords(f.Field), fieldValue(f.Field, f.Before), fieldValue(f.Field, f.After))
}

// fieldInWords returns the name of a field in words: "windows 1, length" for windows.0.length_ms.
func fieldInWords(field string) string {
	var out []string
	for part := range strings.SplitSeq(field, ".") {
		if n, err := strconv.Atoi(part); err == nil && len(out) > 0 {
			out[len(out)-1] += " " + strconv.Itoa(n+1)
			continue
		}
		out = append(out, inWords(part))
	}
	return oneLine(strings.Join(out, ", "))
}

func inWords(name string) string {
	return strings.ReplaceAll(strings.TrimSuffix(name, "_ms"), "_", " ")
}

// ofTexts are the fields whose values are texts of people, whatever they look like.
var ofTexts = []string{"title", "voice", "series", "name", "reference", "message"}

// fieldValue returns a value of a field in words.
func fieldValue(field, value string) string {
	name := field[strings.LastIndexByte(field, '.')+1:]
	if value == "" || slices.Contains(ofTexts, name) {
		return valueIn(name, value)
	}
	var v any
	d := json.NewDecoder(strings.NewReader(value))
	d.UseNumber()
	if d.Decode(&v) != nil || d.More() {
		return valueIn(name, value)
	}
	return valueIn(name, v)
}

// valueIn returns a JSON value of that name in words.
func valueIn(name string, v any) string {
	switch v := v.(type) {
	case nil:
		return "none"
	case bool:
		if v {
			return "yes"
		}
		return "no"
	case json.Number:
		if ms, err := v.Int64(); err == nil && strings.HasSuffix(name, "_ms") {
			return (time.Duration(ms) * time.Millisecond).String()
		}
		return v.String()
	case string:
		if v == "" {
			return "none"
		}
		if slices.Contains(ofTexts, name) {
			return strconv.Quote(v)
		}
		return oneLine(v)
	case []any:
		between := ", "
		var out []string
		for _, one := range v {
			if _, parts := one.(map[string]any); parts {
				between = "; "
			}
			out = append(out, valueIn(name, one))
		}
		if len(out) == 0 {
			return "none"
		}
		return strings.Join(out, between)
	case map[string]any:
		return partsIn(v)
	}
	return fmt.Sprint(v)
}

// partsIn returns an object in words: of an item what airs when, of others all members.
func partsIn(v map[string]any) string {
	members := slices.Sorted(maps.Keys(v))
	if v["segment_id"] != nil && v["start_at"] != nil {
		return fmt.Sprintf("%v %v %s", v["start_at"], v["segment_id"], valueIn("title", v["title"]))
	}
	var out []string
	for _, name := range members {
		value := valueIn(name, v[name])
		if _, parts := v[name].(map[string]any); parts {
			value = "(" + value + ")"
		}
		out = append(out, inWords(name)+" "+value)
	}
	if len(out) == 0 {
		return "none"
	}
	return strings.Join(out, ", ")
}
