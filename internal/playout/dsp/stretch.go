package dsp

// Stretch changes the rate of stereo by a small amount, with a windowed sinc and interpolated phases. It buffers half
// of its taps and adds no delay.
type Stretch struct {
	bank   [][]float32
	half   int
	window [Channels][]float32 // by channel, from the first frame that a tap needs
	alike  int                 // frames at the end of the window whose channels are equal
	at     float64             // position of the next frame's first tap in the window
	out    []float32
}

// stretchPhases is large enough that interpolation between phases errs by less than a 16-bit sample.
const stretchPhases = 512

var stretchBank, StretchHalf = func() ([][]float32, int) {
	bank, half := filterBank(stretchPhases, 1)
	last := append([]float32{0}, bank[0][:2*half-1]...) // the first phase, one frame on
	return append(bank, last), half
}()

func NewStretch() *Stretch {
	s := &Stretch{bank: stretchBank, half: StretchHalf, at: float64(StretchHalf), alike: 2*StretchHalf - 1}
	for c := range s.window { // silence before the first frame
		s.window[c] = make([]float32, 2*s.half-1)
	}
	return s
}

// Convert converts the next block to a rate that is ratio times its own. The result is valid until the next call.
func (s *Stretch) Convert(pcm []float32, ratio float64) []float32 {
	for i := 0; i < len(pcm); i += Channels {
		s.window[0] = append(s.window[0], pcm[i])
		s.window[1] = append(s.window[1], pcm[i+1])
		if s.alike++; pcm[i] != pcm[i+1] {
			s.alike = 0
		}
	}
	s.out = s.out[:0]
	n, step := 2*s.half, 1/ratio
	mono := s.alike >= len(s.window[0]) // most stations air mono
	for {
		first := int(s.at)
		if first+n > len(s.window[0]) {
			break
		}
		where := (s.at - float64(first)) * stretchPhases
		phase := int(where)
		low, high, mix := s.bank[phase][:n], s.bank[phase+1][:n], float32(where-float64(phase))
		left := between(low, high, mix, s.window[0][first:first+n])
		right := left
		if !mono {
			right = between(low, high, mix, s.window[1][first:first+n])
		}
		s.out = append(s.out, left, right)
		s.at += step
	}
	first := min(int(s.at), len(s.window[0]))
	for c, w := range s.window {
		s.window[c] = w[:copy(w, w[first:])]
	}
	s.at -= float64(first)
	return s.out
}

// between filters a window with a filter interpolated between two phases.
func between(low, high []float32, mix float32, window []float32) float32 {
	var a, b float32 // filtering twice and interpolating the results costs two multiplications a tap
	for i, x := range window {
		a += low[i] * x
		b += high[i] * x
	}
	return a + mix*(b-a)
}
