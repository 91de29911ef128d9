package cmdline

import (
	"io"
	"os"
	"unicode/utf8"

	"lifeline/internal/text"
)

// printable writes text to a person, whoever wrote it: characters that steer a terminal or turn the direction of
// writing stand as escapes.
type printable struct {
	to   io.Writer
	rest []byte // of a character whose other bytes are to come
}

// Printable is w for text with the words of others in it. Each of its escapes, such as \u001b, means the same character
// in a string of JSON.
func Printable(w io.Writer) io.Writer { return &printable{to: w} }

func (p *printable) Write(b []byte) (int, error) {
	all := append(p.rest, b...)
	whole := len(all)
	for i := 1; i < utf8.UTFMax && i <= len(all); i++ {
		if tail := all[len(all)-i:]; utf8.RuneStart(tail[0]) {
			if !utf8.FullRune(tail) {
				whole -= i
			}
			break
		}
	}
	p.rest = append([]byte(nil), all[whole:]...)
	if _, err := io.WriteString(p.to, text.Shown(string(all[:whole]))); err != nil {
		return 0, err
	}
	return len(b), nil
}

// Data is w for what other programs read byte by byte: it goes as it stands, unless to a terminal.
func Data(w io.Writer) io.Writer {
	if f, ok := Under(w).(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			return w
		}
	}
	return Under(w)
}

// Under is what a printable writer writes to; else w itself.
func Under(w io.Writer) io.Writer {
	if p, ok := w.(*printable); ok {
		return p.to
	}
	return w
}
