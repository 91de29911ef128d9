package audio

// unit is one frame made independent of its position: its side information and all main data that it needs, wherever in
// the stream that was. The decoder works on units, and chunks of them can be cut anywhere.
type unit struct {
	mode   byte // the mode and mode extension bits of the header's last byte
	mono   bool
	muted  bool   // replaced by silence: lost, damaged, or not decodable
	side   []byte // side information with the main_data_begin of the file
	offset int64  // of the frame in the file
	data   []byte // main data from main_data_begin on: scale factors and Huffman codes, without unused bytes
}

// assembler turns frames into units. It tracks the bit reservoir (ISO/IEC 11172-3, 2.4.2.7 and annex C.1.5.4.2), so
// that a frame whose main data begins in lost bytes is muted instead of decoded from garbage.
type assembler struct {
	format  feedFormat
	history []byte // the available main data, at most format.back bytes
	room    int    // free bytes in the packer's stream; see feedFormat.left
	data    []byte // of the last unit, like the next two fields
	side    []byte
	filled  []byte
}

func newAssembler(h Header) *assembler {
	f := newFeedFormat(h)
	return &assembler{format: f, room: f.back}
}

// fault is the reason why a unit is muted.
type fault string

const (
	faultNone      fault = ""
	faultDamaged   fault = "damaged"   // bytes of the frame are missing or foreign
	faultReservoir fault = "reservoir" // the main data begins in bytes that are missing
	faultOverrun   fault = "overrun"   // the side information asks for more main data than there is
	faultDecoder   fault = "decoder"   // the decoder refused it
	faultLost      fault = "lost"      // the frame is missing and replaced by silence
)

// unit returns f as a unit that is valid until the next call, and the reason if the unit is muted.
func (a *assembler) unit(f Frame) (unit, fault) {
	h := f.Header
	u := unit{mode: f.Data[3] & 0xF0, mono: h.Mode == 3, muted: true}
	body := f.Data[min(h.bodyOffset(), len(f.Data)):]
	if len(body) < h.sideInfoSize() {
		a.forget()
		return u, faultDamaged
	}
	side, main := body[:h.sideInfoSize()], body[h.sideInfoSize():]
	back, bits := readSideInfo(side, h)
	why := faultNone
	switch need := (bits + 7) / 8; {
	case f.Damaged:
		why = faultDamaged
	case back > len(a.history):
		why = faultReservoir
	case need > back+len(main) || a.format.left(need, a.room, u.mono) < 0:
		why = faultOverrun
	default:
		a.data = append(append(a.data[:0], a.history[len(a.history)-back:]...), main...)[:need]
		u.side, u.data, u.muted = side, a.data, false
		a.side = append(a.side[:0], side...)
		// The packer's frames are larger than the file's; the additional bytes fit into the difference.
		if filled, ok := fillShort(a.side, a.data, h, a.format.size-h.Size(), a.filled); ok {
			a.filled, u.side, u.data = filled, a.side, filled
		}
	}
	a.room = a.format.left(len(u.data), a.room, u.mono)
	a.history = append(a.history, main...)
	if n := len(a.history) - a.format.back; n > 0 {
		a.history = a.history[:copy(a.history, a.history[n:])]
	}
	if f.Broken {
		a.forget()
	}
	return u, why
}

// forget drops the available main data, because the next frame does not continue it.
func (a *assembler) forget() { a.history = a.history[:0] }

// silent returns the unit for a missing frame.
func (a *assembler) silent(like Header) unit {
	a.room = a.format.left(0, a.room, like.Mode == 3)
	return unit{mode: like.Mode << 6, mono: like.Mode == 3, muted: true}
}

// readSideInfo returns main_data_begin, in bytes, and the sum of part2_3_length over granules and channels, in bits
// (ISO/IEC 11172-3, 2.4.1.7; 13818-3, 2.4.1.7).
func readSideInfo(side []byte, h Header) (back, mainBits int) {
	var at, step, parts int
	switch {
	case !h.low() && h.Mode == 3:
		at, step, parts = 18, 59, 2
	case !h.low():
		at, step, parts = 20, 59, 4
	case h.Mode == 3:
		at, step, parts = 9, 63, 1
	default:
		at, step, parts = 10, 63, 2
	}
	back = int(side[0])
	if !h.low() {
		back = back<<1 | int(side[1]>>7)
	}
	for range parts {
		mainBits += readBits(side, at, 12)
		at += step
	}
	return back, mainBits
}

// readBits returns the n bits of b, at most 16, that start at bit at.
func readBits(b []byte, at, n int) int {
	v := 0
	for i := at >> 3; i < at>>3+3; i++ {
		v <<= 8
		if i < len(b) {
			v |= int(b[i])
		}
	}
	return v >> (24 - at&7 - n) & (1<<n - 1)
}
