package playout

import (
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"lifeline/audio"
	"lifeline/internal/playout/dsp"
	"lifeline/internal/wire"
)

// Decoder decodes one recording to PCM. One goroutine at a time may use it. It does not panic on invalid input.
type Decoder interface {
	SampleRate() int
	Channels() int
	Samples() int64                             // total audible frames
	Read(dst []float32) (frames int, err error) // interleaved whole frames; io.EOF at the end
	SeekTo(sample int64) error                  // to an audible frame
}

// Open opens a recording of size bytes for decoding. It fails if the bytes are not a valid recording.
type Open func(r io.ReaderAt, size int64) (Decoder, error)

// OpenMP3 is the Open for the format that the service delivers.
func OpenMP3(r io.ReaderAt, size int64) (Decoder, error) { return audio.Open(r, size) }

// preroll is how much of an item is decoded before the position at which it is joined, so that the limiter has the same
// state there as in a continuous airing.
const preroll = time.Second

// itemReader renders one item at the output's rate: from cue-in to cue-out, with gain, limiter and fade.
type itemReader struct {
	file   io.Closer
	chain  *dsp.Limiter
	mono   bool
	length int64 // frames from cue-in to cue-out or to the end of the recording, whichever comes first
	pos    int64 // next frame, counted from cue-in
	fade   int64 // length of the fade-out in frames
	end    int64 // frame at which the item ends, at most length; the fade ends there
	buf    []float32
}

// newItemReader returns a reader at frame offset of the item. It decodes file and closes it through closer.
func newItemReader(file io.ReaderAt, closer io.Closer, size int64, open Open, it *wire.QueueItem, rate dsp.Rate,
	offset int64) (*itemReader, error) {
	v := &itemReader{file: closer}
	if err := v.start(file, size, open, it, rate, offset); err != nil {
		return nil, errors.Join(err, closer.Close())
	}
	return v, nil
}

func (v *itemReader) start(file io.ReaderAt, size int64, open Open, it *wire.QueueItem, rate dsp.Rate,
	offset int64) error {
	dec, err := open(file, size)
	if err != nil {
		return fmt.Errorf("it cannot be decoded: %w", err)
	}
	in, ch := dec.SampleRate(), dec.Channels()
	if ch != 1 && ch != dsp.Channels {
		return fmt.Errorf("it has %d channels", ch)
	}
	v.mono = ch == 1
	cueIn := rate.Frames(it.CueIn.Duration)
	whole := rate.From(dec.Samples(), in) // length of the recording in frames at the output's rate
	v.length = min(rate.Frames(it.CueOut.Duration), whole) - cueIn
	v.end = rate.Frames(it.Duration.Duration)
	v.fade = rate.Frames(it.FadeOut.Duration)
	if offset >= v.length {
		return fmt.Errorf("it lasts only %v", rate.Duration(max(v.length, 0)))
	}
	lead := min(offset, rate.Frames(preroll))
	v.pos = offset - lead
	src := &source{dec: dec, channels: ch}
	res, err := dsp.NewResampler(in, int(rate), ch, cueIn+v.pos, src.read)
	if err != nil {
		return err
	}
	if err := src.seek(res.SourceStart()); err != nil {
		return fmt.Errorf("it cannot be decoded from %v on: %w", rate.Duration(cueIn+offset), err)
	}
	gain := float32(math.Pow(10, it.AirGain()/20))
	v.chain = dsp.NewLimiter(rate, ch, func(dst []float32) error {
		if err := res.Read(dst); err != nil {
			return err
		}
		if gain != 1 {
			for i := range dst {
				dst[i] *= gain
			}
		}
		return nil
	})
	for v.pos < offset {
		n := min(offset-v.pos, int64(rate)/10+1)
		if err := v.Read(make([]float32, n*dsp.Channels)); err != nil {
			return err
		}
	}
	return v.chain.Read(nil) // decodes the first stretch now, not when it is due
}

// Read fills dst with the item's next frames in stereo. After the end of the recording it returns silence: see left.
func (v *itemReader) Read(dst []float32) error {
	n := int64(len(dst) / dsp.Channels)
	pcm := dst
	if v.mono {
		if int64(len(v.buf)) < n {
			v.buf = make([]float32, n)
		}
		pcm = v.buf[:n]
	}
	if err := v.chain.Read(pcm); err != nil {
		return fmt.Errorf("it cannot be decoded further: %w", err)
	}
	if v.mono {
		for i, s := range pcm {
			dst[2*i], dst[2*i+1] = s, s
		}
	}
	sounding := min(max(min(v.length, v.end)-v.pos, 0), n)
	clear(dst[sounding*dsp.Channels:])
	dsp.FadeOut(dst[:sounding*dsp.Channels], v.pos, v.end, v.fade)
	v.pos += n
	return nil
}

// left returns how many frames of the recording remain, independent of the end that was set.
func (v *itemReader) left() int64 { return max(v.length-v.pos, 0) }

// endBy makes the item end at its frame end, with a fade of at least fade frames before it.
func (v *itemReader) endBy(end, fade int64) {
	v.end = end
	v.fade = min(max(v.fade, fade), max(end-v.pos, 0))
}

func (v *itemReader) Close() error { return v.file.Close() }

// source reads a decoder's frames by position, with silence before the first and after the last.
type source struct {
	dec      Decoder
	channels int
	before   int64 // frames of silence before the recording begins
	ended    bool
}

func (s *source) seek(frame int64) error {
	s.before = max(-frame, 0)
	if frame >= s.dec.Samples() {
		s.ended = true
		return nil
	}
	if frame <= 0 {
		return nil // it is already there
	}
	return s.dec.SeekTo(frame)
}

func (s *source) read(dst []float32) (int, error) {
	all := len(dst) / s.channels
	if n := min(s.before*int64(s.channels), int64(len(dst))); n > 0 {
		clear(dst[:n])
		s.before -= n / int64(s.channels)
		dst = dst[n:]
	}
	for idle := 0; len(dst) > 0 && !s.ended; {
		n, err := s.dec.Read(dst)
		dst = dst[n*s.channels:]
		switch {
		case errors.Is(err, io.EOF):
			s.ended = true
		case err != nil:
			return 0, err
		case n > 0:
			idle = 0
		default:
			if idle++; idle > 100 {
				return 0, io.ErrNoProgress
			}
		}
	}
	clear(dst)
	return all, nil
}
