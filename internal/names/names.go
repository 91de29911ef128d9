// Package names compares names of persons. Two persons must not have names that people take for one.
package names

import (
	"strings"
	"unicode"

	"github.com/mtibben/confusables"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Likeness is what is compared of a name: its skeletons (Unicode Technical Standard 39) as it is written, in lower case
// and in capitals, since letters that look alike in one case differ in another: I and l, or В and B.
type Likeness [3]string

// Of returns the likeness of a name. Compatible characters (NFKC), the case of letters, white space and characters that
// leave no mark make no difference.
func Of(name string) Likeness {
	name = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point,
			unicode.Variation_Selector) {
			return -1
		}
		return r
	}, norm.NFKC.String(name))
	fold := cases.Fold()
	seen := strings.ReplaceAll(confusables.Skeleton(name), "L", capitalL) // the skeleton of I is l, which L is not like
	return Likeness{strings.ReplaceAll(fold.String(seen), capitalL, "L"), confusables.Skeleton(fold.String(name)),
		confusables.Skeleton(strings.ToUpper(name))}
}

// capitalL stands for an L that keeps its case.
const capitalL = "\x00"

// Same reports whether the names of two likenesses are, or look like, one. Names of which nothing is left are not.
func (f Likeness) Same(g Likeness) bool {
	for i := range f {
		if f[i] != "" && f[i] == g[i] {
			return true
		}
	}
	return false
}

// Same reports whether two names are, or look like, one.
func Same(a, b string) bool { return a != "" && a == b || Of(a).Same(Of(b)) }
