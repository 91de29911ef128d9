package audio

import (
	"bytes"
	"encoding/binary"
	"sort"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/dhowden/tag"
)

// Tags holds a file's statements about itself. Text is valid UTF-8 on one line, without control or bidirectional
// formatting characters, and bounded in length. None of it is trusted: it never names a file and never overrides a
// measurement.
type Tags struct {
	Title, Artist, Album, Comment string
	ISRC                          string // as in ISO 3901, without hyphens; empty if invalid
	Language                      string // as in ID3: ISO 639-2
	Year                          int
	TrackGainDB                   *float64 // ReplayGain
	Chapters                      []Chapter
}

// Chapter is a titled part of a recording.
type Chapter struct {
	Span
	Title string
}

const (
	maxTagText  = 512 // bytes
	maxChapters = 200
)

// readTags reads the items that a scan kept: ID3v2 first, then APE and ID3v1 for fields that are still empty.
func readTags(c *tagCollector) Tags {
	var t Tags
	for _, item := range c.id3 {
		t.addID3(item)
	}
	for _, item := range c.ape {
		t.addText(item.name, item.value)
	}
	if len(c.id3v1) == 128 {
		if m, err := safely(func() (tag.Metadata, error) { return tag.ReadID3v1Tags(bytes.NewReader(c.id3v1)) }); err == nil {
			set(&t.Title, m.Title())
			set(&t.Artist, m.Artist())
			set(&t.Album, m.Album())
			set(&t.Comment, m.Comment())
			if t.Year == 0 {
				t.Year = m.Year()
			}
		}
	}
	sort.SliceStable(t.Chapters, func(i, j int) bool { return t.Chapters[i].Start < t.Chapters[j].Start })
	return t
}

// safely runs a parser of foreign bytes and returns its panics as errors.
func safely(parse func() (tag.Metadata, error)) (m tag.Metadata, err error) {
	defer recovered(&err)
	return parse()
}

// parseID3 parses one item with the library, as a tag of its own, so that a broken item does not affect the others.
func parseID3(item id3Item) (tag.Metadata, error) {
	n := len(item.raw) + 10 // the library drops a last item that it does not know unless padding follows
	b := append([]byte{'I', 'D', '3', item.version, 0, 0, byte(n >> 21 & 127), byte(n >> 14 & 127), byte(n >> 7 & 127),
		byte(n & 127)}, item.raw...)
	b = append(b, make([]byte, 10)...)
	return safely(func() (tag.Metadata, error) { return tag.ReadID3v2Tags(bytes.NewReader(b)) })
}

// gaplessComment returns the comment in which iTunes states the audible part of a file, or "" if there is none.
func gaplessComment(items []id3Item) string {
	for _, item := range items {
		if !bytes.HasPrefix(item.raw, []byte("COM")) {
			continue
		}
		m, err := parseID3(item)
		if err != nil {
			continue
		}
		for _, v := range m.Raw() {
			if c, ok := v.(*tag.Comm); ok && c.Description == "iTunSMPB" {
				return strings.TrimRight(c.Text, "\x00")
			}
		}
	}
	return ""
}

func (t *Tags) addID3(item id3Item) {
	m, err := parseID3(item)
	if err != nil {
		return
	}
	set(&t.Title, m.Title())
	set(&t.Artist, m.Artist())
	set(&t.Album, m.Album())
	if t.Year == 0 {
		t.Year = m.Year()
	}
	for name, v := range m.Raw() {
		switch v := v.(type) {
		case string:
			t.addText(name, v)
		case *tag.Comm:
			if name == "TXXX" || name == "TXX" {
				t.addText(v.Description, v.Text)
				// iTunes comments are for programs
			} else if (name == "COMM" || name == "COM") && !strings.HasPrefix(v.Description, "iTun") {
				set(&t.Comment, v.Text)
			}
		case []byte:
			if name == "CHAP" && len(t.Chapters) < maxChapters {
				t.addChapter(item.version, v)
			}
		}
	}
}

// addText adds one value under its ID3 or APE name.
func (t *Tags) addText(name, value string) {
	value = strings.TrimRight(value, "\x00 ")
	switch strings.ToUpper(strings.TrimRight(name, "\x00 ")) {
	case "TSRC", "TRC", "ISRC":
		if t.ISRC == "" {
			t.ISRC = isrc(value)
		}
	case "TLAN", "TLA", "LANGUAGE":
		set(&t.Language, value)
	case "TITLE":
		set(&t.Title, value)
	case "ARTIST":
		set(&t.Artist, value)
	case "ALBUM":
		set(&t.Album, value)
	case "COMMENT":
		set(&t.Comment, value)
	case "TDRC", "TYER", "YEAR":
		if y, err := strconv.Atoi(value[:min(4, len(value))]); err == nil && t.Year == 0 && y > 0 {
			t.Year = y
		}
	case "REPLAYGAIN_TRACK_GAIN":
		text := strings.TrimSpace(strings.TrimSuffix(strings.ToLower(strings.TrimSpace(value)), "db"))
		if g, err := strconv.ParseFloat(text, 64); err == nil && t.TrackGainDB == nil && g > -100 && g < 100 {
			t.TrackGainDB = &g
		}
	}
}

// addChapter parses a chapter (ID3v2 Chapter Frame Addendum, 3.1): a name, four times and sub-items, one of which may
// be a title.
func (t *Tags) addChapter(version byte, b []byte) {
	_, b, ok := bytes.Cut(b, []byte{0})
	if !ok || len(b) < 16 || version < 3 {
		return
	}
	ms := func(at int) time.Duration {
		return time.Duration(binary.BigEndian.Uint32(b[at:])) * time.Millisecond
	}
	c := Chapter{Span: Span{ms(0), ms(4)}}
	for b = b[16:]; len(b) >= 10; {
		n := int64(binary.BigEndian.Uint32(b[4:]))
		if version == 4 {
			n = syncsafe(b[4:])
		}
		if n < 0 || n > int64(len(b)-10) {
			break
		}
		if m, err := parseID3(id3Item{version, b[:10+n]}); err == nil {
			set(&c.Title, m.Title())
		}
		b = b[10+n:]
	}
	t.Chapters = append(t.Chapters, c)
}

// set sets an empty field to the safe form of a value.
func set(field *string, value string) {
	if *field == "" {
		*field = safeText(value)
	}
}

// safeText makes foreign text safe to store and show: one line of valid UTF-8 without characters that control a
// terminal or change the direction of writing, of at most maxTagText bytes.
func safeText(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == utf8.RuneError, unicode.Is(unicode.Bidi_Control, r):
			return -1
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r) && r != '\u200c' && r != '\u200d':
			return -1
		}
		return r
	}, s)
	s = strings.TrimSpace(s)
	for len(s) > maxTagText {
		_, n := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-n]
	}
	return s
}

// isrc returns the twelve characters of a recording code, or "" if s is not one.
func isrc(s string) string {
	s = strings.ToUpper(strings.NewReplacer("-", "", " ", "", "\x00", "").Replace(s))
	if len(s) != 12 {
		return ""
	}
	for i, r := range s {
		letter, digit := r >= 'A' && r <= 'Z', r >= '0' && r <= '9'
		if i < 2 && !letter || i < 5 && !letter && !digit || i >= 5 && !digit {
			return ""
		}
	}
	return s
}
