package audio

// mpegVersion is the generation of MPEG audio, as coded in a frame header.
type mpegVersion uint8

const (
	mpeg25 mpegVersion = 0 // the unofficial extension to 8, 11.025 and 12 kHz
	mpeg2  mpegVersion = 2 // ISO/IEC 13818-3, low sampling frequencies: 16, 22.05 and 24 kHz
	mpeg1  mpegVersion = 3 // ISO/IEC 11172-3: 32, 44.1 and 48 kHz
)

// Header is the header of one MPEG audio frame (ISO/IEC 11172-3, 2.4.1.3).
type Header struct {
	Version     mpegVersion
	Layer       int  // 1, 2 or 3
	CRC         bool // a 16-bit check follows the header
	BitrateKbps int  // 0 means free format
	SampleRate  int  // Hz
	Padding     bool
	Mode        byte // 0 stereo, 1 joint stereo, 2 dual channel, 3 mono
	ModeExt     byte // joint stereo: bit 1 middle/side, bit 0 intensity
}

const headerSize = 4

// maxFrameSize is the largest frame of any layer: Layer II, 384 kb/s at 32 kHz, or Layer I, 448 kb/s at 32 kHz.
const maxFrameSize = 2881

// kbps returns the bitrate for the header's index: MPEG-1 layers I to III, then the low sampling frequencies.
func kbps(low bool, layer int, index byte) int {
	type row = [15]int
	switch {
	case !low && layer == 1:
		return row{0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448}[index]
	case !low && layer == 2:
		return row{0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384}[index]
	case !low:
		return row{0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320}[index]
	case layer == 1:
		return row{0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256}[index]
	default:
		return row{0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160}[index]
	}
}

// parseHeader parses the header at the start of b. It reports false if no decoder would accept it: no sync word, or a
// reserved version, layer, bitrate, rate or emphasis.
func parseHeader(b []byte) (Header, bool) {
	if len(b) < headerSize || b[0] != 0xFF || b[1]&0xE0 != 0xE0 {
		return Header{}, false
	}
	version, layer := mpegVersion(b[1]>>3&3), 4-int(b[1]>>1&3)
	index, rate := b[2]>>4, b[2]>>2&3
	if version == 1 || layer == 4 || index == 15 || rate == 3 || b[3]&3 == 2 {
		return Header{}, false
	}
	h := Header{
		Version: version, Layer: layer, CRC: b[1]&1 == 0, Padding: b[2]&2 != 0,
		Mode: b[3] >> 6, ModeExt: b[3] >> 4 & 3,
	}
	h.BitrateKbps = kbps(h.low(), layer, index)
	h.SampleRate = [3]int{44100, 48000, 32000}[rate]
	switch version {
	case mpeg2:
		h.SampleRate /= 2
	case mpeg25:
		h.SampleRate /= 4
	}
	return h, true
}

// low reports whether the frame uses the low sampling frequencies, with one granule instead of two.
func (h Header) low() bool { return h.Version != mpeg1 }

// Channels returns 1 or 2.
func (h Header) Channels() int {
	if h.Mode == 3 {
		return 1
	}
	return 2
}

// Samples returns the number of samples per channel in a frame.
func (h Header) Samples() int {
	switch {
	case h.Layer == 1:
		return 384
	case h.Layer == 3 && h.low():
		return 576
	}
	return 1152
}

// Size returns the frame's length in bytes with its header (ISO/IEC 11172-3, 2.4.3.1). It returns 0 for free format,
// whose frames do not state their length.
func (h Header) Size() int {
	if h.BitrateKbps == 0 {
		return 0
	}
	pad := 0
	if h.Padding {
		pad = 1
	}
	if h.Layer == 1 {
		return (12000*h.BitrateKbps/h.SampleRate + pad) * 4
	}
	return h.Samples()/8*1000*h.BitrateKbps/h.SampleRate + pad
}

// sideInfoSize returns the length in bytes of Layer III side information (ISO/IEC 11172-3, 2.4.1.7; 13818-3, 2.4.1.7).
func (h Header) sideInfoSize() int {
	switch {
	case h.low() && h.Mode == 3:
		return 9
	case h.low() || h.Mode == 3:
		return 17
	}
	return 32
}

// bodyOffset returns the offset of the side information: after the header and its check word, if it has one.
func (h Header) bodyOffset() int {
	if h.CRC {
		return headerSize + 2
	}
	return headerSize
}

// sameStream reports whether a frame with header h can follow one with header o in one stream: they have the same
// version, layer and sample rate, and both or neither use free format. Bitrate and mode may change from frame to frame.
func (h Header) sameStream(o Header) bool {
	return h.Version == o.Version && h.Layer == o.Layer && h.SampleRate == o.SampleRate &&
		(h.BitrateKbps == 0) == (o.BitrateKbps == 0)
}

// intensity reports whether the frame uses intensity stereo, which go-mp3 decodes with a silent right channel.
func (h Header) intensity() bool { return h.Mode == 1 && h.ModeExt&1 != 0 }

// crcOK verifies the check word of a Layer III frame: CRC-16 (0x8005, from 0xFFFF) over the header's last two bytes and
// the side information (ISO/IEC 11172-3, 2.4.3.1).
func (h Header) crcOK(frame []byte) bool {
	end := headerSize + 2 + h.sideInfoSize()
	if len(frame) < end {
		return false
	}
	crc := crc16(0xFFFF, frame[2:4])
	crc = crc16(crc, frame[6:end])
	return crc == uint16(frame[4])<<8|uint16(frame[5])
}

func crc16(crc uint16, b []byte) uint16 {
	for _, v := range b {
		crc ^= uint16(v) << 8
		for range 8 {
			if crc&0x8000 != 0 {
				crc = crc<<1 ^ 0x8005
			} else {
				crc <<= 1
			}
		}
	}
	return crc
}
