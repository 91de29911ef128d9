package dsp

import (
	"fmt"
	"math"

	"lifeline/audio/sinc"
)

// Resampler converts interleaved PCM from one rate to another with a windowed-sinc polyphase filter (Kaiser window).
// Its phase is linear and its timing exact: output frame k lies at source position k*in/out, whatever frame it started
// at, so that a resumed item continues with the same samples. resample_test.go measures its ripple and its aliases.
type Resampler struct {
	up, down int64 // out/in in lowest terms
	half     int   // taps on either side of the position
	bank     [][]float32
	channels int

	next   int64     // output frame to make
	window []float32 // interleaved source frames from frame first on
	first  int64
	read   func(dst []float32) (int, error) // delivers frames from first+len(window)/channels on; zeros after the end
}

// The filter's parameters: zero crossings on each side, stop-band attenuation, and the centre of the transition band
// relative to the lower Nyquist frequency. The transition is 0.13 wide: flat up to 0.905 and fully attenuated from
// 1.04, so that aliases and images lie above 0.96.
const (
	crossings  = 48
	kaiserDB   = 100.0
	transition = 0.9725
)

// maxPhases bounds the filter bank. The usual pairs of rates need at most 640 phases.
const maxPhases = 4096

// NewResampler returns a Resampler whose first output frame is start. read delivers source frames from SourceStart on.
func NewResampler(in, out, channels int, start int64, read func([]float32) (int, error)) (*Resampler, error) {
	if in <= 0 || out <= 0 || channels <= 0 {
		return nil, fmt.Errorf("playout: cannot convert %d channels from %d to %d Hz", channels, in, out)
	}
	g := gcd(in, out)
	r := &Resampler{up: int64(out / g), down: int64(in / g), channels: channels, next: start, read: read}
	if r.up > maxPhases {
		return nil, fmt.Errorf("playout: cannot convert from %d to %d Hz", in, out)
	}
	if in != out {
		r.bank, r.half = filterBank(int(r.up), int(r.down))
	}
	r.first = r.SourceStart()
	return r, nil
}

// SourceStart returns the first source frame that the next output frame needs. It may be negative.
func (r *Resampler) SourceStart() int64 {
	p := r.next * r.down / r.up
	if r.half > 0 {
		p -= int64(r.half) - 1
	}
	return p
}

// Read fills dst with whole frames.
func (r *Resampler) Read(dst []float32) error {
	ch := r.channels
	for len(dst) > 0 {
		from := r.SourceStart()
		width := int64(max(2*r.half, 1))
		// Drop frames that are no longer needed, then read as far ahead as this call needs.
		if drop := (from - r.first) * int64(ch); drop > 0 && drop <= int64(len(r.window)) {
			r.window = r.window[:copy(r.window, r.window[drop:])]
			r.first = from
		}
		frames := int64(min(len(dst)/ch, 4096))
		need := (r.next+frames-1)*r.down/r.up - r.next*r.down/r.up + width
		if have := int64(len(r.window) / ch); have < need {
			n := len(r.window)
			r.window = append(r.window, make([]float32, int(need-have)*ch)...)
			if _, err := r.read(r.window[n:]); err != nil {
				r.window = r.window[:n]
				return err
			}
		}
		if r.half == 0 {
			copy(dst[:frames*int64(ch)], r.window)
			r.next += frames
		} else {
			r.convolve(dst[:frames*int64(ch)])
		}
		dst = dst[frames*int64(ch):]
	}
	return nil
}

func (r *Resampler) convolve(dst []float32) {
	ch, width := r.channels, 2*r.half
	base := r.first
	for i := 0; i < len(dst); i += ch {
		at := r.next * r.down
		taps := r.bank[at%r.up]
		off := int(at/r.up-int64(r.half)+1-base) * ch
		if ch == 1 {
			w := r.window[off : off+width]
			var a, b float32
			for j := 0; j+1 < len(taps); j += 2 {
				a += taps[j] * w[j]
				b += taps[j+1] * w[j+1]
			}
			dst[i] = a + b
		} else {
			w := r.window[off : off+width*ch]
			for c := range ch {
				var sum float32
				for j, t := range taps {
					sum += t * w[j*ch+c]
				}
				dst[i+c] = sum
			}
		}
		r.next++
	}
}

// filterBank returns a filter of 2*half taps for each phase of up/down. The taps of each phase sum to one, so that a
// constant signal is preserved exactly.
func filterBank(up, down int) (bank [][]float32, half int) {
	scale := 1.0 // lower Nyquist frequency relative to the source's
	if down > up {
		scale = float64(up) / float64(down)
	}
	half = int(math.Ceil(crossings / scale))
	cut := scale * transition
	beta := 0.1102 * (kaiserDB - 8.7)
	bank = make([][]float32, up)
	for p := range bank {
		bank[p] = sinc.Phase(half, float64(p)/float64(up), cut, beta)
	}
	return bank, half
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
