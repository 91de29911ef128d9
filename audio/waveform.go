package audio

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"io"
	"math"
)

// Waveform is the outline of a recording for drawing: for each run of SamplesPerPixel samples, the minimum and the
// maximum of the mean of the channels, in 8 bits, as BBC audiowaveform writes it for one channel.
type Waveform struct {
	SampleRate      int // Hz
	SamplesPerPixel int
	Data            []int8 // a minimum and a maximum per pixel
}

// Pixels returns the number of pixels.
func (w Waveform) Pixels() int { return len(w.Data) / 2 }

// MarshalJSON writes the JSON format, version 2, of BBC audiowaveform.
func (w Waveform) MarshalJSON() ([]byte, error) {
	type format struct {
		Version         int    `json:"version"`
		Channels        int    `json:"channels"`
		SampleRate      int    `json:"sample_rate"`
		SamplesPerPixel int    `json:"samples_per_pixel"`
		Bits            int    `json:"bits"`
		Length          int    `json:"length"`
		Data            []int8 `json:"data"`
	}
	data := w.Data
	if data == nil {
		data = []int8{}
	}
	return json.Marshal(format{2, 1, w.SampleRate, w.SamplesPerPixel, 8, w.Pixels(), data})
}

// UnmarshalJSON reads the output of MarshalJSON.
func (w *Waveform) UnmarshalJSON(b []byte) error {
	var f struct {
		SampleRate      int    `json:"sample_rate"`
		SamplesPerPixel int    `json:"samples_per_pixel"`
		Data            []int8 `json:"data"`
	}
	if err := json.Unmarshal(b, &f); err != nil {
		return err
	}
	*w = Waveform{f.SampleRate, f.SamplesPerPixel, f.Data}
	return nil
}

// WriteDat writes the binary format, version 2, of BBC audiowaveform: six little-endian 32-bit numbers (version, flags
// with bit 0 for 8 bits, sample rate, samples per pixel, length, channels), then the data.
func (w Waveform) WriteDat(out io.Writer) error {
	b := bufio.NewWriter(out)
	head := []uint32{2, 1, uint32(w.SampleRate), uint32(w.SamplesPerPixel), uint32(w.Pixels()), 1}
	if err := binary.Write(b, binary.LittleEndian, head); err != nil {
		return err
	}
	if err := binary.Write(b, binary.LittleEndian, w.Data); err != nil {
		return err
	}
	return b.Flush()
}

// outline computes the waveform. When there are too many pixels, it halves their number.
type outline struct {
	rate     int
	perPixel int
	lo, hi   float32
	n        int // samples in the current pixel
	data     []int8
}

const (
	firstPerPixel = 256
	maxPixels     = 1 << 14
)

func newOutline(rate int) *outline { return &outline{rate: rate, perPixel: firstPerPixel} }

func (o *outline) add(b *block) {
	for at, n := 0, b.len(); at < n; {
		take := min(o.perPixel-o.n, n-at)
		lo, hi := extremes(b.mono[at : at+take])
		if o.n == 0 {
			o.lo, o.hi = lo, hi
		} else {
			o.lo, o.hi = min(o.lo, lo), max(o.hi, hi)
		}
		at += take
		if o.n += take; o.n == o.perPixel {
			o.pixel()
		}
	}
}

// extremes returns the minimum and the maximum of x, which must not be empty.
func extremes(x []float32) (lo, hi float32) {
	lo, hi = x[0], x[0]
	for _, v := range x {
		if v < lo {
			lo = v
		}
		if v > hi {
			hi = v
		}
	}
	return lo, hi
}

// pixel ends the current pixel.
func (o *outline) pixel() {
	if len(o.data) == 2*maxPixels {
		for i := range maxPixels / 2 {
			o.data[2*i] = min(o.data[4*i], o.data[4*i+2])
			o.data[2*i+1] = max(o.data[4*i+1], o.data[4*i+3])
		}
		o.data = o.data[:maxPixels]
		o.perPixel *= 2
		return // the current pixel is now half of a larger one
	}
	o.data = append(o.data, eightBits(o.lo), eightBits(o.hi))
	o.n = 0
}

func eightBits(v float32) int8 { return int8(max(-128, min(127, math.Floor(float64(v)*128)))) }

func (o *outline) facts(f *Facts) {
	if o.n > 0 {
		o.pixel()
	}
	f.Waveform = Waveform{SampleRate: o.rate, SamplesPerPixel: o.perPixel, Data: o.data}
}
