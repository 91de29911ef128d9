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

	"github.com/mozillazg/go-unidecode"

	"lifeline/audio"
	"lifeline/internal/charset"
	"lifeline/internal/text"
)

var notOfIDs = regexp.MustCompile(`[^a-z0-9._]+`)

// idOf makes an id from a name. Letters of other scripts are written in Latin ones. If characters of the name cannot
// stand in an id, the id ends in a hash of the name, so that two different names always get different ids.
func idOf(name string) string { return idBy(name, inLatin) }

// inLatin writes the letters of other scripts in Latin ones.
func inLatin(name string) string {
	var out strings.Builder
	for _, r := range name {
		if r < utf8.RuneSelf {
			out.WriteRune(r)
			continue
		}
		out.WriteString(strings.NewReplacer("'", "", `"`, "").Replace(unidecode.Unidecode(string(r))))
	}
	return out.String()
}

// formerIDOf returns the id that earlier versions made from a name: they left letters of other scripts out.
func formerIDOf(name string) string { return idBy(name, func(name string) string { return name }) }

// idBy makes an id from a name, whose letters latin writes in Latin ones.
func idBy(name string, latin func(string) string) string {
	name = strings.ToLower(text.Clean(name))
	readable := strings.ReplaceAll(name, " ", "-")
	id := strings.Trim(notOfIDs.ReplaceAllString(strings.ToLower(latin(name)), "-"), "-._")
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

// tagTexts returns the texts of a recording's tags by field, and the fields whose encoding is unknown. A file with no
// tags, or with tags that cannot be read, has none.
func tagTexts(r io.ReadSeeker, declared string) (texts map[string]string, unread []string) {
	texts = map[string]string{}
	tags, err := audio.ReadTagTexts(r)
	if err != nil {
		return texts, nil
	}
	for field, said := range map[string]audio.TagText{"title": tags.Title, "voice": tags.Artist, "series": tags.Album} {
		kept, known := tagText(said.Text, !said.Unicode, declared)
		if !known {
			unread = append(unread, field)
			continue
		}
		texts[field] = text.Clean(kept)
	}
	slices.Sort(unread)
	return texts, unread
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
