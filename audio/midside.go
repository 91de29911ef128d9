package audio

// In middle/side stereo, go-mp3 converts the channels to left and right only up to the last coded line, which it counts
// before it reorders short blocks. Lines that the reordering moves beyond that line stay unconverted, with errors of up
// to 16 dB at low bitrates. As a remedy, fillShort codes zeros up to the end in one of the channels: the decoder then
// counts all lines, and their values stay the same. A zero quadruple is a single one bit in the first table of the
// count1 region and four in the second (ISO/IEC 11172-3, table B.7).

// granule holds the position and the fields of one channel of a granule in the side information.
type granule struct {
	at     int // bit of part2_3_length
	length int // of the main data, in bits
	short  bool
	quad   int // bits of a zero quadruple
}

const (
	quadruples = 144 // to 576 lines
	maxPart23  = 4095
)

// granules lists the channels of all granules in the order of their main data.
func granules(side []byte, h Header) []granule {
	at, step, parts, flag := 20, 59, 4, 33
	if h.low() {
		at, step, parts, flag = 10, 63, 2, 38
	}
	var gs [4]granule
	for i := range parts {
		p := at + i*step
		gs[i] = granule{p, readBits(side, p, 12), readBits(side, p+flag, 3) == 0b110, 1}
		if readBits(side, p+step-1, 1) == 1 {
			gs[i].quad = 4
		}
	}
	return gs[:parts]
}

// fillShort codes zeros up to the last line in one channel of each granule of middle/side stereo with short blocks. It
// writes the new main data to data, adjusts side in place, and reports whether it changed anything. It changes nothing
// if the change would add more than spare bytes.
func fillShort(side []byte, main []byte, h Header, spare int, data []byte) ([]byte, bool) {
	if h.Mode != 1 || h.ModeExt != 2 {
		return data, false
	}
	gs := granules(side, h)
	var fill [4]int // bits to add
	added := 0
	for i := 0; i < len(gs); i += 2 {
		if !gs[i].short && !gs[i+1].short {
			continue
		}
		k := i
		if gs[i].length == 0 || gs[i+1].length > 0 && gs[i+1].quad < gs[i].quad {
			k = i + 1
		}
		if n := quadruples * gs[k].quad; gs[k].length > 0 && gs[k].length+n <= maxPart23 {
			fill[k] = n
			added += n
		}
	}
	if added == 0 || added/8+1 > spare {
		return data, false
	}
	w := bitWriter{out: data[:0]}
	from := 0
	for i, g := range gs {
		w.copy(main, from, g.length)
		from += g.length
		w.ones(fill[i])
		writeBits(side, g.at, 12, g.length+fill[i])
	}
	return w.out, true
}

// bitWriter appends bits to bytes.
type bitWriter struct {
	out  []byte
	free int // free bits in the last byte
}

// put appends the n lowest bits of v; n is at most 8.
func (w *bitWriter) put(v, n int) {
	if w.free == 0 {
		w.out, w.free = append(w.out, 0), 8
	}
	if over := n - w.free; over > 0 {
		w.out[len(w.out)-1] |= byte(v >> over)
		w.out, w.free = append(w.out, byte(v<<(8-over))), 8-over
		return
	}
	w.free -= n
	w.out[len(w.out)-1] |= byte(v << w.free)
}

// copy appends n bits of b, starting at bit from.
func (w *bitWriter) copy(b []byte, from, n int) {
	for ; n > 0; n, from = n-8, from+8 {
		k := min(n, 8)
		w.put(readBits(b, from, k), k)
	}
}

func (w *bitWriter) ones(n int) {
	for ; n > 0; n -= 8 {
		k := min(n, 8)
		w.put(1<<k-1, k)
	}
}

// writeBits sets n bits of b, starting at bit at, to v.
func writeBits(b []byte, at, n, v int) {
	for i := range n {
		bit := byte(0x80) >> ((at + i) & 7)
		b[(at+i)>>3] &^= bit
		if v>>(n-1-i)&1 == 1 {
			b[(at+i)>>3] |= bit
		}
	}
}
