package audio

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
	"time"
)

// tagged returns a small MP3 with metadata written by ffmpeg or lame.
func tagged(t *testing.T, args ...string) []byte {
	t.Helper()
	return contents(t, encode(t, programme(), append([]string{"-b", "64", "-m", "m"}, args...)...))
}

func TestTagsOfEveryVersionAreRead(t *testing.T) {
	lame := []string{"--tt", "Grüße aus Söul", "--ta", "Hana", "--tl", "Letters", "--ty", "2023", "--tc", "a comment"}
	for name, extra := range map[string][]string{
		"ID3v1": {"--id3v1-only"}, "ID3v2": {"--id3v2-only"}, "ID3v2 in UTF-16": {"--id3v2-only", "--id3v2-utf16"},
		"both": {"--add-id3v2"}, "padded": {"--pad-id3v2-size", "5000"},
	} {
		tags := analyse(t, tagged(t, append(append([]string{}, lame...), extra...)...)).Tags
		if tags.Title != "Grüße aus Söul" && name != "ID3v1" || tags.Artist != "Hana" || tags.Album != "Letters" ||
			tags.Year != 2023 {
			t.Errorf("%s: %+v", name, tags)
		}
	}
	in := encode(t, programme(), "-b", "64", "-m", "m")
	for _, version := range []string{"3", "4"} {
		out := temp(t, "tagged.mp3")
		run(t, "ffmpeg", "-v", "error", "-i", in, "-c", "copy", "-id3v2_version", version, "-metadata", "title=제목",
			"-metadata", "TSRC=us-s1z-99-00001",
			"-metadata", "language=kor", "-metadata", "REPLAYGAIN_TRACK_GAIN=-6.40 dB", out)
		tags := analyse(t, contents(t, out)).Tags
		if tags.Title != "제목" || tags.ISRC != "USS1Z9900001" || tags.Language != "kor" || tags.TrackGainDB == nil ||
			*tags.TrackGainDB != -6.4 {
			t.Errorf("ID3v2.%s: %+v, gain %v", version, tags, tags.TrackGainDB)
		}
	}
}

func TestChaptersAreRead(t *testing.T) {
	in, meta, out := encode(t, programme(), "-b", "64", "-m", "m"), temp(t, "chapters.txt"), temp(t, "out.mp3")
	writeFile(t, meta,
		";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=2500\ntitle=First\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=2500\nEND=7000\ntitle=Second\n")
	run(t, "ffmpeg", "-v", "error", "-i", in, "-i", meta, "-map_chapters", "1", "-map", "0:a", "-c", "copy", out)
	want := []Chapter{{Span{0, 2500 * time.Millisecond}, "First"}, {Span{2500 * time.Millisecond, 7 * time.Second},
		"Second"}}
	if d := diff(want, analyse(t, contents(t, out)).Tags.Chapters); d != "" {
		t.Error(d)
	}
}

func TestAPETagsAreRead(t *testing.T) {
	var items []byte
	for _, kv := range [][2]string{{"Cover Art (Front)", strings.Repeat("\xff\xfb\x90\x64", 20000)}, {"Title", "Night"},
		{"Artist", "Hana"}, {"REPLAYGAIN_TRACK_GAIN", "+1.25 dB"}} {
		items = binary.LittleEndian.AppendUint32(items, uint32(len(kv[1])))
		flags := uint32(0)
		if strings.HasPrefix(kv[0], "Cover") {
			flags = 2
		}
		items = binary.LittleEndian.AppendUint32(items, flags)
		items = append(append(append(items, kv[0]...), 0), kv[1]...)
	}
	head := func(flags uint32) []byte {
		b := append([]byte("APETAGEX"), 0xD0, 7, 0, 0)
		b = binary.LittleEndian.AppendUint32(b, uint32(len(items)+32))
		b = binary.LittleEndian.AppendUint32(b, 4)
		return append(binary.LittleEndian.AppendUint32(b, flags), make([]byte, 8)...)
	}
	tag := bytes.Join([][]byte{head(0xA0000000), items, head(0x80000000)}, nil)
	whole := tagged(t)
	for name, b := range map[string][]byte{"behind": append(bytes.Clone(whole), tag...), "before": append(bytes.Clone(tag),
		whole...)} {
		f := analyse(t, b)
		if f.Tags.Title != "Night" || f.Tags.Artist != "Hana" || f.Tags.TrackGainDB == nil || *f.Tags.TrackGainDB != 1.25 {
			t.Errorf("%s: %+v", name, f.Tags)
		}
		if f.Samples != analyse(t, whole).Samples || len(f.Damage.Spots) > 0 {
			t.Errorf("%s: the cover was taken for audio: %+v", name, f.Damage)
		}
	}
}

func TestTextOfTagsIsMadeSafe(t *testing.T) {
	for in, want := range map[string]string{
		"plain":                            "plain",
		" two\nlines\tand \x1b[31mred\x00": "two lines and [31mred",
		"../../../etc/passwd":              "../../../etc/passwd",
		"left\u202eright\u2066":            "leftright",
		"\xff\xfebad\xc3":                  "bad",
		strings.Repeat("가", 400):           strings.Repeat("가", 170),
		"e\u0301 한국어 ไทย \u200djoiner\u200cs": "e\u0301 한국어 ไทย \u200djoiner\u200cs",
	} {
		if got := safeText(in); got != want {
			t.Errorf("safeText(%q) = %q, want %q", in, got, want)
		}
	}
	for in, want := range map[string]string{"USS1Z9900001": "USS1Z9900001", "gb-aye-03-00123": "GBAYE0300123", "": "",
		"USS1Z990000": "", "123456789012": ""} {
		if got := isrc(in); got != want {
			t.Errorf("isrc(%q) = %q, want %q", in, got, want)
		}
	}
}
