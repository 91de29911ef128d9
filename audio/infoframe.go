package audio

import (
	"bytes"
	"encoding/binary"
	"strconv"
	"strings"
)

// decoderDelay is the delay of a Layer III decoder in samples: 528 of the filter bank and one more, by the convention
// of LAME's tag and of all gapless players.
const decoderDelay = 529

// infoFrame is the content of a first frame without audio: a Xing, Info or VBRI header.
type infoFrame struct {
	kind    string // "Xing", "Info" or "VBRI"
	frames  int64  // number of audio frames that follow; 0 if not stated
	bytes   int64
	quality int
	encoder string // such as "LAME3.100"
	method  byte   // LAME's tag: 1 constant, 2 average, 3 to 6 variable, 8 constant and 9 average in two passes
	lame    bool   // LAME's tag or a comment states delay and padding
	delay   int    // samples that the encoder added before the audio
	padding int    // samples that it added after the audio
}

// parseInfoFrame parses f as a Xing, Info or VBRI header, and reports false if it is an ordinary frame.
func parseInfoFrame(f Frame) (infoFrame, bool) {
	d := f.Data
	if len(d) >= headerSize+32+26 && string(d[headerSize+32:headerSize+36]) == "VBRI" {
		b := d[headerSize+32:]
		return infoFrame{
			kind: "VBRI", quality: int(binary.BigEndian.Uint16(b[8:])),
			bytes: int64(binary.BigEndian.Uint32(b[10:])), frames: int64(binary.BigEndian.Uint32(b[14:])),
		}, true
	}
	// LAME ignores the check word when it computes the position of the tag; other encoders include it.
	for _, at := range []int{headerSize + f.Header.sideInfoSize(), f.Header.bodyOffset() + f.Header.sideInfoSize()} {
		if len(d) < at+8 {
			continue
		}
		kind := string(d[at : at+4])
		if kind != "Xing" && kind != "Info" {
			continue
		}
		info := infoFrame{kind: kind}
		flags, b := binary.BigEndian.Uint32(d[at+4:]), d[at+8:]
		for bit, n := range []int{4, 4, 100, 4} {
			if flags&(1<<bit) == 0 {
				continue
			}
			if len(b) < n {
				return info, true
			}
			switch v := b[:n]; bit {
			case 0:
				info.frames = int64(binary.BigEndian.Uint32(v))
			case 1:
				info.bytes = int64(binary.BigEndian.Uint32(v))
			case 3:
				info.quality = int(binary.BigEndian.Uint32(v))
			}
			b = b[n:]
		}
		if len(b) >= 24 && b[0] != 0 {
			info.encoder = strings.ToValidUTF8(string(bytes.TrimRight(b[:9], "\x00 ")), "")
			info.method = b[9] & 15
			info.lame = true
			info.delay = int(b[21])<<4 | int(b[22])>>4
			info.padding = int(b[22]&15)<<8 | int(b[23])
		}
		return info, true
	}
	return infoFrame{}, false
}

// applyComment applies the delay and the padding that iTunes states in a comment, if there is no LAME tag: of the
// hexadecimal fields the second is the delay, the third the padding and the fourth the number of audible samples. Their
// sum must be a whole number of frames, and must equal the number of frames that the file states, if it does.
func (info *infoFrame) applyComment(items []id3Item, samplesPerFrame int) {
	fields := strings.Fields(gaplessComment(items))
	if len(fields) < 4 {
		return
	}
	delay, wrong1 := strconv.ParseUint(fields[1], 16, 16)
	padding, wrong2 := strconv.ParseUint(fields[2], 16, 16)
	samples, wrong3 := strconv.ParseUint(fields[3], 16, 40)
	all := int64(delay + padding + samples)
	frames := all / int64(samplesPerFrame)
	if wrong1 != nil || wrong2 != nil || wrong3 != nil || samples == 0 || all%int64(samplesPerFrame) != 0 ||
		info.frames != 0 && info.frames != frames {
		return
	}
	info.frames, info.delay, info.padding, info.lame = frames, int(delay), int(padding), true
}

// timeline selects the decoded samples that are heard: all except the stated delay and padding.
type timeline struct {
	begin, end int64 // the heard interval within the stated frames
	stated     int64 // samples in the stated frames; later samples are all heard. 0 means that everything is heard
}

// newTimeline trims according to info: from the start, the delay plus the decoder's delay; from the end, the padding
// minus the decoder's delay. It trims nothing if the number of frames is not stated or less than the trim.
func newTimeline(info infoFrame, samplesPerFrame int) timeline {
	t := timeline{stated: info.frames * int64(samplesPerFrame)}
	t.begin = int64(info.delay) + decoderDelay
	t.end = min(t.stated-int64(info.padding)+decoderDelay, t.stated)
	if !info.lame || t.stated == 0 || t.end <= t.begin {
		return timeline{}
	}
	return t
}

// span is a half-open interval of samples.
type span struct{ from, to int64 }

// heard returns the heard parts of the decoded samples from..to, in order.
func (t timeline) heard(from, to int64) []span {
	if t.stated == 0 {
		return []span{{from, to}}
	}
	var s []span
	if a, b := max(from, t.begin), min(to, t.end); a < b {
		s = append(s, span{a, b})
	}
	if a := max(from, t.stated); a < to {
		s = append(s, span{a, to})
	}
	return s
}

// audible returns how many of the first n decoded samples are heard.
func (t timeline) audible(n int64) int64 {
	var sum int64
	for _, s := range t.heard(0, n) {
		sum += s.to - s.from
	}
	return sum
}

// decoded returns the position among the decoded samples of an audible sample.
func (t timeline) decoded(at int64) int64 {
	if t.stated == 0 {
		return at
	}
	if first := t.end - t.begin; at >= first {
		return t.stated + at - first
	}
	return t.begin + at
}
