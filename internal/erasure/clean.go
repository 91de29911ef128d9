package erasure

import (
	"regexp"
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
}

func newCleaner(e replica.ErasureDoc) cleaner {
	c := cleaner{segments: map[string]bool{}, instead: Erased}
	for _, s := range e.Segments {
		c.segments[s.ID] = true
	}
	if e.Member != "" {
		c.instead = memberName(e.Member)
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

// names are the members of documents that hold names of persons and texts, even where they have the form of an id.
var names = map[string]bool{"by": true, "asked_by": true, "decided_by": true, "uploaded_by": true,
	"reinstated_by": true, "confirmed_by": true, "waived_by": true, "name": true, "other_names": true, "persons": true,
	"person": true, "voice": true, "title": true, "reason": true, "message": true, "detail": true, "description": true}

// clean returns a value without the texts. A value with the form of an id refers to something, unless its member holds
// names.
func (c cleaner) clean(member, value string) string {
	if c.texts == nil || value == "" || schedules.ValidID(value) && !names[member] {
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
		out.WriteString(c.instead)
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
	h.By, h.Reason = c.clean("by", h.By), c.clean("reason", h.Reason)
	switch {
	case h.Fields == "":
	case h.Kind == replica.KindSegment && c.segments[h.ID]:
		h.Fields = ""
	default:
		h.Fields = string(text.InStrings([]byte(h.Fields), c.clean))
	}
	return h
}
