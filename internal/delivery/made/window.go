package made

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"lifeline/internal/delivery/form"
	"lifeline/internal/fault"
	"lifeline/internal/playout/dsp"
)

// RenderedWindow is a rendered window: stereo of 16 bits, as internal/render makes it.
type RenderedWindow struct {
	Rate   int
	Frames int64

	file io.ReadSeeker
	at   int64 // of the first sample
}

// OpenWindow reads the header of a rendered window, a WAV file. It fails with Unsupported unless that has two channels
// of 16 bits.
func OpenWindow(file io.ReadSeeker) (*RenderedWindow, error) {
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	var head [12]byte
	if _, err := io.ReadFull(file, head[:]); err != nil || string(head[:4]) != "RIFF" || string(head[8:]) != "WAVE" {
		return nil, fault.New(fault.Unsupported, "a rendered window must be a WAV file")
	}
	s := &RenderedWindow{file: file, at: int64(len(head))}
	for {
		var chunk [8]byte
		if _, err := io.ReadFull(file, chunk[:]); err != nil {
			return nil, fault.New(fault.Damaged, "the WAV file has no samples")
		}
		s.at += int64(len(chunk))
		size := int64(binary.LittleEndian.Uint32(chunk[4:]))
		switch string(chunk[:4]) {
		case "fmt ":
			var f [16]byte
			if _, err := io.ReadFull(file, f[:]); err != nil {
				return nil, fault.New(fault.Damaged, "the WAV file has no whole format")
			}
			le := binary.LittleEndian
			if le.Uint16(f[:]) != 1 || le.Uint16(f[2:]) != dsp.Channels || le.Uint16(f[14:]) != 8*form.SampleBytes {
				return nil, fault.New(fault.Unsupported, "a rendered window has two channels of 16 bits")
			}
			s.Rate = int(le.Uint32(f[4:]))
		case "data":
			if s.Rate < 8000 || s.Rate > 192_000 {
				return nil, fault.New(fault.Damaged, "the WAV file has the sample rate %d", s.Rate)
			}
			s.Frames = size / (dsp.Channels * form.SampleBytes)
			return s, nil
		}
		s.at += size + size%2
		if _, err := file.Seek(s.at, io.SeekStart); err != nil {
			return nil, err
		}
	}
}

// Length returns the duration of the window.
func (s *RenderedWindow) Length() time.Duration { return dsp.Rate(s.Rate).Duration(s.Frames) }

// shape is how the samples of a source become those of a file.
type shape struct {
	form.Coding
	leadIn, tail int64   // frames of silence
	gain         float64 // factor
	ceiling      float64 // true peak, as a magnitude; 0: there is none
}

// frames returns the number of frames of the file.
func (h shape) frames(s *RenderedWindow) int64 {
	return h.leadIn + dsp.Rate(h.Rate).From(s.Frames, s.Rate) + h.tail
}

// blockFrames is the number of frames that are converted together.
const blockFrames = 4096

// limiterCeiling is the true peak that dsp.Limiter keeps, as a magnitude: -1 dBTP.
var limiterCeiling = math.Pow(10, -1.0/20)

// convert passes the samples of a file, interleaved in blocks, to use.
func (s *RenderedWindow) convert(ctx context.Context, h shape, use func(pcm []float32) error) error {
	if _, err := s.file.Seek(s.at, io.SeekStart); err != nil {
		return err
	}
	scale := h.gain
	if h.ceiling > 0 { // the limiter has a ceiling of its own
		scale *= limiterCeiling / h.ceiling
	}
	from := &samples{in: bufio.NewReaderSize(s.file, 1<<16), left: s.Frames, channels: h.Channels, scale: float32(scale)}
	resampler, err := dsp.NewResampler(s.Rate, h.Rate, h.Channels, 0, from.read)
	if err != nil {
		return fault.New(fault.Unsupported, "a window of %d Hz cannot be made into one of %d Hz", s.Rate, h.Rate)
	}
	from.silent = max(-resampler.SourceStart(), 0) // before the window
	next := resampler.Read
	if h.ceiling > 0 {
		next = dsp.NewLimiter(dsp.Rate(h.Rate), h.Channels, resampler.Read).Read
	}
	silence := func([]float32) error { return nil }
	programme := func(pcm []float32) error {
		if err := next(pcm); err != nil {
			return err
		}
		if h.ceiling > 0 {
			for i := range pcm {
				pcm[i] *= float32(h.ceiling / limiterCeiling)
			}
		}
		return nil
	}
	for _, part := range []struct {
		frames int64
		fill   func([]float32) error
	}{{h.leadIn, silence}, {dsp.Rate(h.Rate).From(s.Frames, s.Rate), programme}, {h.tail, silence}} {
		for done := int64(0); done < part.frames; {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			n := min(blockFrames, part.frames-done)
			pcm := make([]float32, int(n)*h.Channels)
			if err := part.fill(pcm); err != nil {
				return err
			}
			if err := use(pcm); err != nil {
				return err
			}
			done += n
		}
	}
	return nil
}

// samples reads a source as floats of one or two channels, between silence.
type samples struct {
	in       *bufio.Reader
	silent   int64 // frames of silence before the first
	left     int64
	channels int
	scale    float32
}

// read fills dst with whole frames, with silence after the last. A source that ends too early is an error.
func (s *samples) read(dst []float32) (int, error) {
	var frame [dsp.Channels * form.SampleBytes]byte
	for i := 0; i < len(dst); i += s.channels {
		if s.silent > 0 || s.left == 0 {
			s.silent = max(s.silent-1, 0)
			clear(dst[i : i+s.channels])
			continue
		}
		if _, err := io.ReadFull(s.in, frame[:]); err != nil {
			if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				return 0, fault.New(fault.Damaged, "the rendered window ends %d samples too early", s.left)
			}
			return 0, fmt.Errorf("made: %w", err)
		}
		s.left--
		left := float32(int16(binary.LittleEndian.Uint16(frame[:]))) / (1 << 15) * s.scale
		right := float32(int16(binary.LittleEndian.Uint16(frame[2:]))) / (1 << 15) * s.scale
		if s.channels == 1 {
			dst[i] = (left + right) / 2
		} else {
			dst[i], dst[i+1] = left, right
		}
	}
	return len(dst), nil
}

// quantise appends samples as 16 bits.
func quantise(b []byte, pcm []float32) []byte {
	for _, v := range pcm {
		n := math.Round(float64(v) * (1 << 15))
		b = binary.LittleEndian.AppendUint16(b, uint16(int16(max(-1<<15, min(1<<15-1, n)))))
	}
	return b
}

// planes divides interleaved samples into channels.
func planes(pcm []float32, channels int) [][]float32 {
	if channels == 1 {
		return [][]float32{pcm}
	}
	out := make([][]float32, channels)
	for ch := range out {
		out[ch] = make([]float32, len(pcm)/channels)
		for i := range out[ch] {
			out[ch][i] = pcm[i*channels+ch]
		}
	}
	return out
}
