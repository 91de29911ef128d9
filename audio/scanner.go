package audio

import (
	"errors"
	"io"
)

// Frame is one Layer III frame of the file.
type Frame struct {
	Header Header
	Offset int64  // of the header, in bytes from the start of the file
	Data   []byte // the whole frame, header included; valid until the next call of Next
	// Damaged means that bytes of this frame are missing or foreign, so it must not be heard.
	Damaged bool
	// Broken means that the main data of later frames cannot begin in this frame or before it.
	Broken bool
	// Skipped is the number of junk bytes between this frame and the next.
	Skipped int64
	// Lost is the number of whole frames that are missing between this frame and the next.
	Lost int
}

// Scanner finds the frames of an MP3 in a stream of bytes, and separates tags and junk from them. It accepts a frame
// only if the following frames agree with it, so it never takes a sync word inside a picture, a tag or noise for audio.
// Its memory is constant for all inputs, and its time is linear.
type Scanner struct {
	r     io.Reader
	buf   []byte
	pos   int   // index in buf of the next byte to examine
	base  int64 // in the file, of buf[0]
	err   error // the error with which r ended
	frame []byte

	locked bool
	lock   Header // header of the first frame
	cbr    bool   // all frames so far have the bitrate of the first
	tags   tagCollector

	leading, trailing int64   // bytes of junk before the first and after the last frame
	truncated         bool    // the file ends inside its last frame, which is not returned
	joins             []int64 // tags between audio frames, where files were concatenated
}

const (
	firstBuffer = 16 << 10
	scanBuffer  = 256 << 10 // final size of the buffer
	lockChain   = 4         // consecutive headers that start a stream
	resyncChain = 3         // consecutive headers that continue it after damage
	changeChain = 5         // consecutive headers that prove the start of another stream
	maxJoins    = 64
	maxFree     = 64 // offsets to try for a stream in free format; each is expensive
)

// NewScanner returns a scanner of r. It reads r in large pieces.
func NewScanner(r io.Reader) *Scanner {
	return &Scanner{r: r, buf: make([]byte, 0, firstBuffer), cbr: true}
}

// newScannerAt resumes the scan of a stream, whose first frame has the header lock, at the frame at offset.
func newScannerAt(r io.Reader, offset int64, lock Header) *Scanner {
	s := NewScanner(r)
	s.base, s.lock, s.locked = offset, lock, true
	return s
}

// Offset returns the position in the file up to which the scan is complete.
func (s *Scanner) Offset() int64 { return s.base + int64(s.pos) }

// Next returns the next frame. It fails with io.EOF after the last one, with a *Rejection if the bytes are not an MP3
// that can be decoded, and with the reader's error.
func (s *Scanner) Next() (Frame, error) {
	s.compact()
	if !s.locked {
		if err := s.start(); err != nil {
			return Frame{}, err
		}
	}
	h, ok := s.streamHeader(s.pos)
	if !ok {
		junk, err := s.between()
		if err != nil {
			return Frame{}, err
		}
		if h, ok = s.streamHeader(s.pos); !ok {
			s.trailing += junk
			return Frame{}, s.end()
		}
	}
	if !s.have(s.pos + h.Size()) {
		s.truncated = true
		return Frame{}, s.end()
	}
	if h.BitrateKbps != s.lock.BitrateKbps {
		s.cbr = false
	}
	s.frame = append(s.frame[:0], s.buf[s.pos:s.pos+h.Size()]...)
	f := Frame{Header: h, Offset: s.Offset(), Data: s.frame}
	return f, s.follow(&f)
}

// follow moves to the end of f, and uses the following bytes to judge f.
func (s *Scanner) follow(f *Frame) error {
	next := s.pos + len(f.Data)
	if h, ok := s.streamHeader(next); ok {
		// A mode that differs from both neighbours is a flipped bit, not a change.
		if f.Header.Channels() != s.lock.Channels() && h.Channels() == s.lock.Channels() {
			f.Damaged, f.Broken = true, true
		}
		s.pos = next
		return nil
	}
	if !s.have(next+1) || s.tagAt(next) > 0 {
		s.pos = next
		return s.failure()
	}
	// The next header is not at the expected position. If a stream continues inside this frame, some of its bytes are
	// missing.
	for i := s.pos + headerSize; i < next; i++ {
		if _, ok := s.streamHeader(i); ok && s.chain(i, resyncChain, false) {
			f.Damaged, f.Broken = true, true
			s.pos = i
			return s.failure()
		}
	}
	s.pos = next
	junk, err := s.between()
	if err != nil {
		return err
	}
	if _, ok := s.streamHeader(s.pos); !ok { // junk at the end proves nothing about this frame
		s.trailing += junk
		return nil
	}
	f.Skipped, f.Lost = junk, s.framesIn(junk)
	f.Broken = junk > 0
	f.Damaged = f.Broken && f.Lost == 0
	return nil
}

// framesIn returns the number of frames of a constant bitrate that fill n bytes. It returns 0 if no number does: the
// bytes were then inserted, and no frame is lost. Padding keeps the bitrate constant, so the length of consecutive
// frames is within a byte of their number times the mean length (ISO/IEC 11172-3, 2.4.3.1), which may be fractional.
func (s *Scanner) framesIn(n int64) int {
	if !s.cbr {
		return 0
	}
	rate, mean := int64(s.lock.SampleRate), int64(s.lock.Samples()/8*1000*s.lock.BitrateKbps) // mean length times rate
	k := (n*rate + mean/2) / mean
	if off := n*rate - k*mean; off <= -rate || off >= rate {
		return 0
	}
	return int(k)
}

// start finds the first frame.
func (s *Scanner) start() error {
	s.have(sniffSize)
	if s.tagAt(0) == 0 && s.failure() == nil {
		if r := otherFormat(s.buf[:min(len(s.buf), sniffSize)]); r != nil {
			return r
		}
	}
	text := textName(s.buf[:min(len(s.buf), sniffSize)])
	for s.skipTag() {
	}
	before := s.Offset()
	s.have(s.pos + sniffSize)
	if before > 0 && s.pos < len(s.buf) {
		if name := formatName(s.buf[s.pos:min(len(s.buf), s.pos+sniffSize)]); name != "" {
			return reject(RejectNotMP3, "Behind its tags this is %s, not an MP3: export it as MP3 and upload it again.", name)
		}
	}
	zeros, free := true, 0
	for ; s.have(s.pos + headerSize); zeros = s.skipByte() && zeros {
		s.compact()
		for s.skipTag() {
		}
		h, ok := s.header(s.pos)
		switch {
		case !ok:
		case h.BitrateKbps == 0:
			if free++; free < maxFree && h.Layer == 3 && s.freeFormat(s.pos) {
				return reject(RejectFreeFormat, "This MP3 is in free format, on which players do not agree: export it with a "+
					"bitrate of 32 to 320 kb/s.")
			}
		case !s.chain(s.pos, lockChain, before == s.Offset()):
		case h.Layer != 3:
			return reject(RejectLayer, "This is MPEG audio Layer %s, not Layer III: export it as MP3.",
				[...]string{"", "I", "II"}[h.Layer])
		case h.SampleRate == 8000:
			return reject(RejectRate, "This is MPEG 2.5 at 8 kHz, which cannot be decoded here: export it at 22.05 kHz or "+
				"higher.")
		default:
			s.lock, s.locked, s.leading = h, true, s.Offset()-before
			return s.failure()
		}
	}
	if err := s.failure(); err != nil {
		return err
	}
	switch {
	case s.Offset() == 0 && len(s.buf) == 0:
		return reject(RejectEmpty, "The file is empty: upload it again.")
	case text != "":
		return reject(RejectNotMP3, "This is %s, not an MP3: export the recording as MP3 and upload it again.", text)
	case s.tags.overrun:
		return reject(RejectTag, "The tag at the start claims more bytes than the file has, so that no audio is left: "+
			"export the file again.")
	case before > 0 && s.Offset() == before:
		return reject(RejectNoAudio, "The file holds tags but no audio: export it again.")
	case zeros:
		return reject(RejectEmpty, "The file holds nothing but zeros, as a broken transfer leaves behind: upload it again.")
	}
	return reject(RejectNotMP3, "No MP3 audio was found in this file: export the recording as MP3 and upload it again.")
}

// skipByte skips one byte, and then to the next byte that can begin a frame or a tag. It reports whether all skipped
// bytes were zeros.
func (s *Scanner) skipByte() (zeros bool) {
	zeros = true
	for first := true; s.pos < len(s.buf); first = false {
		switch s.buf[s.pos] {
		case 0xFF, 'I', 'T', 'A', 'L', '3':
			if !first {
				return zeros
			}
			zeros = false
		case 0:
		default:
			zeros = false
		}
		s.pos++
	}
	return zeros
}

// between skips tags and junk up to the next frame of the stream, or the end, and returns the amount of junk.
func (s *Scanner) between() (junk int64, err error) {
	for s.have(s.pos + headerSize) {
		s.compact()
		if s.skipTag() {
			if len(s.joins) < maxJoins {
				s.joins = append(s.joins, s.Offset())
			}
			continue
		}
		if h, ok := s.header(s.pos); ok && h.Layer == 3 && h.BitrateKbps != 0 {
			same := h.sameStream(s.lock)
			if same && s.chain(s.pos, resyncChain, false) {
				return junk, s.failure()
			}
			if !same && s.chain(s.pos, changeChain, false) {
				return junk, reject(RejectRateChange,
					"The sample rate changes from %d Hz to %d Hz inside the file: export it as one piece with one sample rate.",
					s.lock.SampleRate, h.SampleRate)
			}
		}
		at := s.pos
		s.skipByte()
		junk += int64(s.pos - at)
	}
	junk += int64(len(s.buf) - s.pos)
	s.pos = len(s.buf)
	return junk, s.failure()
}

// chain reports whether want consecutive headers of one stream start at at. Two are enough if they lead to a tag or to
// the end of the file, even within a truncated last frame; one is enough if lone is set and it ends exactly there.
func (s *Scanner) chain(at, want int, lone bool) bool {
	first, ok := s.header(at)
	if !ok || first.BitrateKbps == 0 {
		return false
	}
	next := at + first.Size()
	for n := 1; n < want; n++ {
		if !s.have(next + 1) {
			return n >= 2 || lone && next == len(s.buf)
		}
		h, ok := s.header(next)
		if !ok || !h.sameStream(first) {
			return (n >= 2 || lone) && s.tagAt(next) > 0
		}
		next += h.Size()
	}
	return true
}

// freeFormat reports whether frames without a stated bitrate repeat at a constant distance from at on.
func (s *Scanner) freeFormat(at int) bool {
	first, _ := s.header(at)
	pad := func(h Header) int {
		if h.Padding {
			return 1
		}
		return 0
	}
	for size := first.bodyOffset() + first.sideInfoSize(); size < 2*maxFrameSize; size++ {
		next, n := at, 0
		for h := first; n < lockChain-1; n++ {
			next += size + pad(h)
			var ok bool
			if h, ok = s.header(next); !ok || !h.sameStream(first) {
				break
			}
		}
		if n == lockChain-1 {
			return true
		}
	}
	return false
}

// header parses the header at an index of buf.
func (s *Scanner) header(at int) (Header, bool) {
	if !s.have(at + headerSize) {
		return Header{}, false
	}
	return parseHeader(s.buf[at:])
}

// streamHeader parses the header at an index of buf and reports whether it belongs to the stream.
func (s *Scanner) streamHeader(at int) (Header, bool) {
	h, ok := s.header(at)
	return h, ok && h.sameStream(s.lock)
}

// end returns io.EOF or the reader's error.
func (s *Scanner) end() error {
	if err := s.failure(); err != nil {
		return err
	}
	return io.EOF
}

// failure returns the reader's error, unless it is the end of the file.
func (s *Scanner) failure() error {
	if s.err == nil || errors.Is(s.err, io.EOF) {
		return nil
	}
	return s.err
}

// have reads until buf holds end bytes, and reports whether it does.
func (s *Scanner) have(end int) bool {
	for idle := 0; len(s.buf) < end && s.err == nil; {
		if len(s.buf) == cap(s.buf) {
			s.buf = append(make([]byte, 0, 2*cap(s.buf)), s.buf...)
		}
		n, err := s.r.Read(s.buf[len(s.buf):cap(s.buf)])
		s.buf, s.err = s.buf[:len(s.buf)+n], err
		if idle++; n > 0 {
			idle = 0
		} else if idle == 100 && err == nil {
			s.err = io.ErrNoProgress
		}
	}
	return len(s.buf) >= end
}

// compact drops the processed bytes if there are many. It invalidates indexes into buf.
func (s *Scanner) compact() {
	if s.pos < min(cap(s.buf), scanBuffer)/2 {
		return
	}
	if c := cap(s.buf); c < scanBuffer && s.base > 0 { // a long file: read it in larger pieces
		s.buf = append(make([]byte, 0, 2*c), s.buf...)
	}
	s.base += int64(s.pos)
	s.buf = s.buf[:copy(s.buf, s.buf[s.pos:])]
	s.pos = 0
}
