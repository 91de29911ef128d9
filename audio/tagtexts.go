package audio

import (
	"bytes"
	"errors"
	"io"

	"github.com/dhowden/tag"
)

// TagText is a text of a tag as the tag's writer stored it: it may hold any character. Unicode reports whether the tag
// declares a Unicode encoding. Otherwise the text may be in Latin-1 or in any encoding of the writer's machine, one
// byte or one rune below 256 for each byte.
type TagText struct {
	Text    string
	Unicode bool
}

// TagTexts are the texts with which a recording names itself.
type TagTexts struct{ Title, Artist, Album TagText }

// ReadTagTexts reads the ID3v2 tags at the start of a file and, for texts that they lack, the ID3v1 tag at its end. Its
// memory is bounded regardless of the sizes that the tags claim, and it leaves out items that cannot be parsed. It
// fails with the error of r.
func ReadTagTexts(r io.ReadSeeker) (t TagTexts, err error) {
	s := NewScanner(r)
	for s.skipTag() {
	}
	if err := s.failure(); err != nil {
		return t, err
	}
	for _, item := range s.tags.id3 {
		if m, err := parseID3(item); err == nil {
			t.add(m, item.unicode())
		}
	}
	last := make([]byte, 128)
	if _, err := r.Seek(-int64(len(last)), io.SeekEnd); err != nil {
		return t, nil // too short for an ID3v1 tag
	}
	if _, err := io.ReadFull(r, last); err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return t, err
	}
	if m, err := safely(func() (tag.Metadata, error) { return tag.ReadID3v1Tags(bytes.NewReader(last)) }); err == nil {
		t.add(m, false)
	}
	return t, nil
}

func (t *TagTexts) add(m tag.Metadata, unicode bool) {
	for text, value := range map[*TagText]string{&t.Title: m.Title(), &t.Artist: m.Artist(), &t.Album: m.Album()} {
		if text.Text == "" && value != "" {
			*text = TagText{value, unicode}
		}
	}
}

// unicode reports whether the item is a text that declares a Unicode encoding (ID3v2.4.0 native frames, 4).
func (i id3Item) unicode() bool {
	at := 10
	switch {
	case i.version == 2:
		at = 6
	case i.version == 4 && len(i.raw) > 9: // a group and a length may come before the encoding (structure, 4.1.2)
		at += int(i.raw[9]>>6&1) + 4*int(i.raw[9]&1)
	}
	return at < len(i.raw) && i.raw[at] > 0
}
