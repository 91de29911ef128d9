package audio

import (
	"bytes"
	"encoding/binary"
)

// maxLyrics bounds the search for the end of a Lyrics3 block, whose length is stated only after it.
const maxLyrics = 64 << 10

// tagAt returns the length in bytes of the tag that starts at an index of buf, or 0. It knows ID3v2 (2.2 to 2.4, with
// footer), ID3v1 and its extension, APEv1 and 2, and Lyrics3.
func (s *Scanner) tagAt(at int) int64 {
	s.have(at + 32)
	if at >= len(s.buf) {
		return 0
	}
	switch b := s.buf[at:]; b[0] {
	case 'I':
		return id3Size(b)
	case '3': // the footer of an appended ID3v2 tag, without the tag
		if len(b) >= 10 && b[1] == 'D' && b[2] == 'I' && b[3] < 0xFF && b[4] < 0xFF && b[6]|b[7]|b[8]|b[9] < 0x80 {
			return 10
		}
	case 'T':
		if bytes.HasPrefix(b, []byte("TAG+")) && s.have(at+227+3) && bytes.HasPrefix(s.buf[at+227:], []byte("TAG")) {
			return 227
		}
		if bytes.HasPrefix(b, []byte("TAG")) && s.have(at+128) {
			return 128
		}
	case 'A':
		return apeSize(b)
	case 'L':
		if bytes.HasPrefix(b, []byte("LYRICSBEGIN")) {
			s.have(at + maxLyrics)
			window := s.buf[at:min(len(s.buf), at+maxLyrics)]
			for _, end := range []string{"LYRICS200", "LYRICSEND"} {
				if i := bytes.Index(window, []byte(end)); i > 0 {
					return int64(i + len(end))
				}
			}
		}
	}
	return 0
}

// id3Size returns the length of the ID3v2 tag at the start of b, or 0 (ID3v2.4.0 structure, 3.1).
func id3Size(b []byte) int64 {
	if len(b) < 10 || string(b[:3]) != "ID3" || b[3] == 0xFF || b[4] == 0xFF || b[6]|b[7]|b[8]|b[9] >= 0x80 {
		return 0
	}
	n := 10 + syncsafe(b[6:])
	if b[3] >= 4 && b[5]&0x10 != 0 {
		n += 10
	}
	return n
}

func syncsafe(b []byte) int64 {
	return int64(b[0])<<21 | int64(b[1])<<14 | int64(b[2])<<7 | int64(b[3])
}

// apeSize returns the length of the APE tag at the start of b, or 0. Its size field counts the items and the footer.
func apeSize(b []byte) int64 {
	if len(b) < 32 || string(b[:8]) != "APETAGEX" {
		return 0
	}
	size, flags := int64(binary.LittleEndian.Uint32(b[12:])), binary.LittleEndian.Uint32(b[20:])
	if flags&(1<<29) == 0 || size < 32 { // a footer whose items have already passed
		return 32
	}
	return 32 + size
}

// skipTag skips the tag at pos, if there is one, and passes it to the collector. A tag that claims more bytes than the
// file has is skipped to the end of the file.
func (s *Scanner) skipTag() bool {
	left := s.tagAt(s.pos)
	if left == 0 {
		return false
	}
	s.tags.begin(s.buf[s.pos:])
	for left > 0 {
		if !s.have(s.pos + 1) {
			s.tags.overrun = true
			break
		}
		n := int(min(left, int64(len(s.buf)-s.pos)))
		s.tags.write(s.buf[s.pos : s.pos+n])
		s.pos += n
		left -= int64(n)
		s.compact()
	}
	s.tags.end()
	return true
}
