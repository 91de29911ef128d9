// Package charset decodes text in any encoding that is declared or that the bytes identify unambiguously. It rejects
// ambiguous text: a wrong guess would put wrong words into a title.
package charset

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/unicode"

	"lifeline/internal/text"
)

// aliases lists names of encodings that the WHATWG index lacks.
var aliases = map[string]string{"cp949": "euc-kr", "ms949": "euc-kr", "uhc": "euc-kr", "cp936": "gbk", "ms936": "gbk",
	"cp950": "big5",
	"cp932": "shift_jis", "cp1251": "windows-1251", "cp1252": "windows-1252", "cp866": "ibm866"}

// ErrUnknown is the cause of an error that declaring the encoding would avoid.
var ErrUnknown = errors.New("its encoding is not known")

// Decode returns the text of b in UTF-8, without a byte order mark. The encoding is the declared one ("": none), else
// that of the byte order mark, else UTF-16 if b begins with an ASCII letter in it, else UTF-8. Decode fails, with the
// line, if b is not valid in that encoding, or contains a NUL.
func Decode(b []byte, declared string) ([]byte, error) {
	from, err := encodingOf(b, declared)
	if err != nil {
		return nil, err
	}
	if from == nil {
		b = bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))
		if err := text.Encoded(b); err != nil {
			return nil, fmt.Errorf("%w: it %w", ErrUnknown, err)
		}
		return b, withoutNUL(b)
	}
	out, err := from.NewDecoder().Bytes(b)
	if err != nil {
		return nil, err
	}
	if at := bytes.IndexRune(out, utf8.RuneError); at >= 0 {
		return nil, fmt.Errorf("line %d holds bytes that are no text in %s", bytes.Count(out[:at], []byte("\n"))+1,
			name(from))
	}
	return bytes.TrimPrefix(out, []byte("\ufeff")), withoutNUL(out)
}

func withoutNUL(b []byte) error {
	if at := bytes.IndexByte(b, 0); at >= 0 {
		return fmt.Errorf("line %d holds a NUL, which is no letter: save the text anew", bytes.Count(b[:at], []byte("\n"))+1)
	}
	return nil
}

// File returns the decoded text of a file. Its errors name the file.
func File(name, declared string) ([]byte, error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	if b, err = Decode(b, declared); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return b, nil
}

// encodingOf returns the encoding of b, or nil for UTF-8.
func encodingOf(b []byte, declared string) (encoding.Encoding, error) {
	declared = strings.ToLower(strings.TrimSpace(declared))
	if alias, ok := aliases[declared]; ok {
		declared = alias
	}
	switch {
	case bytes.HasPrefix(b, []byte("\xff\xfe\x00\x00")), bytes.HasPrefix(b, []byte("\x00\x00\xfe\xff")):
		return nil, errors.New("it is UTF-32: save it as UTF-8")
	case bytes.HasPrefix(b, []byte("\xef\xbb\xbf")):
		return nil, nil
	case bytes.HasPrefix(b, []byte("\xff\xfe")), bytes.HasPrefix(b, []byte("\xfe\xff")):
		return unicode.UTF16(unicode.BigEndian, unicode.ExpectBOM), nil
	case declared == "utf-16", declared == "utf16":
		return unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), nil
	case declared != "":
		known, err := htmlindex.Get(declared)
		if err != nil {
			return nil, fmt.Errorf("%q is no encoding that is known here: use one such as utf-8, cp949, gb18030 or windows-1251",
				declared)
		}
		if canonical, err := htmlindex.Name(known); err == nil && canonical == "utf-8" {
			return nil, nil
		}
		return known, nil
	}
	switch {
	case len(b) < 2 || len(b)%2 == 1 || (b[0] == 0) == (b[1] == 0) || b[0]|b[1] >= utf8.RuneSelf:
		return nil, nil
	case b[0] == 0:
		return unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM), nil
	}
	return unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), nil
}

func name(e encoding.Encoding) string {
	if known, err := htmlindex.Name(e); err == nil {
		return known
	}
	return "UTF-16"
}
