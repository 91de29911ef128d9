// Package text normalises text from outside, so that it can be stored, compared and shown. Text that looks the same is
// stored as the same characters, and characters that would control a terminal, a playlist or the direction of writing
// are rejected.
package text

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Line returns the stored form of one line of text: composed (NFC), without white space at its ends, with one space for
// each run of white space inside, and without invisible marks. Characters that are drawn as white space are that, and a
// text of which nothing is drawn is empty. It fails, in words, for a line break and for every other
// character that Clean removes.
func Line(s string) (string, error) { return kept(s, false) }

// Lines does the same for several lines: line breaks become line feeds, and other white space is unchanged.
func Lines(s string) (string, error) { return kept(s, true) }

// Said does the same as Line for text of a program, in which line breaks are white space.
func Said(s string) (string, error) { return kept(folded(s), false) }

// Label returns the stored form of a name that is only compared: it ignores the case of letters.
func Label(s string) (string, error) {
	line, err := Line(s)
	return norm.NFC.String(strings.ToLower(line)), err
}

// Clean returns the form of Said for text that is already stored: it removes the characters that Said rejects.
func Clean(s string) string {
	if plain(s) {
		return s
	}
	s = strings.Map(func(r rune) rune {
		if !unicode.IsSpace(r) && refusal(r) != "" {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\ufffd"))
	return folded(composed(s))
}

// Encoded returns an error with the line and the reason if b is not UTF-8.
func Encoded(b []byte) error {
	if utf8.Valid(b) {
		return nil
	}
	at := 0
	for rest := b; ; {
		r, n := utf8.DecodeRune(rest)
		if r == utf8.RuneError && n == 1 {
			break
		}
		at, rest = at+n, rest[n:]
	}
	return fmt.Errorf("is not UTF-8: line %d holds the byte 0x%02X, which no letter of UTF-8 begins with or goes on "+
		"with. Save or send it as UTF-8",
		bytes.Count(b[:at], []byte("\n"))+1, b[at])
}

// Cut returns the form of Clean, shortened to a number of characters; longer text ends after a whole word, with an
// ellipsis. A word that is longer than half of it is cut.
func Cut(s string, characters int) string {
	s = Clean(s)
	if utf8.RuneCountInString(s) <= characters {
		return s
	}
	short := string([]rune(s)[:characters-1])
	whole := short
	if !strings.ContainsAny(s[len(short):len(short)+1], " ,;:") {
		whole = short[:max(strings.LastIndexByte(short, ' '), 0)]
	}
	if len(whole) < len(short)/2 {
		whole = short
	}
	return strings.TrimRight(whole, " ,;:") + "…"
}

// Names joins names by a separator: as many as fit a number of characters, at least one, and then how many more there
// are.
func Names(names []string, separator string, characters int) string {
	out := ""
	for i, name := range names {
		next := name
		if i > 0 {
			next = out + separator + name
		}
		if i > 0 && utf8.RuneCountInString(next) > characters {
			return fmt.Sprintf("%s and %d more", out, len(names)-i)
		}
		out = next
	}
	return out
}

// Shown returns a text of lines and columns in a form that is safe to print: characters that Lines rejects, and all
// direction marks, become escapes (\u202e, or \xff for a byte that is not UTF-8).
func Shown(s string) string {
	if !strings.ContainsFunc(s, hidden) {
		return s
	}
	var out strings.Builder
	for i, n := 0, 0; i < len(s); i += n {
		var r rune
		switch r, n = utf8.DecodeRuneInString(s[i:]); {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&out, `\x%02x`, s[i])
		case r == utf8.RuneError || !hidden(r):
			out.WriteRune(r)
		default:
			for _, unit := range utf16.AppendRune(nil, r) {
				fmt.Fprintf(&out, `\u%04x`, unit)
			}
		}
	}
	return out.String()
}

// ShownLine returns text of others in the form of Shown, as one line: each run of white space and line breaks is a
// space.
func ShownLine(s string) string { return Shown(folded(s)) }

// Cell returns a text as a cell of a table. A spreadsheet runs a cell that begins with a sign of a formula (OWASP, CSV
// injection), also after spaces, quotes or apostrophes, or in another width: such a cell gets an apostrophe in front,
// unless it is a number. So does what follows a semicolon, a tab or a line break in a cell: a spreadsheet that
// separates cells there begins a cell with it. FromCell returns the text.
func Cell(s string) string {
	made := afterSeparators(s, func(part string) string {
		if signed(part) {
			return "'" + part
		}
		return part
	})
	if formula(s) {
		return "'" + made
	}
	return made
}

// FromCell returns the text of a cell that Cell made.
func FromCell(s string) string {
	if inner, found := strings.CutPrefix(s, "'"); found && formula(inner) {
		s = inner
	}
	return afterSeparators(s, func(part string) string {
		if inner, found := strings.CutPrefix(part, "'"); found && signed(inner) {
			return inner
		}
		return part
	})
}

// separators are the characters by which spreadsheets separate cells, but for the comma, which a quoted cell may have.
const separators = ";\t\r\n"

// afterSeparators replaces each part of a cell that follows a separator.
func afterSeparators(s string, replace func(part string) string) string {
	first, rest := len(s), ""
	if i := strings.IndexAny(s, separators); i >= 0 {
		first, rest = i, s[i:]
	}
	var b strings.Builder
	b.WriteString(s[:first])
	for rest != "" {
		end := len(rest)
		if i := strings.IndexAny(rest[1:], separators); i >= 0 {
			end = 1 + i
		}
		b.WriteString(rest[:1] + replace(rest[1:end]))
		rest = rest[end:]
	}
	return b.String()
}

// number matches what a spreadsheet reads as a number, and so does not run.
var number = regexp.MustCompile(`^[+-]?[0-9]+([.,][0-9]+)?$`)

// formula reports whether a spreadsheet would run a cell, or lose its first character.
func formula(s string) bool {
	if inner := strings.TrimLeft(s, "'"); inner != "" && strings.ContainsRune("\t\r\n", rune(inner[0])) {
		return true
	}
	return signed(s) && !number.MatchString(strings.TrimSpace(s))
}

// signed reports whether a text begins with a sign of a formula, after what a spreadsheet passes over.
func signed(s string) bool {
	start := strings.TrimLeftFunc(s, func(r rune) bool {
		return !drawn(r) || unicode.IsControl(r) || unicode.Is(unicode.Quotation_Mark, r) || r == '`'
	})
	sign, n := utf8.DecodeRuneInString(start)
	return n > 0 && strings.ContainsAny(norm.NFKC.String(string(sign)), "=+-@")
}

// hidden reports whether a character is printed as an escape, or may be part of one.
func hidden(r rune) bool {
	return r != '\n' && (refusal(r) != "" || unicode.Is(unicode.Bidi_Control, r) || r == utf8.RuneError)
}

func kept(s string, lines bool) (string, error) {
	if plain(s) {
		return s, nil
	}
	if !utf8.ValidString(s) {
		return s, Encoded([]byte(s))
	}
	if lines {
		s = strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
	} else {
		s = strings.TrimSpace(s)
	}
	for _, r := range s {
		if lines && (r == '\n' || r == '\t') {
			continue
		}
		if r == utf8.RuneError {
			return s, fmt.Errorf("holds U+FFFD, which stands where a character was lost: write the text anew, as UTF-8")
		}
		if why := refusal(r); why != "" {
			return s, fmt.Errorf("holds U+%04X, %s: take it out", r, why)
		}
	}
	if lines {
		return composed(s), nil
	}
	return folded(composed(s)), nil
}

// plain reports whether a text already has its stored form, as most texts do: printable ASCII with single inner spaces.
func plain(s string) bool {
	space := true
	for i := range len(s) {
		switch c := s[i]; {
		case c > ' ' && c <= '~':
			space = false
		case c == ' ' && !space:
			space = true
		default:
			return false
		}
	}
	return s == "" || !space
}

// refusal returns the reason why a character is rejected, or "".
func refusal(r rune) string {
	switch {
	case r == '\n' || r == '\r' || r == '\u0085' || r == '\u2028' || r == '\u2029':
		return "a line break"
	case r == '\t', unseen(r):
		return ""
	case unicode.IsControl(r):
		return "a control character"
	case unicode.Is(unicode.Bidi_Control, r):
		return "which turns the direction of writing"
	case unicode.Is(unicode.Cf, r) && r != '\u200c' && r != '\u200d' && !unicode.Is(unicode.Prepended_Concatenation_Mark,
		r):
		return "which nobody sees"
	case unicode.Is(unicode.Noncharacter_Code_Point, r):
		return "which is no character"
	}
	return ""
}

// unseen reports whether a character is an invisible mark without meaning in stored text: of direction, of line breaks,
// of byte order.
func unseen(r rune) bool {
	switch r {
	case '\u00ad', '\u061c', '\u200b', '\u200e', '\u200f', '\u2060', '\ufeff':
		return true
	}
	return false
}

func folded(s string) string { return strings.Join(strings.FieldsFunc(s, blank), " ") }

// blank reports whether a character is white space, or is drawn as such: the Hangul fillers that stand alone, and the
// Braille pattern without dots.
func blank(r rune) bool {
	return unicode.IsSpace(r) || r == '\u2800' || r == '\u3164' || r == '\uffa0'
}

// drawn reports whether a character leaves a mark of its own. A filler, a joiner or a selector of a variant does not.
func drawn(r rune) bool {
	return !blank(r) && !unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) &&
		(!unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Prepended_Concatenation_Mark, r))
}

// composed returns the text in NFC without invisible marks, and nothing for a text of which nothing is drawn.
func composed(s string) string {
	if !strings.ContainsFunc(s, drawn) {
		return ""
	}
	s = strings.Map(func(r rune) rune {
		if unseen(r) {
			return -1
		}
		return r
	}, s)
	return strings.TrimSpace(norm.NFC.String(s))
}

// Join joins the texts that are not empty.
func Join(parts ...string) string {
	return strings.Join(slices.DeleteFunc(slices.Clone(parts), func(s string) bool { return s == "" }), "; ")
}

// Redact removes secrets from addresses in a text: passwords, what stands alone before a host of HTTP, and values of a
// query whose names are those of secrets. A password may hold any character but white space.
func Redact(s string) string {
	parts := strings.SplitAfter(s, "//")
	for i := 1; i < len(parts); i++ {
		end := len(parts[i])
		if stop := strings.IndexFunc(parts[i], unicode.IsSpace); stop >= 0 {
			end = stop
		}
		web := strings.HasSuffix(parts[i-1], "http://") || strings.HasSuffix(parts[i-1], "https://")
		parts[i] = redactUser(parts[i][:end], web) + parts[i][end:]
	}
	return secretValue.ReplaceAllString(strings.Join(parts, ""), "${1}redacted")
}

// secretValue matches a value of a query that is secret by its name.
var secretValue = regexp.MustCompile(`(?i)([?&][a-z0-9_.-]*(?:pass|pwd|token|secret|sig|key|cred|auth)[a-z0-9_.-]*=)` +
	`[^&\s"]+`)

// redactUser removes the secret of an address, which begins after its slashes. A name alone is secret on the web.
func redactUser(address string, web bool) string {
	at := strings.LastIndexByte(address, '@')
	if at < 0 {
		return address
	}
	name, _, password := strings.Cut(address[:at], ":")
	switch {
	case strings.ContainsAny(name, "/?#"): // of a host
		return address
	case password:
		return name + ":redacted" + address[at:]
	case web:
		return "redacted" + address[at:]
	}
	return address
}
