// Package text makes text from outside fit to keep, to compare and to show. What people see as the same is kept as the
// same characters, and what would steer a terminal, a playlist or the direction of writing is not kept at all.
package text

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Line is a text of one line as it is kept: composed (NFC), without white space at its ends, with one space for any run
// of white space inside, and without marks that nobody sees. It fails, in words, for a line break and for every other
// character that Clean takes out.
func Line(s string) (string, error) { return kept(s, false) }

// Lines is Line for a text of several lines: line breaks stay as line feeds, and white space as it stands.
func Lines(s string) (string, error) { return kept(s, true) }

// Said is Line for the words of a program, in which line breaks are white space.
func Said(s string) (string, error) { return kept(folded(s), false) }

// Label is Line for a name that is only compared: cases of letters are one.
func Label(s string) (string, error) {
	line, err := Line(s)
	return norm.NFC.String(strings.ToLower(line)), err
}

// Clean is Said for a text that is kept already: what Said refuses is left out.
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
	return composed(folded(s))
}

// Encoded says what keeps bytes from being UTF-8, and in which line; nil where they are.
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

// Cut is Clean for the words of a program that are bounded: what is longer ends in an ellipsis.
func Cut(s string, characters int) string {
	s = Clean(s)
	if utf8.RuneCountInString(s) <= characters {
		return s
	}
	return strings.TrimSpace(string([]rune(s)[:characters-1])) + "…"
}

// Shown is a text of lines and columns as it is printed, whoever wrote it: what Lines refuses, and every mark of
// direction, stands as an escape (\u202e, or \xff for a byte that is not UTF-8).
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

// hidden reports whether a character is printed as an escape, or may be part of what is.
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
	return composed(folded(s)), nil
}

// plain reports whether a text is as it is kept, as most are: printable ASCII with single spaces inside.
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

// refusal says why a character is not kept; nothing where it is.
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

// unseen are marks that say nothing where the text is kept: of direction, of where a line may break, of byte order.
func unseen(r rune) bool {
	switch r {
	case '\u00ad', '\u061c', '\u200b', '\u200e', '\u200f', '\u2060', '\ufeff':
		return true
	}
	return false
}

func folded(s string) string { return strings.Join(strings.Fields(s), " ") }

func composed(s string) string {
	s = strings.Map(func(r rune) rune {
		if unseen(r) {
			return -1
		}
		return r
	}, s)
	return strings.TrimSpace(norm.NFC.String(s))
}

// Join joins the words of programs that are not empty.
func Join(parts ...string) string {
	return strings.Join(slices.DeleteFunc(slices.Clone(parts), func(s string) bool { return s == "" }), "; ")
}
