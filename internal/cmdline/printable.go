package cmdline

import (
	"io"
	"os"
	"unicode/utf8"

	"github.com/mattn/go-isatty"

	"lifeline/internal/text"
)

// printable writes text of any origin to a person: it escapes characters that control a terminal or change the
// direction of text.
type printable struct {
	to   io.Writer
	rest []byte // incomplete character at the end of the last write
}

// Printable returns a writer to w for text that contains text of others. Each of its escapes, such as \u001b, means the
// same character in a JSON string.
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

// Data returns the writer for output that other programs read byte by byte. It escapes nothing, unless w writes to a
// terminal.
func Data(w io.Writer) io.Writer {
	if f, ok := Under(w).(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			return w
		}
	}
	return Under(w)
}

// Under returns the writer under a printable one, or w itself.
func Under(w io.Writer) io.Writer {
	if p, ok := w.(*printable); ok {
		return p.to
	}
	return w
}

// Terminal reports whether a writer writes to a terminal, where a line can be drawn again. Into a file or a pipe goes
// nothing but whole lines.
func Terminal(w io.Writer) bool {
	f, ok := Under(w).(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}
