package audio

import (
	"errors"
	"io"
)

// framer fills chunks with units, in order, and collects facts from the frames.
type framer struct {
	scan  *Scanner
	asm   *assembler
	lock  Header    // header of the first audio frame
	info  infoFrame // the file's header frame, if it has one
	line  timeline
	index func(n int64, offset int64) // called for each frame before it is assembled; may be nil

	frames     int64 // units so far
	lastOffset int64 // of the last frame in the file
	bytes      int64 // of audio frames
	rates      map[int]int64
	intensity  int64 // frames in intensity stereo
	crcSeen    int64
	crcWrong   int64
	changes    []int64 // units at which the number of channels changes
	mono       bool    // the last unit was mono
	spots      []spot
	owed       int    // lost frames whose silence is still to be inserted
	last       Header // of the frame before them
	begun      bool
	ended      bool
	tail       chunk // the last units, as warm-up of the next chunk
}

// spot is a run of frames that are not heard as recorded, or a place where bytes were skipped.
type spot struct {
	why    fault
	offset int64 // in the file
	first  int64 // unit
	units  int64
	bytes  int64
}

const (
	chunkSamples  = 256 << 10 // maximum of decoded samples per channel in a chunk: about 6 s at 44.1 kHz
	flightSamples = 1 << 20   // the same for all chunks that exist at a time
	leastUnits    = 32        // minimum per chunk towards the end, so that the warm-up of 2 or 3 units stays small
	maxSpots      = 256
)

// open reads up to the first audio frame.
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
		info.applyComment(fr.scan.tags.id3, f.Header.Samples())
	}
	fr.info, fr.line = info, newTimeline(info, f.Header.Samples())
	if !ok {
		fr.take(&fr.tail, f)
	}
	return nil
}

// chunkUnits returns the number of units of the next chunk, when the given number of chunks exist at a time. Chunks
// become shorter towards the end that the file announces, if it does, so that all workers end together.
func (fr *framer) chunkUnits(chunks int) int {
	most := min(chunkSamples, flightSamples/chunks) / fr.lock.Samples()
	left := fr.info.frames - fr.frames
	if left <= 0 {
		return most
	}
	return min(most, int(max(leastUnits, left/int64(chunks))))
}

// fill fills c with the next chunk. It reports whether there was one.
func (fr *framer) fill(c *chunk, want int) (bool, error) {
	warm := len(fr.tail.units)
	if !fr.begun {
		warm, fr.begun = 0, true // the first chunk begins with the frame that open read
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

// take adds f to c, and records how many frames are lost after it.
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

// note records a spot.
func (fr *framer) note(s spot) { fr.spots = joinSpot(fr.spots, s) }

// joinSpot appends s, or merges it into the last spot if it continues that. If there are too many spots, the last one
// accumulates the counts of all further ones.
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
