package hfcc

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/text/language"
)

// tags converts a row's languages, which HFCC codes as ISO 639-3, to BCP 47 tags. It uses the station's own form of a
// language if there is one.
func tags(codes string, station []string) ([]string, error) {
	var out []string
	for code := range strings.FieldsFuncSeq(codes, func(r rune) bool { return strings.ContainsRune(" ,/+", r) }) {
		base, err := language.ParseBase(strings.ToLower(code))
		if err != nil || len(code) != 3 {
			return nil, fmt.Errorf("%q is not the code of a language", code)
		}
		tag := base.String()
		if n := slices.IndexFunc(station, func(s string) bool { return codeOf(s) == codeOf(tag) }); n >= 0 {
			tag = station[n]
		}
		if !slices.Contains(out, tag) {
			out = append(out, tag)
		}
	}
	if slices.Equal(out, station) {
		return nil, nil // like a window without languages of its own
	}
	return out, nil
}

// codeOf returns a tag's language as HFCC writes it, such as Kor, or "" for an invalid tag.
func codeOf(tag string) string {
	t, err := language.Raw.Parse(tag)
	if err != nil {
		return ""
	}
	base, _, _ := t.Raw()
	code := base.ISO3()
	return strings.ToUpper(code[:1]) + code[1:]
}

// codes returns as many of the tags' languages as fit into a column of that width.
func codes(tags []string, width int) string {
	var out []string
	for _, t := range tags {
		if c := codeOf(t); c != "" && !slices.Contains(out, c) && len(strings.Join(append(out, c), ",")) <= width {
			out = append(out, c)
		}
	}
	return strings.Join(out, ",")
}
