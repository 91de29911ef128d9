package audio

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"math/bits"
	"time"
)

// Fingerprint is what two encodings of one recording have in common: sixteen words a second, for the first ten
// minutes, each bit of which says whether the energy falls from one band of frequency to the next faster than it did
// before (after Haitsma and Kalker, A Highly Robust Audio Fingerprinting System, 2002). A word of zero is silence.
type Fingerprint struct {
	Words []uint32
}

const (
	fingerprintRate  = 16                    // words a second
	fingerprintMax   = 600 * fingerprintRate // words
	fingerprintShift = 10 * fingerprintRate  // how far two fingerprints are slid
	fingerprintLeast = 2 * fingerprintRate   // words that must overlap
	fingerprintError = 0.33                  // share of bits that may differ in two that match
	fingerprintShare = 0.8                   // of the longer one that the overlap must be
)

// MarshalText writes the words in base64, big-endian.
func (p Fingerprint) MarshalText() ([]byte, error) {
	raw := make([]byte, 0, 4*len(p.Words))
	for _, w := range p.Words {
		raw = binary.BigEndian.AppendUint32(raw, w)
	}
	return base64.StdEncoding.AppendEncode(nil, raw), nil
}

// UnmarshalText reads what MarshalText writes.
func (p *Fingerprint) UnmarshalText(text []byte) error {
	raw, err := base64.StdEncoding.AppendDecode(nil, text)
	if err != nil {
		return err
	}
	if len(raw)%4 != 0 {
		return errors.New("audio: a fingerprint is a whole number of 32-bit words")
	}
	p.Words = nil
	for ; len(raw) > 0; raw = raw[4:] {
		p.Words = append(p.Words, binary.BigEndian.Uint32(raw))
	}
	return nil
}

// Likeness is how well two fingerprints agree where they agree best.
type Likeness struct {
	Errors  float64       // share of bits that differ: about 0.5 for strangers
	Shift   time.Duration // how much later the other's audio comes
	Overlap float64       // share of the longer one that was compared
}

// Same reports whether it is the likeness of two encodings of one recording.
func (l Likeness) Same() bool {
	return l.Overlap >= fingerprintShare && l.Errors <= fingerprintError
}

// Compare slides q along p, by at most ten seconds, and returns their best likeness.
func (p Fingerprint) Compare(q Fingerprint) Likeness {
	best := Likeness{Errors: 1}
	longer := max(len(p.Words), len(q.Words))
	if longer == 0 {
		return best
	}
	for shift := -fingerprintShift; shift <= fingerprintShift; shift++ {
		a, b := p.Words, q.Words
		if shift > 0 {
			b = b[min(shift, len(b)):]
		} else {
			a = a[min(-shift, len(a)):]
		}
		n := min(len(a), len(b))
		if n < fingerprintLeast || float64(n) < fingerprintShare*float64(longer) {
			continue
		}
		wrong, seen := 0, 0
		for i, w := range a[:n] {
			if w == 0 || b[i] == 0 {
				continue
			}
			wrong += bits.OnesCount32(w ^ b[i])
			seen += 32
		}
		if seen < 32*n/4 || seen < 32*fingerprintLeast/2 { // mostly silence: nothing to go by
			continue
		}
		if e := float64(wrong) / float64(seen); e < best.Errors {
			best = Likeness{e, time.Duration(shift) * time.Second / fingerprintRate, float64(n) / float64(longer)}
		}
	}
	return best
}
