// Package search finds things by words and by exact values, in memory. An Index holds only which thing has which term;
// the things themselves are its owner's.
//
// Texts are folded first: compatibility forms, widths and cases of letters are one (NFKC and Unicode's case folding).
// What is written with spaces falls into words of letters, digits and their marks, and is found by how a word begins.
// What is written without (Han, kana, Hangul with its endings, Thai and their like) falls into unbroken runs, and is
// found by any part of one; the Index knows the pairs of neighbours in it.
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

// Words are the terms by which a text is found; some may be there twice.
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

// Wanted is what somebody looks for: all of it.
type Wanted struct {
	Whole    []string // terms
	Prefixes []string // beginnings of terms
	Parts    []string // of unbroken runs, of which Whole has the pairs only: see In
	Nothing  bool     // the query has text, but nothing in it that can be found
}

// Parse reads a query.
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

// In reports whether a text that has all terms has the pairs of each part one after the other.
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

// run is a word, or what stands without spaces.
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

// kindOf is what a letter is part of. Marks belong to what they stand on.
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

// pairs are the neighbouring letters of a run.
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
