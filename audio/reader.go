package audio

import (
	"errors"
	"io"
)

// Reader decodes an MP3 for playback: gapless, and with seeking to the sample. Its samples are those that Analyse
// measures. It is not safe for concurrent use.
type Reader struct {
	src     io.ReaderAt
	size    int64
	lock    Header
	line    timeline
	frames  int64 // in the file
	samples int64 // audible
	points  []checkpoint

	fr    *framer
	dec   *decoder
	chunk chunk
	view  [2][]float32 // the unread part of chunk
	spans []span       // the heard parts of chunk after view
	at    int64        // the next audible sample
}

// checkpoint is a place at which a scan can resume.
type checkpoint struct {
	unit   int64
	offset int64
	cbr    bool
}

const (
	checkpointUnits = 256 // between checkpoints, and before a unit to decode: longer than any bit reservoir
	readerUnits     = 48  // decoded at a time
)

// Open scans the size bytes of r for frames, without decoding them, and returns a Reader at the start. It fails with a
// [*Rejection] if the bytes are not a playable MP3, and with r's error.
func Open(r io.ReaderAt, size int64) (*Reader, error) {
	p := &Reader{src: r, size: size}
	fr := &framer{scan: NewScanner(io.NewSectionReader(r, 0, size))}
	fr.index = func(n, offset int64) {
		if len(p.points) == 0 || n >= p.points[len(p.points)-1].unit+checkpointUnits {
			p.points = append(p.points, checkpoint{n, offset, fr.scan.cbr})
		}
	}
	if err := fr.open(); err != nil {
		return nil, err
	}
	p.lock, p.line = fr.lock, fr.line
	for {
		more, err := fr.fill(&p.chunk, checkpointUnits)
		if err != nil {
			return nil, err
		}
		if !more {
			break
		}
	}
	p.frames = fr.frames
	p.samples = p.line.audible(p.frames * int64(p.lock.Samples()))
	if p.samples == 0 {
		return nil, reject(RejectNoAudio, "This MP3 holds no audible frame: export it again.")
	}
	p.dec = newDecoder(fr.asm.format, p.lock.Channels())
	return p, p.SeekTo(0)
}

// SampleRate returns the rate in Hz.
func (p *Reader) SampleRate() int { return p.lock.SampleRate }

// Channels returns 1 or 2. A file that changes between mono and stereo plays with the channels of its first frame.
func (p *Reader) Channels() int { return p.lock.Channels() }

// Samples returns the number of audible samples per channel.
func (p *Reader) Samples() int64 { return p.samples }

// Read fills dst with interleaved samples and returns the number of whole frames of all channels that it wrote: as many
// as fit or remain. At the end it returns io.EOF and writes nothing; it also fails with the source's error.
func (p *Reader) Read(dst []float32) (frames int, err error) {
	ch := p.Channels()
	for want := len(dst) / ch; frames < want; {
		if len(p.view[0]) == 0 {
			if err := p.next(); err != nil {
				if frames > 0 && errors.Is(err, io.EOF) {
					return frames, nil
				}
				return frames, err
			}
			continue
		}
		n := min(want-frames, len(p.view[0]))
		out := dst[frames*ch:]
		if ch == 1 {
			copy(out, p.view[0][:n])
		} else {
			for i := range n {
				out[2*i], out[2*i+1] = p.view[0][i], p.view[1][i]
			}
			p.view[1] = p.view[1][n:]
		}
		p.view[0] = p.view[0][n:]
		frames += n
		p.at += int64(n)
	}
	return frames, nil
}

// next sets view to the next heard part, and decodes further if there is none.
func (p *Reader) next() error {
	for len(p.spans) == 0 {
		if p.at >= p.samples {
			return io.EOF
		}
		more, err := p.fr.fill(&p.chunk, readerUnits)
		if err != nil {
			return err
		}
		if !more {
			return io.ErrUnexpectedEOF // the source is shorter than it was when opened
		}
		if err := p.decode(p.at); err != nil {
			return err
		}
	}
	p.show(p.spans[0])
	p.spans = p.spans[1:]
	return nil
}

// decode turns chunk into PCM and sets spans to the parts of it that are heard from an audible sample on.
func (p *Reader) decode(from int64) error {
	if err := p.dec.decode(&p.chunk); err != nil {
		return err
	}
	start := p.chunk.first * int64(p.lock.Samples())
	p.spans = p.line.heard(max(start, p.line.decoded(from)), start+int64(len(p.chunk.pcm[0])))
	return nil
}

// show sets view to a span of the decoded samples.
func (p *Reader) show(s span) {
	start := p.chunk.first * int64(p.lock.Samples())
	for ch := range p.Channels() {
		p.view[ch] = p.chunk.pcm[ch][s.from-start : s.to-start]
	}
}

// SeekTo makes the next Read start at an audible sample. The samples are the same, bit for bit, as those of reading up
// to there. SeekTo limits sample to the start and the end.
func (p *Reader) SeekTo(sample int64) error {
	p.at = max(0, min(sample, p.samples))
	p.view, p.spans = [2][]float32{}, nil
	if p.at == p.samples {
		return nil
	}
	unit := p.line.decoded(p.at) / int64(p.lock.Samples())
	point := p.points[0]
	for i := len(p.points) - 1; i > 0; i-- {
		if p.points[i].unit+checkpointUnits <= unit {
			point = p.points[i]
			break
		}
	}
	section := io.NewSectionReader(p.src, point.offset, p.size-point.offset)
	p.fr = &framer{scan: newScannerAt(section, point.offset, p.lock), lock: p.lock, frames: point.unit,
		mono: p.lock.Mode == 3}
	p.fr.scan.cbr = point.cbr
	p.fr.asm, p.fr.rates = newAssembler(p.lock), map[int]int64{}
	if point.unit < unit {
		if _, err := p.fr.fill(&p.chunk, int(unit-point.unit)); err != nil {
			return err
		}
	}
	return nil
}
