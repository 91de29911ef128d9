// Package bcp47 brings language tags (BCP 47) into the one form in which they are compared.
package bcp47

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
)

// deprecated replaces tags that are no longer used; nothing else that somebody wrote is replaced: "cmn" stays "cmn".
const deprecated = language.DeprecatedBase | language.DeprecatedScript | language.DeprecatedRegion

// Canonical is a tag with its cases and its shortest language, such as "ko-KP" for "KOR_kp". It fails, in words, for
// what is no tag of a language that is registered; where a language's name stands in its place, it says the tag.
func Canonical(tag string) (string, error) {
	parsed, err := deprecated.Parse(tag)
	if err == nil {
		return parsed.String(), nil
	}
	if named, ok := byName()[strings.ToLower(tag)]; ok {
		return tag, fmt.Errorf("%q is the name of a language: write its tag, %q, with a region where stations ask for one, "+
			"such as %q", tag, named, regional(named))
	}
	var unknown language.ValueError
	if errors.As(err, &unknown) {
		return tag, fmt.Errorf("%q is no language tag: %q in it is not registered. Write one such as ko-KP, cmn-Hans, en "+
			"or zxx (no language)", tag, unknown.Subtag())
	}
	return tag, fmt.Errorf("%q is not a language tag such as ko-KP, cmn-Hans, en or zxx (no language)", tag)
}

// Kept is the canonical form of a tag that is kept already; one that is no tag stays as it is.
func Kept(tag string) string {
	if canonical, err := Canonical(tag); err == nil {
		return canonical
	}
	return tag
}

func regional(tag string) string {
	if tag == "ko" { // of its two, the one that the likeliest-region tables do not give
		return "ko-KP"
	}
	parsed := language.Make(tag)
	region, _ := parsed.Region()
	return tag + "-" + region.String()
}

// byName are the tags of languages by their names in English and in themselves, in lower case.
var byName = sync.OnceValue(func() map[string]string {
	out := map[string]string{}
	for _, tag := range display.Supported.Tags() {
		base, _ := tag.Base()
		alone := language.Make(base.String())
		for _, name := range []string{display.English.Languages().Name(alone), display.Self.Name(alone)} {
			if name != "" {
				out[strings.ToLower(name)] = base.String()
			}
		}
	}
	return out
})
