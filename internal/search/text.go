// Package search finds things by words and by exact values, in memory. An Index holds only which thing has which term;
// its owner stores the things themselves.
//
// Text is folded first: compatibility forms, widths and cases of letters become equal (NFKC and Unicode case folding).
// Text with spaces is split into words of letters, digits and their marks, and found by prefixes of words. Text without
// spaces (Han, kana, Hangul with its endings, Thai and similar scripts) is split into unbroken runs, and found by any
// part of a run; the Index holds the pairs of neighbouring letters.
package search

import (
	"iter"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Words returns the terms by which a text is found, possibly with repetitions.
func Words(text string) []string {
	out := make([]string, 0, 16)
	for r := range runs(fold(text)) {
		if !r.unbroken {
			out = append(out, r.text)
			continue
		}
		for pair := range pairs(r.text) {
			out = append(out, pair)
		}
		_, last := utf8.DecodeLastRuneInString(r.text)
		out = append(out, r.text[len(r.text)-last:]) // so that every letter begins a term
	}
	return out
}

// Wanted is a parsed query; a match satisfies all of it.
type Wanted struct {
	Whole    []string // prefixes of terms
	Prefixes []string // parts of unbroken runs, of which Whole has only the pairs; see In
	Parts    []string // the query has text, but no searchable letters
	Nothing  bool     // the query has text, but nothing in it that can be found
}

// Parse parses a query.
func Parse(query string) Wanted {
	var w Wanted
	for r := range runs(fold(query)) {
		n := utf8.RuneCountInString(r.text)
		if !r.unbroken || n == 1 {
			w.Prefixes = append(w.Prefixes, r.text)
			continue
		}
		for pair := range pairs(r.text) {
			w.Whole = append(w.Whole, pair)
		}
		if n > 2 {
			w.Parts = append(w.Parts, r.text)
		}
	}
	w.Nothing = len(w.Whole)+len(w.Prefixes) == 0 && strings.TrimSpace(query) != ""
	return w
}

// In reports whether a text that has all terms contains the parts, whose pairs alone do not prove their order.
func (w Wanted) In(text string) bool {
	folded := fold(text)
	return !slices.ContainsFunc(w.Parts, func(p string) bool { return !strings.Contains(folded, p) })
}

func fold(s string) string {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			composed := norm.NFKC.String(s)
			if folded := cases.Fold().String(composed); folded != composed {
				return norm.NFKC.String(folded)
			}
			return composed
		}
	}
	return strings.ToLower(s)
}

// run is a word, or a run of text without spaces.
type run struct {
	text     string
	unbroken bool
}

func runs(folded string) iter.Seq[run] {
	return func(yield func(run) bool) {
		start, now := 0, outside
		for i, r := range folded {
			next := kindOf(r, now)
			if next == now {
				continue
			}
			if now != outside && !yield(run{folded[start:i], now == unbroken}) {
				return
			}
			start, now = i, next
		}
		if now != outside {
			yield(run{folded[start:], now == unbroken})
		}
	}
}

type kind int

const (
	outside kind = iota
	word
	unbroken
)

// kindOf returns the kind of run that a letter belongs to. A mark belongs to the letter before it.
func kindOf(r rune, before kind) kind {
	switch {
	case r < utf8.RuneSelf:
		if 'a' <= r && r <= 'z' || '0' <= r && r <= '9' {
			return word
		}
		return outside
	case unicode.IsMark(r) && before != outside, r == 'ー' && before == unbroken:
		return before
	case !unicode.IsLetter(r) && !unicode.IsNumber(r):
		return outside
	case unicode.In(r, unbrokenScripts...):
		return unbroken
	}
	return word
}

var unbrokenScripts = []*unicode.RangeTable{unicode.Hangul, unicode.Han, unicode.Hiragana, unicode.Katakana,
	unicode.Bopomofo, unicode.Yi,
	unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar, unicode.Tibetan}

// pairs returns the pairs of neighbouring letters of a run.
func pairs(text string) iter.Seq[string] {
	return func(yield func(string) bool) {
		before := -1
		for i, r := range text {
			if before >= 0 && !yield(text[before:i+utf8.RuneLen(r)]) {
				return
			}
			before = i
		}
	}
}
