package form

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"time"

	"lifeline/internal/fault"
	"lifeline/schedules"
)

// SampleBytes is the size of one sample of one channel: files have 16 bits.
const SampleBytes = 2

// WAVHead returns the bytes of a WAV file before its samples: the header of the file, the format, the chunks, and the
// header of the samples. Where Pads reports true, a zero byte follows the samples. It fails with TooLarge over 4 GiB.
func WAVHead(c Coding, frames int64, chunks ...Chunk) ([]byte, error) {
	size := frames * int64(c.Channels) * SampleBytes
	var b []byte
	le := binary.LittleEndian
	b = append(b, "WAVEfmt "...)
	b = le.AppendUint32(b, 16)
	b = le.AppendUint16(b, 1) // PCM
	b = le.AppendUint16(b, uint16(c.Channels))
	b = le.AppendUint32(b, uint32(c.Rate))
	b = le.AppendUint32(b, uint32(c.Rate*c.Channels*SampleBytes))
	b = le.AppendUint16(b, uint16(c.Channels*SampleBytes))
	b = le.AppendUint16(b, 8*SampleBytes)
	for _, chunk := range chunks {
		b = append(b, chunk.ID[:]...)
		b = le.AppendUint32(b, uint32(len(chunk.Body)))
		b = append(b, chunk.Body...)
		if len(chunk.Body)%2 == 1 {
			b = append(b, 0)
		}
	}
	whole := int64(len(b)) + 8 + size + size%2
	if whole > math.MaxUint32-8 {
		return nil, fault.New(fault.TooLarge, "a WAV file holds no more than 4 GiB: take flac for a window of that length")
	}
	b = append(b, "data"...)
	b = le.AppendUint32(b, uint32(size))
	return append(le.AppendUint32([]byte("RIFF"), uint32(whole)), b...), nil
}

// Pads reports whether a byte follows the samples of a WAV file.
func (c Coding) Pads(frames int64) bool { return frames*int64(c.Channels)*SampleBytes%2 == 1 }

// Chunk is a chunk of a RIFF file.
type Chunk struct {
	ID   [4]byte
	Body []byte
}

// Chunks returns the chunks of an airing's WAV file. made is when the file was made.
func (c Contract) Chunks(a Occasion, m Measured, made time.Time, version string) ([]Chunk, error) {
	loc, err := schedules.Zone(c.Naming.Zone)
	if err != nil {
		return nil, err
	}
	var out []Chunk
	for _, form := range c.Metadata {
		switch form {
		case BWF:
			out = append(out, c.bext(a, m, made.In(loc), version))
		case Cart:
			out = append(out, c.cart(a, loc, version))
		}
	}
	return out, nil
}

// Title returns the title in the metadata of a file: the programme and the day, in the contract's zone.
func (c Contract) Title(a Occasion) string {
	day := a.StartAt.UTC()
	if loc, err := schedules.Zone(c.Naming.Zone); err == nil {
		day = a.StartAt.In(loc)
	}
	title := strings.TrimSpace(c.Programme + " " + day.Format(time.DateOnly))
	if c.PartsOf() > 1 {
		title += fmt.Sprintf(" %d/%d", max(a.Part, 1), c.PartsOf())
	}
	return title
}

// reference identifies what is delivered. What changes most stands first: some fields are shorter than it.
func (a Occasion) reference() string {
	return fmt.Sprintf("%s/%d/%s/%s", a.StartAt.UTC().Format("20060102T150405Z"), a.Revision, a.Station, a.Window)
}

// fixed is a chunk of fields of fixed lengths.
type fixed struct{ b []byte }

// text appends a text in a field of n bytes: cut if it is too long, and filled with zeros.
func (f *fixed) text(s string, n int) {
	f.b = append(f.b, s[:min(len(s), n)]...)
	f.b = append(f.b, make([]byte, n-min(len(s), n))...)
}

func (f *fixed) u16(v uint16) { f.b = binary.LittleEndian.AppendUint16(f.b, v) }
func (f *fixed) u32(v uint32) { f.b = binary.LittleEndian.AppendUint32(f.b, v) }

// unmeasured stands in the loudness fields of a bext chunk where there is no value (EBU Tech 3285, 2.3).
const unmeasured = 0x7fff

// hundredths writes a measured value as bext has it, in hundredths of a unit.
func (f *fixed) hundredths(v *float64) {
	if v == nil || math.IsNaN(*v) || math.Abs(*v) > 99.99 {
		f.u16(unmeasured)
		return
	}
	f.u16(uint16(int16(math.Round(*v * 100))))
}

// bext returns the broadcast extension chunk of EBU Tech 3285, version 2, with loudness.
func (c Contract) bext(a Occasion, m Measured, made time.Time, version string) Chunk {
	var f fixed
	f.text(c.Title(a), 256)
	f.text(c.Broadcaster, 32)
	f.text(a.reference(), 32)
	f.text(made.Format(time.DateOnly), 10)
	f.text(made.Format(time.TimeOnly), 8)
	f.u32(0) // time reference: samples since midnight of the first sample, low and high; the file is no part of a day
	f.u32(0)
	f.u16(2)
	f.text("", 64) // UMID: none
	f.hundredths(m.IntegratedLUFS)
	f.u16(unmeasured) // loudness range
	f.hundredths(m.TruePeakDBTP)
	f.u16(unmeasured) // momentary
	f.u16(unmeasured) // short-term
	f.text("", 180)
	mode := map[int]string{1: "mono", 2: "stereo"}[c.Audio.Channels]
	f.b = fmt.Appendf(f.b, "A=PCM,F=%d,W=%d,M=%s,T=Lifeline %s\r\n", c.Audio.Rate, 8*SampleBytes, mode, version)
	return Chunk{[4]byte{'b', 'e', 'x', 't'}, f.b}
}

// cart returns the cart chunk of AES46-2002. Automation plays no file before its start nor after its end: those are the
// airing's, in the contract's zone.
func (c Contract) cart(a Occasion, loc *time.Location, version string) Chunk {
	var f fixed
	start, end := a.StartAt.In(loc), a.EndAt.In(loc)
	f.text("0101", 4)
	f.text(c.Title(a), 64)
	f.text(c.Broadcaster, 64)
	f.text(a.reference(), 64) // cut id
	f.text(c.ID, 64)          // client id
	f.text("", 64)            // category
	f.text("", 64)            // classification
	f.text("", 64)            // out cue
	f.text(start.Format("2006-01-02"), 10)
	f.text(start.Format(time.TimeOnly), 8)
	f.text(end.Format("2006-01-02"), 10)
	f.text(end.Format(time.TimeOnly), 8)
	f.text("Lifeline", 64)
	f.text(version, 64)
	f.text("", 64)
	f.u32(1 << 15) // the level of 0 dBFS, as a sample of 16 bits
	for range 8 {
		f.u32(0) // post timers: none
		f.u32(0)
	}
	f.text("", 276)
	f.text("", 1024)
	return Chunk{[4]byte{'c', 'a', 'r', 't'}, f.b}
}
