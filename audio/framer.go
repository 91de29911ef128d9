package audio

import (
	"errors"
	"io"
)

// framer fills chunks with units, in order, and notes what the frames say on the way.
type framer struct {
	scan  *Scanner
	asm   *assembler
	lock  Header    // the first audio frame's
	info  infoFrame // of the file, when it has one
	line  timeline
	index func(n int64, offset int64) // told of every frame before it is assembled; may be nil

	frames     int64 // units so far
	lastOffset int64 // of the last frame in the file
	bytes      int64 // of audio frames
	rates      map[int]int64
	intensity  int64 // frames in intensity stereo
	crcSeen    int64
	crcWrong   int64
	changes    []int64 // units at which the number of channels changes
	mono       bool    // the last unit was
	spots      []spot
	owed       int    // lost frames, for which silence is to come
	last       Header // of the frame before them
	begun      bool
	ended      bool
	tail       chunk // the last units, which the next chunk starts with
}

// spot is a run of frames that are not heard as they were, or a place where bytes were skipped.
type spot struct {
	why    fault
	offset int64 // in the file
	first  int64 // unit
	units  int64
	bytes  int64
}

const (
	chunkSamples  = 256 << 10 // decoded samples per channel in a chunk, at most: about 6 s at 44.1 kHz
	flightSamples = 1 << 20   // and in all chunks that exist at a time
	leastUnits    = 32        // in a chunk towards the end: the pre-roll, of two or three, must not be much of it
	maxSpots      = 256
)

// open reads up to the first frame of audio.
func (fr *framer) open() error {
	f, err := fr.scan.Next()
	if errors.Is(err, io.EOF) {
		return reject(RejectNoAudio, "The file holds no audio frame: export it again.")
	}
	if err != nil {
		return err
	}
	fr.rates = make(map[int]int64)
	fr.lock, fr.mono = f.Header, f.Header.Mode == 3
	fr.asm = newAssembler(f.Header)
	info, ok := parseInfoFrame(f)
	if !info.lame {
		info.heed(fr.scan.tags.id3, f.Header.Samples())
	}
	fr.info, fr.line = info, newTimeline(info, f.Header.Samples())
	if !ok {
		fr.take(&fr.tail, f)
	}
	return nil
}

// chunkUnits is how many units the next chunk of the stream has, when so many chunks exist at a time. Towards the end
// that the file announces, if it does, chunks become shorter, so that all workers end together.
func (fr *framer) chunkUnits(chunks int) int {
	most := min(chunkSamples, flightSamples/chunks) / fr.lock.Samples()
	left := fr.info.frames - fr.frames
	if left <= 0 {
		return most
	}
	return min(most, int(max(leastUnits, left/int64(chunks))))
}

// fill makes c the next chunk. It reports false when nothing is left.
func (fr *framer) fill(c *chunk, want int) (bool, error) {
	warm := len(fr.tail.units)
	if !fr.begun {
		warm, fr.begun = 0, true // what open took is the first chunk's
	}
	c.reset(fr.frames - int64(len(fr.tail.units)) + int64(warm))
	for _, u := range fr.tail.units {
		c.add(u)
	}
	c.warm = warm
	for len(c.units)-warm < want {
		if fr.owed > 0 {
			c.add(fr.asm.silent(fr.last))
			fr.owed--
			fr.frames++
			continue
		}
		if fr.ended {
			break
		}
		f, err := fr.scan.Next()
		if errors.Is(err, io.EOF) {
			fr.ended = true
			continue
		}
		if err != nil {
			return false, err
		}
		fr.take(c, f)
	}
	fr.tail.reset(0)
	for _, u := range c.units[max(0, len(c.units)-fr.asm.format.warm):] {
		fr.tail.add(u)
	}
	return len(c.units) > warm, nil
}

// take adds f to c, and notes how many frames are lost after it.
func (fr *framer) take(c *chunk, f Frame) {
	if fr.index != nil {
		fr.index(fr.frames, f.Offset)
	}
	h := f.Header
	fr.lastOffset = f.Offset
	fr.bytes += int64(len(f.Data))
	fr.rates[h.BitrateKbps]++
	if h.intensity() {
		fr.intensity++
	}
	if h.CRC {
		fr.crcSeen++
		if !h.crcOK(f.Data) {
			fr.crcWrong++
		}
	}
	if _, ok := parseInfoFrame(f); ok && len(fr.scan.joins) < maxJoins {
		fr.scan.joins = append(fr.scan.joins, f.Offset) // another file begins here
	}
	if mono := h.Mode == 3; mono != fr.mono && !f.Damaged {
		fr.mono = mono
		if len(fr.changes) < maxJoins {
			fr.changes = append(fr.changes, fr.frames)
		}
	}
	u, why := fr.asm.unit(f)
	if why != faultNone {
		fr.note(spot{why: why, offset: f.Offset, first: fr.frames, units: 1})
	}
	u.offset = f.Offset
	c.add(u)
	fr.frames++
	if f.Skipped > 0 {
		fr.note(spot{why: faultLost, offset: f.Offset + int64(len(f.Data)), first: fr.frames, units: int64(f.Lost),
			bytes: f.Skipped})
	}
	fr.owed, fr.last = f.Lost, h
}

// note remembers a spot.
func (fr *framer) note(s spot) { fr.spots = joinSpot(fr.spots, s) }

// joinSpot appends s, or joins it to the last spot where it goes on from that. When there are very many spots, the
// first are kept, and the last takes the counts of the rest.
func joinSpot(spots []spot, s spot) []spot {
	n := len(spots)
	if n == 0 {
		return append(spots, s)
	}
	l := &spots[n-1]
	follows := l.why == s.why && l.first+l.units == s.first && s.bytes == 0 && l.bytes == 0
	if !follows && n < maxSpots {
		return append(spots, s)
	}
	l.units += s.units
	l.bytes += s.bytes
	return spots
}
