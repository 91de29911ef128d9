package replica

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"lifeline/internal/store"
	"lifeline/internal/wire"
)

// HeldToAudit says in which of the fields that fsck holds against the audit (Kind.Audited) a document, in its latest
// version, differs from what the audit last said of it. history is all that the audit has of the document, in order.
// What programs that told no fields may have changed is not known, and nothing is said of it. chained: the store is one
// of which the audit lacks no entry.
func (k Kind) HeldToAudit(d store.Document, history []store.Change, chained bool) (differs []string) {
	if n := len(history); n == 0 || history[n-1].Revision < d.Revision {
		if chained {
			return []string{fmt.Sprintf("is at revision %d, of which the audit has no entry", d.Revision)}
		}
		return nil
	}
	said := sayings{whole: map[string]string{}, parts: map[string]map[int]string{}} // nothing is known yet
	for _, c := range history {
		said.hear(c)
	}
	is := Members(d.Body)
	for _, field := range slices.Concat(k.Audited, k.Claimed) {
		claims := slices.Contains(k.Audited, field) || is[field] != nil
		if was, differ := said.differ(field, is[field]); claims && differ {
			differs = append(differs, fmt.Sprintf("has %s %q, and the audit says %q", field, told(is[field],
				toldToDecide.value), was))
		}
	}
	return differs
}

// sayings are what the audit says of the fields of a document.
type sayings struct {
	known bool                      // of the fields that are not named: they are empty
	gone  bool                      // the document was deleted
	whole map[string]string         // by field
	parts map[string]map[int]string // of lists of which the audit named elements only
}

// hear takes what a change says.
func (s *sayings) hear(c store.Change) {
	var f auditFields
	if c.Fields != "" && json.Unmarshal([]byte(c.Fields), &f) != nil {
		return
	}
	cut := len(f.Fields) > toldInAudit.fields
	if fresh := c.Revision == 1 || s.gone; fresh || cut || len(f.Fields) == 0 && c.By != store.System {
		*s = sayings{known: fresh && !cut && len(f.Fields) > 0, whole: map[string]string{},
			parts: map[string]map[int]string{}}
	}
	s.gone = c.Deleted
	for _, field := range f.Fields {
		s.take(field)
	}
}

func (s *sayings) take(f wire.FieldChange) {
	top, element, isPart := strings.Cut(f.Field, ".")
	n, err := strconv.Atoi(element)
	if f.Hidden || isPart && err != nil {
		return
	}
	if !isPart {
		s.whole[top] = f.After
		delete(s.parts, top)
		return
	}
	if s.parts[top] == nil {
		s.parts[top] = map[int]string{}
	}
	s.parts[top][n] = f.After
}

// differ reports whether a field of a document is not what was said, and what that was.
func (s *sayings) differ(field string, is any) (was string, differ bool) {
	was, heard := s.whole[field]
	parts, list := s.parts[field], []any(nil)
	if !heard && len(parts) == 0 {
		return "", s.known && told(is, toldInAudit.value) != ""
	}
	if len(parts) == 0 {
		return was, told(is, toldInAudit.value) != was
	}
	if heard && json.Unmarshal([]byte(was), &list) == nil {
		for n, v := range parts {
			if n < len(list) {
				list[n] = v
			}
		}
		return told(list, toldToDecide.value), !reflect.DeepEqual(list, is)
	}
	elements, _ := is.([]any)
	for _, n := range slices.Sorted(maps.Keys(parts)) {
		if n >= len(elements) || told(elements[n], toldInAudit.value) != parts[n] {
			return parts[n], true
		}
	}
	return "", false
}
