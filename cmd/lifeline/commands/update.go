package commands

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"lifeline/internal/bcp47"
	"lifeline/internal/text"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// fieldChange is a field of a segment that differs from its table or sidecar.
type fieldChange struct {
	field         string
	before, after json.RawMessage
}

// String returns the change for people.
func (c fieldChange) String() string {
	return c.field + " " + valueText(c.before) + " -> " + valueText(c.after)
}

// valueText returns a JSON value for people: "(none)" for an empty one.
func valueText(v json.RawMessage) string {
	switch string(v) {
	case "null", `""`, "[]":
		return "(none)"
	}
	return string(v)
}

// differences returns the fields of a segment that differ from the entry. A guess from the file is no difference, and
// an empty cell of a table empties its field.
func differences(e entry, s schedules.Segment) ([]fieldChange, error) {
	is := wire.SegmentMetaOf(s)
	wanted := wire.SegmentMetaOf(s)
	b, err := json.Marshal(e.meta)
	if err != nil {
		return nil, err
	}
	var said map[string]json.RawMessage
	if err := json.Unmarshal(b, &said); err != nil {
		return nil, err
	}
	for _, field := range e.blank {
		if _, filled := said[field]; !filled && !slices.Contains([]string{"id", "kind", "title", "language"}, field) &&
			!strings.Contains(field, ".") {
			said[field] = json.RawMessage("null")
			e.said = append(e.said, field)
		}
	}
	if _, given := said["consent"]; !given && is.Consent != nil {
		kept, emptied, err := e.consentKept(is.Consent)
		if err != nil {
			return nil, err
		}
		if emptied {
			said["consent"] = kept
			e.said = append(e.said, "consent")
		}
	}
	for field := range said {
		if field == "id" || !slices.Contains(e.said, field) {
			delete(said, field)
		}
	}
	if said["script"] != nil {
		wanted.Script = nil
	}
	if said["consent"] != nil {
		wanted.Consent = nil
	}
	for field, empty := range map[string]func(){"voice": func() { wanted.Voice = "" },
		"series": func() { wanted.Series = "" }, "episode": func() { wanted.Episode = 0 },
		"intro": func() { wanted.Intro = "" }, "back_announce": func() { wanted.BackAnnounce = "" },
		"sensitive": func() { wanted.Sensitive = false }} {
		if string(said[field]) == "null" {
			empty()
		}
	}
	if b, err = json.Marshal(said); err != nil {
		return nil, err
	}
	strict := json.NewDecoder(bytes.NewReader(b))
	strict.DisallowUnknownFields()
	if err := strict.Decode(&wanted); err != nil {
		if name, unknown := strings.CutPrefix(err.Error(), "json: unknown field "); unknown {
			return nil, fmt.Errorf("%s is not a field known here", name)
		}
		return nil, fmt.Errorf("it cannot be compared with the segment that is there: %w", err)
	}
	inForm(&wanted)
	inForm(&is)
	var out []fieldChange
	fields := func(m wire.SegmentMeta) (f map[string]json.RawMessage) {
		if b, err = json.Marshal(m); err == nil {
			err = json.Unmarshal(b, &f)
		}
		return f
	}
	before, after := fields(is), fields(wanted)
	if err != nil {
		return nil, err
	}
	for field := range said {
		if !bytes.Equal(before[field], after[field]) {
			out = append(out, fieldChange{field, before[field], after[field]})
		}
	}
	slices.SortFunc(out, func(a, b fieldChange) int { return cmp.Compare(a.field, b.field) })
	return out, nil
}

// consentKept returns what a table that fills no cell of consent leaves of it, and reports whether that is less.
func (e entry) consentKept(is *schedules.Consent) (kept json.RawMessage, emptied bool, err error) {
	var members map[string]json.RawMessage
	b, err := json.Marshal(is)
	if err == nil {
		err = json.Unmarshal(b, &members)
	}
	if err != nil {
		return nil, false, err
	}
	for _, field := range e.blank {
		member, of := strings.CutPrefix(field, "consent.")
		if of && members[member] != nil && valueText(members[member]) != "(none)" {
			delete(members, member)
			emptied = true
		}
	}
	left := false
	for _, value := range members {
		left = left || valueText(value) != "(none)"
	}
	if !left {
		return json.RawMessage("null"), emptied, nil
	}
	kept, err = json.Marshal(members)
	return kept, emptied, err
}

// inForm converts metadata to the form in which the service stores it.
func inForm(m *wire.SegmentMeta) {
	m.Title, m.Voice, m.Series, m.Language = text.Clean(m.Title), text.Clean(m.Voice), label(m.Series),
		bcp47.Kept(m.Language)
	for _, list := range []*[]string{&m.Tags, &m.Persons} {
		if *list == nil {
			*list = []string{}
		}
		for i := range *list {
			(*list)[i] = label((*list)[i])
		}
	}
}

func label(s string) string {
	kept, err := text.Label(text.Clean(s))
	if err != nil {
		return s
	}
	return kept
}

// patchOf returns the merge patch that makes the changes.
func patchOf(fields []fieldChange) map[string]json.RawMessage {
	patch := map[string]json.RawMessage{}
	for _, f := range fields {
		patch[f.field] = f.after
		var before, after map[string]json.RawMessage
		if json.Unmarshal(f.before, &before) != nil || json.Unmarshal(f.after, &after) != nil || after == nil {
			continue
		}
		for member := range before { // a patch keeps the members that it does not name
			if _, stays := after[member]; !stays {
				after[member] = json.RawMessage("null")
			}
		}
		if whole, err := json.Marshal(after); err == nil {
			patch[f.field] = whole
		}
	}
	return patch
}

// changeLine returns the changes on one line.
func changeLine(changes []fieldChange) string {
	parts := make([]string, len(changes))
	for i, c := range changes {
		parts[i] = c.String()
	}
	return strings.Join(parts, "; ")
}
