package commands

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/dhowden/tag"

	"lifeline/internal/charset"
	"lifeline/internal/text"
)

var notOfIDs = regexp.MustCompile(`[^a-z0-9._]+`)

// idOf makes an id from a name. If characters of the name cannot stand in an id, such as letters of another script, the
// id ends in a hash of the name, so that two different names always get different ids.
func idOf(name string) string {
	name = strings.ToLower(text.Clean(name))
	readable := strings.ReplaceAll(name, " ", "-")
	id := strings.Trim(notOfIDs.ReplaceAllString(name, "-"), "-._")
	if id == readable && id != "" && len(id) <= 63 {
		return id
	}
	sum := sha256.Sum256([]byte(name))
	hash := hex.EncodeToString(sum[:5])
	id = strings.TrimRight(id[:min(len(id), 62-len(hash))], "-._")
	return strings.TrimPrefix(id+"-"+hash, "-")
}

// labelOf makes a label from a name: letters of any script stay, and anything else becomes a hyphen.
func labelOf(name string) string {
	label, err := text.Label(text.Clean(name))
	if err != nil {
		return ""
	}
	label = strings.Join(strings.FieldsFunc(label, func(r rune) bool {
		return !unicode.In(r, unicode.L, unicode.N, unicode.M) && r != '.' && r != '_' && r != '\u200c' && r != '\u200d'
	}), "-")
	label = strings.Trim(label, "-._")
	if r := []rune(label); len(r) > 63 {
		label = string(r[:63])
	}
	return label
}

// baseOf returns a recording's file name without folder and extension.
func baseOf(file string) string { return strings.TrimSuffix(path.Base(file), path.Ext(file)) }

// distinctIDs fails if two recordings of one run would get the same id.
func distinctIDs(entries []entry) error {
	var wrong []error
	first := map[string]entry{}
	for _, e := range entries {
		id, _ := e.meta["id"].(string)
		if id == "" {
			continue
		}
		if other, taken := first[id]; taken {
			alike := ""
			if idOf(baseOf(e.file)) == id && idOf(baseOf(other.file)) == id {
				alike = ", since their names differ in case, spaces, signs or the form of the same letters alone"
			}
			wrong = append(wrong, fmt.Errorf("%s and %s would both be the segment %q%s: give one of them another id, in a "+
				"table or in a sidecar %s.yaml",
				other.name(), e.name(), id, alike, oneLine(baseOf(e.file))))
			continue
		}
		first[id] = e
	}
	if len(wrong) > 0 {
		wrong = append(wrong, errors.New("nothing was sent"))
	}
	return errors.Join(wrong...)
}

// tagFrames are the tag frames that are read, by their names in ID3v2.3 and ID3v2.2.
var tagFrames = map[string][2]string{"title": {"TIT2", "TT2"}, "voice": {"TPE1", "TP1"}, "series": {"TALB", "TAL"}}

// readTags returns the metadata in a recording's tags, and the fields whose encoding is unknown.
func readTags(r io.ReadSeeker, declared string) (meta map[string]any, unread []string) {
	meta = map[string]any{}
	texts, unread := tagTexts(r, declared)
	for field, kept := range texts {
		if field == "series" {
			kept = labelOf(kept)
		}
		if kept != "" {
			meta[field] = kept
		}
	}
	return meta, unread
}

// tagTexts returns the texts of a recording's tags by field, and the fields whose encoding is unknown.
func tagTexts(r io.ReadSeeker, declared string) (texts map[string]string, unread []string) {
	texts = map[string]string{}
	head := make([]byte, 64<<10)
	n, err := io.ReadFull(r, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return texts, nil
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return texts, nil
	}
	tags, err := parseTags(r)
	if err != nil { // a file with no tags or with broken tags gives no metadata
		return texts, nil
	}
	for field, said := range map[string]string{"title": tags.Title(), "voice": tags.Artist(), "series": tags.Album()} {
		kept, known := tagText(said, !unicodeFrame(head[:n], tagFrames[field]), declared)
		if !known {
			unread = append(unread, field)
			continue
		}
		texts[field] = text.Clean(kept)
	}
	slices.Sort(unread)
	return texts, unread
}

// parseTags calls the tag library, and returns a panic of the library as an error.
func parseTags(r io.ReadSeeker) (m tag.Metadata, err error) {
	defer func() {
		if broken := recover(); broken != nil {
			err = fmt.Errorf("tags: %v", broken)
		}
	}()
	return tag.ReadFrom(r)
}

// unreadNote returns the remark about tag texts that are left out.
func unreadNote(unread []string) string {
	is := "is"
	if len(unread) > 1 {
		is = "are"
	}
	return fmt.Sprintf("the %s in its tags %s in an undeclared encoding, and left out; --charset cp949, gb18030 "+
		"or windows-1251 reads it", strings.Join(unread, " and the "), is)
}

// unicodeFrame reports whether a frame of an ID3v2 tag declares Unicode.
func unicodeFrame(head []byte, names [2]string) bool {
	if !bytes.HasPrefix(head, []byte("ID3")) {
		return false
	}
	for i, name := range names {
		at := bytes.Index(head, []byte(name))
		if body := at + []int{10, 6}[i]; at >= 0 && body < len(head) {
			return head[body] > 0
		}
	}
	return false
}

// tagText returns the text of a tag, and whether its encoding is known. A text declared as Latin-1, or without a
// declaration, is often in the encoding of the writer's machine. It is accepted if it is ASCII, or UTF-8, or if its
// letters beyond ASCII stand alone or, in a longer word, in pairs: that is common in European languages and very rare
// in the bytes of other scripts.
func tagText(said string, doubtful bool, declared string) (string, bool) {
	if !doubtful || !strings.ContainsFunc(said, func(r rune) bool { return r >= utf8.RuneSelf }) {
		return said, true
	}
	raw := []byte(said)
	if utf8.ValidString(said) {
		raw = raw[:0]
		for _, r := range said {
			if r > 0xFF {
				return said, true // UTF-8 without a declaration
			}
			raw = append(raw, byte(r))
		}
	}
	if declared == "" && utf8.Valid(raw) {
		return string(raw), true
	}
	if declared != "" {
		out, err := charset.Decode(raw, declared)
		return string(out), err == nil
	}
	letters := 0 // ASCII letters: a text without any is hardly in a European language
	for word := range bytes.FieldsSeq(raw) {
		longest, run, plain := 0, 0, 0
		for _, b := range word {
			switch {
			case b < 0x80:
				run, plain = 0, plain+1
				if b |= 0x20; b >= 'a' && b <= 'z' {
					letters++
				}
				continue
			case b < 0xC0 || b == 0xD7 || b == 0xF7: // not a letter
				return "", false
			}
			run++
			longest = max(longest, run)
		}
		if longest > 2 || longest == 2 && plain < 3 {
			return "", false
		}
	}
	if letters == 0 {
		return "", false
	}
	out, err := charset.Decode(raw, "windows-1252")
	return string(out), err == nil
}
