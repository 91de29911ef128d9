package erasure

import (
	"encoding/base64"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"lifeline/internal/replica"
	"lifeline/internal/store"
	"lifeline/internal/text"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// Erased takes the place of a text.
const Erased = "(erased)"

// cleaner finds the texts of an erasure and removes them.
type cleaner struct {
	segments map[string]bool // ids: all texts of their items go
	texts    *regexp.Regexp  // nil: none
	instead  string
	label    string                 // instead, where only labels may stand
	member   string                 // id of the person who worked with the service
	subjects bool                   // what is cleaned is of that person: the subjects of identities go, too
	active   func(name string) bool // a person of that name works with the service
}

func newCleaner(m *replica.Replica, e replica.ErasureDoc) cleaner {
	c := cleaner{segments: map[string]bool{}, instead: Erased, label: "erased", active: m.Active}
	for _, s := range e.Segments {
		c.segments[s.ID] = true
	}
	if e.Member != "" {
		c.instead, c.label, c.member = memberName(e.Member), "erased-"+e.Member, e.Member
	}
	var forms []string
	for _, t := range e.Texts {
		for _, form := range []string{norm.NFC.String(t), norm.NFD.String(t)} {
			words := strings.Fields(form)
			for i := range words {
				words[i] = regexp.QuoteMeta(words[i])
			}
			if len(words) > 0 {
				forms = append(forms, strings.Join(words, `\s+`))
			}
		}
	}
	if len(forms) > 0 {
		c.texts = regexp.MustCompile(`(?i)` + strings.Join(forms, "|"))
	}
	return c
}

// memberName is the name of a person who worked with the service, after the erasure. It tells persons apart.
func memberName(id string) string { return "erased " + id }

// free are the members of documents that hold free text and names of persons. Nothing else is ever replaced: ids,
// dates, languages, time zones, hashes and states mean something to programs.
var free = map[string]bool{"title": true, "voice": true, "name": true, "other_names": true, "person": true,
	"reason": true, "message": true, "detail": true, "description": true, "reference": true, "why": true,
	"problem": true, "problems": true, "disabled_because": true, "error": true, "filename": true,
	"relativePath": true}

// labels are the members that hold words by which segments are chosen. They are replaced wherever they stand, so that
// clocks, rules and campaigns choose as before.
var labels = map[string]bool{"persons": true, "former_persons": true, "series": true, "tags": true, "tag": true}

// people are the members that hold the name of a person who works with the service.
var people = map[string]bool{"by": true, "asked_by": true, "decided_by": true, "uploaded_by": true,
	"reinstated_by": true, "confirmed_by": true, "waived_by": true, "approved_by": true, "of_name": true, "by_name": true}

// clean returns a value without the texts if its member holds free text or labels: by its own name, or as the text of a
// script, whose members are languages. The name of somebody who is active stays where it tells who did something.
func (c cleaner) clean(within, member, value string) string {
	switch {
	case value == "":
	case member == "subject" && c.subjects:
		return c.instead
	case labels[member]:
		return c.replacedBy(c.label, value)
	case member == "metadata":
		return c.metadata(value)
	case people[member] && c.texts != nil && c.texts.MatchString(value) && c.active(value):
	case free[member], people[member], within == "text",
		member == "rule" && strings.Contains(value, " "): // the description of a rule, with its tags; others are codes
		return c.replaced(value)
	}
	return value
}

// metadata returns the metadata of an upload, as tus sends it, without the texts: names, each with a value in base64.
func (c cleaner) metadata(value string) string {
	pairs := strings.Split(value, ",")
	for i, pair := range pairs {
		name, coded, _ := strings.Cut(strings.TrimSpace(pair), " ")
		said, err := base64.StdEncoding.DecodeString(strings.TrimSpace(coded))
		if err != nil {
			continue
		}
		next := c.clean("", name, string(said))
		if json.Valid(said) { // meta, script, consent
			next = string(text.InStrings(said, c.clean))
		}
		if next != string(said) {
			pairs[i] = name + " " + base64.StdEncoding.EncodeToString([]byte(next))
		}
	}
	return strings.Join(pairs, ",")
}

// replaced returns a value without the texts.
func (c cleaner) replaced(value string) string { return c.replacedBy(c.instead, value) }

func (c cleaner) replacedBy(instead, value string) string {
	if c.texts == nil {
		return value
	}
	var out strings.Builder
	done := 0
	for at := 0; at < len(value); {
		found := c.texts.FindStringIndex(value[at:])
		if found == nil {
			break
		}
		from, to := at+found[0], at+found[1]
		if !apart(value, from, to) {
			_, size := utf8.DecodeRuneInString(value[from:])
			at = from + size
			continue
		}
		out.WriteString(value[done:from])
		out.WriteString(instead)
		done, at = to, to
	}
	if done == 0 {
		return value
	}
	out.WriteString(value[done:])
	return out.String()
}

// apart reports whether value[from:to] is whole words, in a script that writes spaces between words.
func apart(value string, from, to int) bool {
	first, _ := utf8.DecodeRuneInString(value[from:])
	last, _ := utf8.DecodeLastRuneInString(value[:to])
	before, _ := utf8.DecodeLastRuneInString(value[:from])
	after, _ := utf8.DecodeRuneInString(value[to:])
	return !(spaced(before) && spaced(first)) && !(spaced(last) && spaced(after))
}

func spaced(r rune) bool {
	return unicode.IsDigit(r) || unicode.IsOneOf([]*unicode.RangeTable{unicode.Latin, unicode.Cyrillic, unicode.Greek,
		unicode.Arabic, unicode.Hebrew, unicode.Mn}, r)
}

// items removes the texts of erased segments from the items of a queue, and reports whether there were any.
func (c cleaner) items(items []wire.QueueItem) (found bool) {
	for i := range items {
		if s := &items[i]; c.segments[s.SegmentID] && (s.Title != Erased || s.Voice != "") {
			s.Title, s.Voice, found = Erased, "", true
		}
	}
	return found
}

// rundown does the same for a rundown.
func (c cleaner) rundown(r *schedules.Rundown) (found bool) {
	for i := range r.Items {
		if s := &r.Items[i]; c.segments[s.SegmentID] && (s.Title != Erased || s.Voice != "") {
			s.Title, s.Voice, found = Erased, "", true
		}
	}
	return found
}

// change removes the texts from a change: all that it says of the fields of an erased segment, and texts elsewhere.
func (c cleaner) change(h store.Change) store.Change {
	was := h
	h.By, h.Reason = c.clean("", "by", h.By), c.clean("", "reason", h.Reason)
	switch {
	case h.Fields == "":
	case h.Kind == replica.KindSegment && c.segments[h.ID]:
		h.Fields = replica.OnlyDigest(h.Fields)
	case slices.Contains(ofAccess, h.Kind) && !(h.Kind == replica.KindPerson && h.ID == c.member):
	default:
		c.subjects = h.Kind == replica.KindPerson
		h.Fields = string(text.InStrings([]byte(h.Fields), c.fields()))
	}
	if h != was {
		h.Fields = replica.Unsalted(h.Fields)
	}
	return h
}

// fields returns clean for what a change says of fields: it names each one before its values.
func (c cleaner) fields() func(within, member, value string) string {
	kind, within, field := "", "", ""
	return func(outer, member, value string) string {
		switch member {
		case "kind":
			kind = value
			return value
		case "id":
			if outer == "" && kind == "named-person" { // somebody read which segments name this person
				return c.replaced(value)
			}
			return value
		case "field":
			names := strings.Split(value, ".")
			for len(names) > 1 && strings.Trim(names[len(names)-1], "0123456789") == "" { // the place in a list
				names = names[:len(names)-1]
			}
			within, field = "", lastName(names)
			if len(names) > 1 {
				within = lastName(names[:len(names)-1])
			}
			return value
		case "before", "after":
			return c.told(within, field, value)
		}
		if outer == "before" || outer == "after" {
			outer = field
		}
		return c.clean(outer, member, value)
	}
}

// told returns what a change says of the value of a field without the texts. Of a list or an object it says the JSON,
// which may be cut: nothing reads that, so that all of it is searched.
func (c cleaner) told(within, field, value string) string {
	switch {
	case !strings.HasPrefix(value, "[") && !strings.HasPrefix(value, "{"):
		return c.clean(within, field, value)
	case !json.Valid([]byte(value)):
		return c.replaced(value)
	}
	return string(text.InStrings([]byte(value), func(outer, member, value string) string {
		if member == "" {
			outer, member = within, field
		} else if outer == "" {
			outer = field
		}
		return c.clean(outer, member, value)
	}))
}

// lastName returns the last name of a path, without an index.
func lastName(names []string) string {
	name, _, _ := strings.Cut(names[len(names)-1], "[")
	return name
}
