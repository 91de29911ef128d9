package audio

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/hajimehoshi/go-mp3"
)

// chunk is a run of units to decode, preceded by the units that the decoder needs for warm-up.
type chunk struct {
	first int64 // number of the first unit after the warm-up
	warm  int
	units []unit
	arena []byte // memory of the units' slices

	pcm   [2][]float32 // per channel; the second is empty for mono
	muted []spot       // units that the decoder refused
}

// add copies u into the chunk.
func (c *chunk) add(u unit) {
	at := len(c.arena)
	c.arena = append(append(c.arena, u.side...), u.data...)
	u.side, u.data = c.arena[at:at+len(u.side)], c.arena[at+len(u.side):len(c.arena)]
	c.units = append(c.units, u)
}

// reset empties c and keeps its memory.
func (c *chunk) reset(first int64) {
	*c = chunk{first: first, units: c.units[:0], arena: c.arena[:0], pcm: [2][]float32{c.pcm[0][:0], c.pcm[1][:0]},
		muted: c.muted[:0]}
}

// decoder turns chunks into PCM with go-mp3. The output for a unit depends only on that unit and the warm-up units
// before it, so every division into chunks gives the same samples.
type decoder struct {
	format   feedFormat
	channels int // of the PCM: 1 or 2
	pack     packer
	raw      []byte
}

func newDecoder(format feedFormat, channels int) *decoder {
	return &decoder{format: format, channels: channels, pack: packer{format: format}, raw: make([]byte, 4*format.samples)}
}

// decode fills c.pcm with the samples of all units except the warm-up. Units that go-mp3 rejects, or panics on, become
// silence and are listed in c.muted.
func (d *decoder) decode(c *chunk) error {
	for ch := range d.channels {
		if n := (len(c.units) - c.warm) * d.format.samples; cap(c.pcm[ch]) < n {
			c.pcm[ch] = make([]float32, 0, n)
		}
	}
	for from := 0; from < len(c.units); {
		to := from + 1
		for to < len(c.units) && c.units[to].mono == c.units[from].mono {
			to++
		}
		if err := d.run(c, from, to); err != nil {
			return err
		}
		from = to
	}
	return nil
}

// run decodes the units from..to, which have the same number of channels, with a newly started decoder.
func (d *decoder) run(c *chunk, from, to int) error {
	next := max(from, c.warm) // the first unit whose PCM is still missing
	for start := from; next < to; {
		d.pack.reset(c.units[from].mono)
		for _, u := range c.units[start:to] {
			d.pack.add(u)
		}
		dec, err := openFeed(&feed{bytes.NewReader(d.pack.out)})
		if err == nil {
			err = readFrame(dec, d.raw)
		}
		if err != nil {
			return fmt.Errorf("audio: decode frame %d: %w", c.first+int64(start-c.warm), err)
		}
		k := start
		for ; k < to; k++ {
			if err = readFrame(dec, d.raw); err != nil {
				break
			}
			if k >= next {
				d.emit(c, c.units[k].mono)
				next = k + 1
			}
		}
		if k == to {
			break
		}
		if c.units[k].muted {
			return fmt.Errorf("audio: decode frame %d: silence refused: %w", c.first+int64(k-c.warm), err)
		}
		c.units[k].muted = true
		if k >= c.warm {
			c.muted = append(c.muted, spot{why: faultDecoder, offset: c.units[k].offset, first: c.first + int64(k-c.warm),
				units: 1})
		}
		start = max(from, min(k, next)-d.format.warm)
	}
	return nil
}

// emit appends the frame in d.raw to the PCM with d.channels channels.
func (d *decoder) emit(c *chunk, mono bool) {
	left := grow(&c.pcm[0], d.format.samples)
	raw := d.raw[:4*len(left)]
	switch {
	case d.channels == 1 && mono:
		for i := range left {
			left[i] = sample(int32(int16(binary.LittleEndian.Uint16(raw[4*i:]))))
		}
	case d.channels == 1:
		for i := range left {
			v := binary.LittleEndian.Uint32(raw[4*i:])
			left[i] = (sample(int32(int16(v))) + sample(int32(v)>>16)) / 2
		}
	default:
		right := grow(&c.pcm[1], d.format.samples)[:len(left)]
		for i := range left {
			v := binary.LittleEndian.Uint32(raw[4*i:])
			left[i], right[i] = sample(int32(int16(v))), sample(int32(v)>>16)
		}
	}
}

// grow appends n elements to s, whose capacity must suffice, and returns them.
func grow(s *[]float32, n int) []float32 {
	at := len(*s)
	*s = (*s)[:at+n]
	return (*s)[at:]
}

// fullScale is the value of a sample that go-mp3 clipped.
const fullScale = 1

// sample converts one of go-mp3's 16-bit values. go-mp3 multiplies by 32767 and truncates towards zero, so sample adds
// half a step to every non-zero value. Full scale becomes exactly 1.
func sample(v int32) float32 {
	sign := v>>31 | int32(uint32(-v)>>31)
	return float32(2*v+sign) * (1.0 / 65535)
}

// feed hides the Seek method of the packed stream, because go-mp3 would use it and seek incorrectly.
type feed struct{ r *bytes.Reader }

func (f *feed) Read(b []byte) (int, error) { return f.r.Read(b) }

// openFeed calls mp3.NewDecoder and returns its panics as errors.
func openFeed(r io.Reader) (dec *mp3.Decoder, err error) {
	defer recovered(&err)
	return mp3.NewDecoder(r)
}

// readFrame reads one frame's PCM and returns go-mp3's panics as errors.
func readFrame(dec *mp3.Decoder, raw []byte) (err error) {
	defer recovered(&err)
	_, err = io.ReadFull(dec, raw)
	return err
}

func recovered(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("go-mp3 panicked: %v", p)
	}
}
