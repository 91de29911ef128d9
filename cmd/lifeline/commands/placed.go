package commands

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"lifeline/internal/cmdline"
	"lifeline/internal/fault"
)

// placed names the places of an error's fields by the ids that a document has there, such as station "seoul", window
// "dawn", clock. An element without an id stays a number.
func placed(err error, document []byte) error {
	var f *fault.Error
	var root map[string]any
	if !errors.As(err, &f) || cmdline.ReadYAML(document, &root) != nil {
		return err
	}
	for i := range f.Fields {
		place := placeIn(root, f.Fields[i].Field)
		f.Public = strings.Replace(f.Public, f.Fields[i].Field+" ", place+" ", 1)
		f.Fields[i].Field = place
	}
	return err
}

var element = regexp.MustCompile(`^([a-z_]+)\[([0-9]+)\]$`)

// placeIn returns a field of the contract with the ids of a document in place of indexes.
func placeIn(root map[string]any, field string) string {
	var at any = root
	var out []string
	rest := strings.Split(field, ".")
	for len(rest) > 0 {
		m := element.FindStringSubmatch(rest[0])
		within, ok := at.(map[string]any)
		if m == nil || !ok {
			break
		}
		list, _ := within[m[1]].([]any)
		n, err := strconv.Atoi(m[2])
		if err != nil || n >= len(list) {
			break
		}
		at = list[n]
		entry, _ := at.(map[string]any)
		id, ok := entry["id"].(string)
		if !ok || id == "" {
			break
		}
		out, rest = append(out, fmt.Sprintf("%s %q", strings.TrimSuffix(m[1], "s"), id)), rest[1:]
	}
	if len(rest) > 0 {
		out = append(out, strings.Join(rest, "."))
	}
	return strings.Join(out, ", ")
}
