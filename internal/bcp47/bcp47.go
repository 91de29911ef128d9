// Package bcp47 converts language tags (BCP 47) to a canonical form for comparison.
package bcp47

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
)

// deprecated replaces obsolete subtags; no others are replaced: "cmn" stays "cmn".
const deprecated = language.DeprecatedBase | language.DeprecatedScript | language.DeprecatedRegion

// Canonical returns a tag in canonical case with its shortest language code, such as "ko-KP" for "KOR_kp". It fails for
// a tag without a registered language; the error gives the tag if the input is the name of a language.
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

// Kept returns the canonical form of a stored tag. An invalid tag stays unchanged.
func Kept(tag string) string {
	if canonical, err := Canonical(tag); err == nil {
		return canonical
	}
	return tag
}

func regional(tag string) string {
	if tag == "ko" { // of its two regions, the one that the likely-region tables do not give
		return "ko-KP"
	}
	parsed := language.Make(tag)
	region, _ := parsed.Region()
	return tag + "-" + region.String()
}

// byName maps names of languages, in English and in the language itself, in lower case, to tags.
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
