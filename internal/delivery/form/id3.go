package form

import (
	"encoding/binary"
	"strconv"
	"time"
	"unicode/utf16"
)

// ID3Tag returns the ID3v2.3 tag of an airing's file, which stands before its frames.
func (c Contract) ID3Tag(a Occasion, m Measured) []byte {
	start, end := a.StartAt.UTC().Format(time.RFC3339), a.EndAt.UTC().Format(time.RFC3339)
	day := a.StartAt.UTC()
	var body []byte
	for _, f := range [][2]string{
		{"TIT2", c.Title(a)},
		{"TPE1", c.Broadcaster},
		{"TALB", c.Programme},
		{"TYER", day.Format("2006")},
		{"TDAT", day.Format("0201")},
		{"TIME", day.Format("1504")},
		{"TLEN", strconv.FormatInt(m.Length.Milliseconds(), 10)},
	} {
		if f[1] != "" {
			body = appendFrame(body, f[0], encoded(f[1]))
		}
	}
	for _, f := range [][2]string{{"START", start}, {"END", end}, {"REFERENCE", a.reference()}} {
		body = appendFrame(body, "TXXX", append(append([]byte{0}, f[0]+"\x00"...), f[1]...))
	}
	n := len(body)
	head := append([]byte("ID3"), 3, 0, 0, byte(n>>21&0x7f), byte(n>>14&0x7f), byte(n>>7&0x7f), byte(n&0x7f))
	return append(head, body...)
}

// appendFrame appends a frame: its id, the length of its body in four plain bytes, and no flags.
func appendFrame(b []byte, id string, body []byte) []byte {
	b = append(b, id...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(body)))
	b = append(b, 0, 0)
	return append(b, body...)
}

// encoded writes a text with the byte that names its encoding: ISO 8859-1 where ASCII is enough, UTF-16 else.
func encoded(s string) []byte {
	if ascii(s) {
		return append([]byte{0}, s...)
	}
	b := []byte{1, 0xff, 0xfe}
	for _, u := range utf16.Encode([]rune(s)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return b
}
