package httpapi

import (
	"fmt"
	"maps"
	"net/url"
	"reflect"
	"slices"
	"unicode/utf8"

	"lifeline/internal/bcp47"
	"lifeline/internal/fault"
	"lifeline/internal/openapi"
	"lifeline/internal/text"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// textForm converts a text from outside to the form in which it is stored and compared, or fails with what is wrong.
type textForm func(string) (string, error)

// textForms are the forms of texts that are not a single line, by type and field.
var textForms = map[reflect.Type]map[string]textForm{
	reflect.TypeFor[wire.SegmentMeta](): {"language": aTag, "tags": text.Label, "series": text.Label,
		"persons": text.Label},
	reflect.TypeFor[schedules.Selector]():   {"language": aTag, "tags": text.Label, "series": text.Label},
	reflect.TypeFor[schedules.Station]():    {"languages": aTag},
	reflect.TypeFor[schedules.Window]():     {"languages": aTag},
	reflect.TypeFor[schedules.Exception]():  {"languages": aTag},
	reflect.TypeFor[schedules.Script]():     {"languages": aTag},
	reflect.TypeFor[wire.Member]():          {"languages": aTag},
	reflect.TypeFor[schedules.Recurrence](): {"rrule": text.Lines},
	reflect.TypeFor[schedules.Passage]():    {"text": text.Lines},
	reflect.TypeFor[schedules.AsRun]():      {"detail": checkedAlone},
	reflect.TypeFor[wire.Status]():          {"problems": text.Said},
	reflect.TypeFor[wire.Envelope]():        {"payload": checkedAlone},
}

// checkedAlone leaves a text as it is, for lists whose entries are validated one by one, so that one entry does not
// fail the others.
func checkedAlone(s string) (string, error) { return s, nil }

// aTag is the form of a language tag; empty stays empty.
func aTag(s string) (string, error) {
	line, err := text.Line(s)
	if err != nil || line == "" {
		return line, err
	}
	return bcp47.Canonical(line)
}

// textRule is the rule for the texts of a field.
type textRule struct {
	form textForm
	most int      // characters
	keys textForm // of texts by name

	entries int // of a list or map
}

// plainTexts is the default rule.
var plainTexts = textRule{form: text.Line, most: schedules.MaxLine, keys: text.Line,
	entries: schedules.MaxList}

// textsOf returns the rule for a field of the struct t.
func textsOf(t reflect.Type, f openapi.JSONField) textRule {
	out := plainTexts
	if own := openapi.FieldOf(textForms, t, f); own != nil {
		out.form = own
	}
	if b := openapi.FieldOf(fields, t, f).Bounds; b != nil {
		if b.Additional != nil {
			b, out.keys = b.Additional, aTag // texts by language
		}
		if b.MaxLength != nil {
			out.most = *b.MaxLength
		}
		if b.MaxItems != nil {
			out.entries = *b.MaxItems
		}
	}
	return out
}

func (r textRule) apply(s string) (string, error) {
	if n := utf8.RuneCountInString(s); n > foldable*r.most { // no form makes it short enough
		return fault.Cut(s, r.most), r.tooLong(n)
	}
	kept, err := r.form(s)
	if n := utf8.RuneCountInString(kept); err == nil && n > r.most {
		return fault.Cut(kept, r.most), r.tooLong(n)
	}
	return kept, err
}

// foldable is how many times longer than its stored form a text may be, by its white space and by marks that compose.
const foldable = 4

func (r textRule) tooLong(n int) error {
	return fmt.Errorf("is longer than %d characters: it has %d", r.most, n)
}

// fits checks the number of entries of a list or map.
func (r textRule) fits(n int) error {
	if n > r.entries {
		return fmt.Errorf("has %d entries: at most %d are taken", n, r.entries)
	}
	return nil
}

// of returns the rule for the values that rules of clocks and campaigns count.
func (r textRule) of(o *schedules.Of) (err error) {
	if o.Each, err = r.apply(o.Each); err != nil {
		return err
	}
	for name, value := range o.Match {
		own := r
		switch name {
		case "tag", "series":
			own.form = text.Label
		case "language":
			own.form = aTag
		}
		if o.Match[name], err = own.apply(value); err != nil {
			return fmt.Errorf("%s %w", name, err)
		}
	}
	return nil
}

// asked parses the query of an address as far as possible, with texts in their stored form, and fails with the texts
// that are not UTF-8. A text that cannot be stored matches nothing: it is left as it is.
func asked(raw string) (url.Values, error) {
	q, err := url.ParseQuery(raw)
	if err != nil {
		return q, fault.Wrap(fault.Invalid, err, "the query of the address is invalid: %v", err)
	}
	var wrong []fault.Field
	for _, name := range slices.Sorted(maps.Keys(q)) {
		values := q[name]
		for i, v := range values {
			if err := text.Encoded([]byte(v)); err != nil {
				wrong = append(wrong, fault.Field{Field: text.Clean(name), Message: err.Error()})
			} else if kept, err := text.Line(v); err == nil {
				values[i] = kept
			}
		}
	}
	return q, fault.Fields(wrong...)
}
