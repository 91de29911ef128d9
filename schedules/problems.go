package schedules

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

var idForm = regexp.MustCompile(IDForm)

// languageForm is the form of a BCP 47 tag, simplified to subtags of letters and digits.
var languageForm = regexp.MustCompile(`^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$`)

var labelForm = regexp.MustCompile(LabelForm)

// ValidID reports whether s has the IDForm.
func ValidID(s string) bool { return idForm.MatchString(s) }

// ValidLabel reports whether s may be a tag, a series or a person: letters and digits of any script, '.', '_' and '-'.
func ValidLabel(s string) bool { return labelForm.MatchString(s) }

// DefinitionError names the stored definition that makes an operation impossible: overlapping windows, an invalid rule
// or zone, a missing clock. Its message addresses the person who can correct the definition.
type DefinitionError struct{ Message string }

func (e *DefinitionError) Error() string { return e.Message }

func undefined(format string, args ...any) error {
	return &DefinitionError{Message: fmt.Sprintf(format, args...)}
}

// problems collects all faults of a definition, so that a scheduler sees them at once.
type problems struct {
	list []Problem
	at   string // prefix of the fields

	searched int  // occurrences that were searched for overlaps
	full     bool // they were too many, and the list says so
}

func (p *problems) add(field, format string, args ...any) {
	if len(p.list) == maxProblems {
		return
	}
	p.list = append(p.list, Problem{Field: p.at + field, Message: fmt.Sprintf(format, args...)})
}

// maxProblems bounds what one check lists: nobody reads more.
const maxProblems = 10_000

// fits reports whether a list is short enough to check. It adds a problem if it is not.
func (p *problems) fits(field string, n int) bool {
	if n > MaxList {
		p.add(field, "has %d entries: at most %d are taken", n, MaxList)
	}
	return n <= MaxList
}

func (p *problems) id(field, s string) {
	if !ValidID(s) {
		p.add(field, "%q must be 1 to 63 of a-z, 0-9, '.', '_' and '-', and begin with a letter or digit", s)
	}
}

func (p *problems) label(field, s string) {
	if !ValidLabel(s) {
		p.add(field,
			"%q must be 1 to 63 letters and digits of any script, '.', '_' and '-', and begin with a letter or digit", s)
	}
}

// orOf names the values of which one is right.
func orOf(values []string) string {
	last := len(values) - 1
	return strings.Join(values[:last], ", ") + " or " + values[last]
}

// line checks one line of text, which may be empty.
func (p *problems) line(field, s string) { p.text(field, s, MaxLine) }

// text checks the length of a text in characters.
func (p *problems) text(field, s string, most int) {
	if n := utf8.RuneCountInString(s); n > most {
		p.add(field, "is longer than %d characters: it has %d", most, n)
	}
}

func (p *problems) language(field, s string) {
	switch {
	case s == "":
		p.add(field, "is missing: use a language tag such as ko-KP, cmn-Hans or zxx (no language)")
	case !languageForm.MatchString(s):
		p.add(field, "%q is not a language tag such as ko-KP, cmn-Hans or zxx (no language)", s)
	}
}

func (p *problems) kind(field string, k Kind) {
	if !k.Known() {
		is := "is missing"
		if k != "" {
			is = fmt.Sprintf("%q is not a kind of segment", k)
		}
		p.add(field, "%s: use one of %s", is, strings.ReplaceAll(strings.Trim(fmt.Sprint(Kinds), "[]"), " ", ", "))
	}
}

// Problems lists the faults of a segment's editorial metadata. It does not check measured facts.
func (s Segment) Problems() []Problem {
	p := &problems{}
	p.id("id", s.ID)
	p.kind("kind", s.Kind)
	if strings.TrimSpace(s.Title) == "" {
		p.add("title", "is missing")
	}
	p.line("title", s.Title)
	p.line("voice", s.Voice)
	p.language("language", s.Language)
	if s.Series != "" {
		p.label("series", s.Series)
	}
	if s.Episode < 0 || s.Episode > MaxEpisode {
		p.add("episode", "must be from 1 to %d, or 0 for none", MaxEpisode)
	}
	if s.Episode > 0 && s.Series == "" {
		p.add("episode", "needs a series, of which it is the number")
	}
	if !p.fits("tags", len(s.Tags)) || !p.fits("persons", len(s.Persons)) ||
		s.Script != nil && !p.fits("script.passages", len(s.Script.Passages)) {
		return p.list
	}
	for i, t := range s.Tags {
		p.label(fmt.Sprintf("tags[%d]", i), t)
		if slices.Contains(s.Tags[:i], t) {
			p.add(fmt.Sprintf("tags[%d]", i), "%q is there twice", t)
		}
	}
	for i, id := range s.Persons {
		p.label(fmt.Sprintf("persons[%d]", i), id)
	}
	if s.Script != nil {
		p.id("script.id", s.Script.ID)
		if s.Script.Version < 1 {
			p.add("script.version", "must be 1 or more")
		}
		if len(s.Script.Passages) == 0 {
			p.add("script.passages", "must name the passages that the recording reads")
		}
		for i, n := range s.Script.Passages {
			if n < 1 {
				p.add(fmt.Sprintf("script.passages[%d]", i), "must be 1 or more")
			}
			if slices.Contains(s.Script.Passages[:i], n) {
				p.add(fmt.Sprintf("script.passages[%d]", i), "%d is there twice", n)
			}
		}
	}
	for _, c := range []struct{ field, id string }{{"intro", s.Intro}, {"back_announce", s.BackAnnounce}} {
		switch {
		case c.id == "":
		case c.id == s.ID:
			p.add(c.field, "must be another segment: none introduces or closes itself")
		default:
			p.id(c.field, c.id)
		}
	}
	if !s.ValidFrom.IsZero() && !s.ValidUntil.IsZero() && !s.ValidFrom.Before(s.ValidUntil.Time) {
		p.add("valid_until", "must be later than valid_from")
	}
	p.consent(&s)
	return p.list
}

// Problems lists the faults of a script.
func (s Script) Problems() []Problem {
	p := &problems{}
	p.id("id", s.ID)
	if len(s.Languages) == 0 {
		p.add("languages", "must name at least one language")
	}
	if !p.fits("languages", len(s.Languages)) || !p.fits("versions", len(s.Versions)) {
		return p.list
	}
	for i, l := range s.Languages {
		p.language(fmt.Sprintf("languages[%d]", i), l)
		if slices.Contains(s.Languages[:i], l) {
			p.add(fmt.Sprintf("languages[%d]", i), "%q is there twice", l)
		}
	}
	seen := map[int]bool{}
	for i, v := range s.Versions {
		at := fmt.Sprintf("versions[%d]", i)
		if v.Version < 1 {
			p.add(at+".version", "must be 1 or more")
		}
		if seen[v.Version] {
			p.add(at+".version", "%d is there twice", v.Version)
		}
		seen[v.Version] = true
		if len(v.Passages) == 0 {
			p.add(at+".passages", "must not be empty")
		}
		if !p.fits(at+".passages", len(v.Passages)) {
			continue
		}
		numbers := map[int]bool{}
		for k, passage := range v.Passages {
			field := fmt.Sprintf("%s.passages[%d]", at, k)
			if passage.Number < 1 {
				p.add(field+".number", "must be 1 or more")
			}
			if numbers[passage.Number] {
				p.add(field+".number", "%d is there twice", passage.Number)
			}
			numbers[passage.Number] = true
			for _, language := range sortedKeys(passage.Text) {
				if !slices.Contains(s.Languages, language) {
					p.add(field+".text", "%q is not among the script's languages", language)
				}
				p.text(field+".text["+language+"]", passage.Text[language], MaxPassage)
			}
		}
	}
	return p.list
}

// Problems lists the faults of a campaign.
func (c Campaign) Problems() []Problem {
	p := &problems{}
	p.id("id", c.ID)
	p.line("title", c.Title)
	p.selector("of", &c.Of)
	if !p.fits("stations", len(c.Stations)) || !p.fits("dayparts", len(c.Dayparts)) {
		return p.list
	}
	for i, s := range c.Stations {
		p.id(fmt.Sprintf("stations[%d]", i), s)
	}
	if !c.From.IsZero() && !c.Until.IsZero() && !c.From.Before(c.Until.Time) {
		p.add("until", "must be later than from")
	}
	if c.AtLeast < 0 {
		p.add("at_least", "must not be negative")
	}
	if c.AtLeast == 0 && len(c.Dayparts) == 0 && c.Until.IsZero() {
		p.add("at_least", "must be 1 or more, unless dayparts or until are given")
	}
	for i, part := range c.Dayparts {
		p.daypart(fmt.Sprintf("dayparts[%d]", i), part.Daypart)
		if part.AtLeast < 1 {
			p.add(fmt.Sprintf("dayparts[%d].at_least", i), "must be 1 or more")
		}
	}
	return p.list
}

func (p *problems) daypart(field string, d Daypart) {
	if d.From < 0 || d.From > 24*60-1 {
		p.add(field+".from", "must be a time of day from 00:00 to 23:59")
	}
	if d.Until < 0 || d.Until > 24*60 {
		p.add(field+".until", "must be a time of day from 00:00 to 24:00")
	}
}
