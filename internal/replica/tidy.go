package replica

import (
	"maps"
	"slices"

	"lifeline/internal/bcp47"
	"lifeline/internal/text"
	"lifeline/schedules"
)

// Reading a document normalises its texts, so that documents from before texts were normalised compare equal
// to new ones: composed letters (NFC), single spaces, canonical language tags. Titles and names of stations are never
// compared and stay as they were stored.

// Tidied returns a decoder that brings a document's texts into their compared form.
func Tidied[T any](tidy func(*T)) func([]byte) (T, error) {
	return func(body []byte) (T, error) {
		v, err := Parse[T](body)
		tidy(&v)
		return v, err
	}
}

func tidySegment(s *schedules.Segment) {
	s.Voice, s.Language = text.Clean(s.Voice), bcp47.Kept(s.Language)
	s.Series = cleanLabel(s.Series)
	s.Tags, s.Persons = distinct(s.Tags, cleanLabel), distinct(s.Persons, cleanLabel)
	s.FormerPersons = distinct(s.FormerPersons, cleanLabel)
	s.UploadedBy, s.ReinstatedBy = text.Clean(s.UploadedBy), text.Clean(s.ReinstatedBy)
}

func tidyStation(s *schedules.Station) {
	s.Languages = distinct(s.Languages, bcp47.Kept)
	for i := range s.Windows {
		s.Windows[i].Languages = distinct(s.Windows[i].Languages, bcp47.Kept)
	}
	for i := range s.Exceptions {
		s.Exceptions[i].Languages = distinct(s.Exceptions[i].Languages, bcp47.Kept)
	}
}

func tidyClock(c *schedules.Clock) {
	for i := range c.Positions {
		tidySelector(c.Positions[i].Pick)
		tidySelector(c.Positions[i].Fill)
	}
	for i := range c.Rules {
		tidySelector(c.Rules[i].Only)
		tidyMatch(c.Rules[i].Of)
		tidyMatch(c.Rules[i].After)
	}
}

func tidyScript(s *schedules.Script) {
	s.Languages = distinct(s.Languages, bcp47.Kept)
	for _, v := range s.Versions {
		for _, p := range v.Passages {
			for _, language := range slices.Collect(maps.Keys(p.Text)) {
				if kept := bcp47.Kept(language); kept != language {
					p.Text[kept] = p.Text[language]
					delete(p.Text, language)
				}
			}
		}
	}
}

func tidyCampaign(c *schedules.Campaign) {
	tidySelector(&c.Of)
}

func tidySelector(s *schedules.Selector) {
	if s == nil {
		return
	}
	s.Voice, s.Series = text.Clean(s.Voice), cleanLabel(s.Series)
	s.Tags = distinct(s.Tags, cleanLabel)
	if s.Language != "" {
		s.Language = bcp47.Kept(s.Language)
	}
}

func tidyMatch(o schedules.Of) {
	for name, value := range o.Match {
		switch name {
		case "tag", "series":
			o.Match[name] = cleanLabel(value)
		case "language":
			o.Match[name] = bcp47.Kept(value)
		case "voice":
			o.Match[name] = text.Clean(value)
		}
	}
}

func cleanLabel(s string) string {
	label, err := text.Label(text.Clean(s))
	if err != nil {
		return s
	}
	return label
}

// distinct brings a list into its compared form and removes duplicates.
func distinct(list []string, form func(string) string) []string {
	for i, v := range list {
		list[i] = form(v)
	}
	for i := range list {
		if slices.Contains(list[:i], list[i]) {
			kept := list[:0:0]
			for _, v := range list {
				if !slices.Contains(kept, v) {
					kept = append(kept, v)
				}
			}
			return kept
		}
	}
	return list
}
