package audio

import (
	"bytes"
	"unicode/utf8"
)

// sniffSize is the number of bytes at the start of a file that identify its format.
const sniffSize = 4096

// otherFormat returns the rejection of a file whose first bytes prove another format, or nil if it may be an MP3.
func otherFormat(head []byte) *Rejection {
	if name := formatName(head); name != "" {
		return reject(RejectNotMP3, "This is %s, not an MP3: export it as MP3 and upload it again.", name)
	}
	return nil
}

// formatName identifies other formats by their signatures.
func formatName(head []byte) string {
	at := func(off int, s string) bool {
		return len(head) >= off+len(s) && string(head[off:off+len(s)]) == s
	}
	switch {
	case at(0, "fLaC"):
		return "a FLAC file"
	case at(0, "OggS"):
		switch {
		case bytes.Contains(head, []byte("OpusHead")):
			return "an Ogg Opus file"
		case bytes.Contains(head, []byte("\x01vorbis")):
			return "an Ogg Vorbis file"
		}
		return "an Ogg file"
	case (at(0, "RIFF") || at(0, "RF64")) && at(8, "WAVE"):
		if waveHoldsMP3(head) {
			return ""
		}
		return "a WAV file"
	case at(0, "RIFF") && at(8, "AVI "):
		return "an AVI video"
	case at(0, "FORM") && (at(8, "AIFF") || at(8, "AIFC")):
		return "an AIFF file"
	case at(4, "ftyp"):
		if at(8, "M4A") || at(8, "M4B") {
			return "an M4A (AAC) file"
		}
		return "an MP4 file"
	case at(0, "\x1aE\xdf\xa3"):
		return "a Matroska or WebM file"
	case at(0, "\x30\x26\xb2\x75\x8e\x66\xcf\x11"):
		return "a Windows Media (WMA) file"
	case at(0, "MThd"):
		return "a MIDI file"
	case at(0, "#!AMR"):
		return "an AMR recording"
	case at(0, "caff"):
		return "a Core Audio file"
	case at(0, ".snd"):
		return "a Sun AU file"
	case at(0, "ADIF"), isADTS(head):
		return "an AAC file"
	case at(0, "wvpk"):
		return "a WavPack file"
	case at(0, "MAC "):
		return "a Monkey's Audio file"
	case at(0, "\x89PNG"):
		return "a PNG picture"
	case at(0, "GIF8"):
		return "a GIF picture"
	case at(0, "\xff\xd8\xff"):
		return "a JPEG picture"
	case at(0, "%PDF"):
		return "a PDF document"
	case at(0, "PK\x03\x04"):
		return "a ZIP archive"
	case at(0, "\x1f\x8b"):
		return "a gzip archive"
	case at(0, "Rar!"):
		return "a RAR archive"
	case at(0, "#EXTM3U"):
		return "a playlist"
	}
	return ""
}

// textName identifies web pages and plain text: valid UTF-8 without control characters. Text may precede an MP3, so
// this name applies only to a file without any audio.
func textName(head []byte) string {
	text := bytes.TrimPrefix(head, []byte("\xef\xbb\xbf"))
	if len(text) < 4 {
		return ""
	}
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && n < 2 && len(text)-i >= utf8.UTFMax || r < 0x20 && r != '\n' && r != '\r' && r != '\t' {
			return ""
		}
		if r == utf8.RuneError && n < 2 {
			break // the end of head cuts the last rune
		}
		i += n
	}
	lower := bytes.ToLower(bytes.TrimSpace(text))
	if bytes.HasPrefix(lower, []byte("<!doctype html")) || bytes.HasPrefix(lower, []byte("<html")) {
		return "a web page"
	}
	if bytes.HasPrefix(lower, []byte("id3")) || bytes.HasPrefix(lower, []byte("tag")) || bytes.HasPrefix(lower,
		[]byte("apetagex")) {
		return ""
	}
	return "a text file"
}

// waveHoldsMP3 reports whether a WAV header declares its data as MP3 (format tag 0x0055).
func waveHoldsMP3(head []byte) bool {
	i := bytes.Index(head, []byte("fmt "))
	return i >= 0 && len(head) >= i+10 && head[i+8] == 0x55 && head[i+9] == 0
}

// isADTS reports whether head starts with two or more AAC frames (ISO/IEC 13818-7, 6.2), whose sync word differs from
// that of MPEG audio by a layer of zero.
func isADTS(head []byte) bool {
	at := 0
	for n := 0; ; n++ {
		if len(head) < at+7 {
			return n >= 1 && at > 0
		}
		if head[at] != 0xFF || head[at+1]&0xF6 != 0xF0 || head[at+2]>>2&15 > 12 {
			return false
		}
		size := int(head[at+3]&3)<<11 | int(head[at+4])<<3 | int(head[at+5])>>5
		if size < 7 {
			return false
		}
		if n == 2 {
			return true
		}
		at += size
	}
}
