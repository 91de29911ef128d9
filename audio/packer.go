package audio

// feedFormat is the format in which units are written for go-mp3: always at the highest bitrate, so that frames that
// fitted in the file still fit; without the padding bit at the low sampling frequencies, because go-mp3 reads padded
// frames there one byte short; and MPEG 2.5 relabelled as MPEG-2 at 16 kHz, which has the same tables.
type feedFormat struct {
	head    [3]byte // the first three bytes of every frame's header
	size    int     // bytes of every frame
	samples int     // per channel and frame
	low     bool
	back    int // the largest main_data_begin, in bytes
	warm    int // frames to decode before the first useful one, for the overlap and the synthesis window
}

func newFeedFormat(h Header) feedFormat {
	f := feedFormat{samples: h.Samples(), low: h.low()}
	rate, pad := h.SampleRate, byte(1)
	f.head = [3]byte{0xFF, 0xFB, 0xE0} // MPEG-1, Layer III, no check; 320 kb/s
	f.back, f.warm = 511, 1
	if f.low {
		f.head[1], pad, f.back, f.warm = 0xF3, 0, 255, 2
	}
	if h.Version == mpeg25 {
		rate = 16000
	}
	switch rate {
	case 48000, 24000:
		f.head[2] |= 1 << 2
	case 32000, 16000:
		f.head[2] |= 2 << 2
	}
	f.head[2] |= pad << 1
	packed, _ := parseHeader([]byte{f.head[0], f.head[1], f.head[2], 0})
	f.size = packed.Size()
	return f
}

// sideInfo returns the length of the side information.
func (f feedFormat) sideInfo(mono bool) int {
	switch {
	case f.low && mono:
		return 9
	case f.low || mono:
		return 17
	}
	return 32
}

// area returns the number of bytes of main data in a frame.
func (f feedFormat) area(mono bool) int { return f.size - headerSize - f.sideInfo(mono) }

// left returns the number of free bytes that the next frame can use after n bytes of main data are written into a frame
// that follows room free bytes. It is negative if they do not fit.
func (f feedFormat) left(n, room int, mono bool) int { return min(room+f.area(mono)-n, f.back) }

// packer lays out units as a stream of frames. Each unit's data starts as early as the bit reservoir allows.
type packer struct {
	format feedFormat
	out    []byte
	zeros  [1440]byte // the largest size of a frame
	room   int        // free bytes at the end of the last frame, at most format.back
}

// reset starts a stream with one silent frame, whose bytes are all free.
func (p *packer) reset(mono bool) {
	p.out, p.room = p.out[:0], 0
	mode := byte(0)
	if mono {
		mode = 0xC0
	}
	p.add(unit{mode: mode, mono: mono, muted: true})
}

// add writes u. Its data must fit; the assembler ensures that.
func (p *packer) add(u unit) {
	f := &p.format
	at := len(p.out)
	p.out = append(p.out, f.head[0], f.head[1], f.head[2], u.mode)
	p.out = append(p.out, p.zeros[:f.size-headerSize]...)
	frame := p.out[at:]
	side := frame[headerSize : headerSize+f.sideInfo(u.mono)]
	area := frame[headerSize+len(side):]
	var data []byte
	if !u.muted {
		copy(side, u.side)
		data = u.data
	}
	back := p.room
	if f.low {
		side[0] = byte(back)
	} else {
		side[0], side[1] = byte(back>>1), side[1]&0x7F|byte(back<<7)
	}
	n := copy(p.out[at-back:at], data)
	n += copy(area, data[n:])
	p.room = min(back+len(area)-n, f.back)
}
