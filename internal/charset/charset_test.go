package charset

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
)

const table = "file,title\r\na.mp3,어머니의 편지\r\n"

func encoded(t *testing.T, e encoding.Encoding, s string) []byte {
	t.Helper()
	b, err := e.NewEncoder().Bytes([]byte(s))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestTextIsReadInTheEncodingThatIsKnown(t *testing.T) {
	little, big := unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), unicode.UTF16(unicode.BigEndian,
		unicode.IgnoreBOM)
	for name, c := range map[string]struct {
		bytes    []byte
		declared string
	}{
		"UTF-8":              {[]byte(table), ""},
		"UTF-8 with a mark":  {[]byte("\ufeff" + table), ""},
		"UTF-8, declared":    {[]byte("\ufeff" + table), "UTF-8"},
		"UTF-16LE and mark":  {append([]byte("\xff\xfe"), encoded(t, little, table)...), ""},
		"UTF-16BE and mark":  {append([]byte("\xfe\xff"), encoded(t, big, table)...), ""},
		"UTF-16LE, no mark":  {encoded(t, little, table), ""},
		"UTF-16BE, no mark":  {encoded(t, big, table), ""},
		"CP949, declared":    {encoded(t, korean.EUCKR, table), "CP949"},
		"EUC-KR, declared":   {encoded(t, korean.EUCKR, table), "euc-kr"},
		"GB18030, declared":  {encoded(t, simplifiedchinese.GB18030, table), "gb18030"},
		"a mark goes before": {append([]byte("\xff\xfe"), encoded(t, little, table)...), "cp949"},
	} {
		if got, err := Decode(c.bytes, c.declared); err != nil || string(got) != table {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	russian := encoded(t, charmap.Windows1251, "Письмо 2")
	if got, err := Decode(russian, "windows-1251"); err != nil || string(got) != "Письмо 2" {
		t.Errorf("%q, %v", got, err)
	}
}

// 가 is U+AC00, with one zero byte, like every ASCII letter.
func TestUTF16IsKnownByItsFirstLetterWhateverFollows(t *testing.T) {
	const rows = "file,title\n가.mp3,가각一\n"
	for _, order := range []unicode.Endianness{unicode.LittleEndian, unicode.BigEndian} {
		if got, err := Decode(encoded(t, unicode.UTF16(order, unicode.IgnoreBOM), rows), ""); err != nil ||
			string(got) != rows {
			t.Errorf("%q, %v", got, err)
		}
	}
}

func TestANULIsRefusedByLineInAnyEncoding(t *testing.T) {
	little := unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)
	for _, b := range [][]byte{[]byte("file\na\x00b"), []byte("file\na\x00bc"), encoded(t, little, "file\na\x00b"),
		[]byte("\xef\xbb\xbffile\n\x00")} {
		if got, err := Decode(b, ""); err == nil || !strings.Contains(err.Error(), "line 2 holds a NUL") {
			t.Errorf("%q: %q, %v", b, got, err)
		}
	}
	if _, err := Decode([]byte("file\n\x00"), "cp949"); err == nil {
		t.Error("a NUL is read as CP949")
	}
}

func TestTextOfAnUnknownEncodingIsRefusedByLine(t *testing.T) {
	if got, err := Decode(encoded(t, korean.EUCKR, table), ""); !errors.Is(err, ErrUnknown) ||
		!strings.Contains(err.Error(), "line 2") {
		t.Errorf("%q, %v", got, err)
	}
	for declared, b := range map[string][]byte{"cp949": []byte("file\n\xff\xff"), "klingon": []byte("x"),
		"": []byte("\xff\xfe\x00\x00x\x00\x00\x00"), "utf-8": []byte("\xbe\xee")} {
		if got, err := Decode(b, declared); err == nil {
			t.Errorf("%q as %q: %q", b, declared, got)
		}
	}
}
