package audio

import (
	"math"
	"math/cmplx"

	"gonum.org/v1/gonum/dsp/fourier"
)

// fingerprinter makes a fingerprint. The mean of the channels is brought down to about 5 kHz; a third of a second of
// that, eight times a second, is taken apart into 33 bands from 300 to 2000 Hz, evenly spaced by ear.
type fingerprinter struct {
	by     int // samples in, per sample at the lower rate
	low    []float32
	mono   []float32 // samples that the low pass still needs
	slow   []float64 // at the lower rate, from sample start on
	start  int64
	rate   float64 // the lower one, Hz
	window []float64
	fft    *fourier.FFT
	frame  []float64
	bins   []complex128
	edges  [fingerBands + 1]int
	last   [fingerBands - 1]float64
	n      int64 // windows so far
	words  []uint32
}

const (
	fingerRate    = 5000 // Hz, at least
	fingerBands   = 33
	fingerFFT     = 2048
	fingerSeconds = 0.34
	fingerLow     = 300.0 // Hz
	fingerHigh    = 2000.0
	fingerSilence = 1e-6 // mean square below which a window is silent
	fingerTaps    = 8    // of the low pass, per sample at the lower rate
)

func newFingerprinter(rate int) *fingerprinter {
	p := &fingerprinter{by: max(1, rate/fingerRate), fft: fourier.NewFFT(fingerFFT), frame: make([]float64, fingerFFT)}
	p.rate = float64(rate) / float64(p.by)
	p.low = lowPass(fingerTaps*p.by, 2600/float64(rate))
	p.window = make([]float64, int(fingerSeconds*p.rate))
	for i := range p.window {
		p.window[i] = 0.5 - 0.5*math.Cos(2*math.Pi*(float64(i)+0.5)/float64(len(p.window)))
	}
	p.bins = make([]complex128, fingerFFT/2+1)
	for i := range p.edges {
		hz := fingerLow * math.Pow(fingerHigh/fingerLow, float64(i)/fingerBands)
		p.edges[i] = int(math.Round(hz * fingerFFT / p.rate))
	}
	return p
}

// lowPass is a sinc of n taps under a Hann window, cutting off at a fraction of the sample rate.
func lowPass(n int, cutoff float64) []float32 {
	h := make([]float32, n)
	var sum float32
	for i := range h {
		x := float64(i) - float64(n-1)/2
		v := 2 * cutoff
		if x != 0 {
			v = math.Sin(2*math.Pi*cutoff*x) / (math.Pi * x)
		}
		h[i] = float32(v * (0.5 - 0.5*math.Cos(2*math.Pi*(float64(i)+0.5)/float64(n))))
		sum += h[i]
	}
	for i := range h {
		h[i] /= sum
	}
	return h
}

func (p *fingerprinter) add(b *block) {
	if len(p.words) >= fingerprintMax {
		return
	}
	p.mono = append(p.mono, b.pcm[0]...)
	if len(b.pcm) == 2 {
		tail := p.mono[len(p.mono)-b.len():]
		for i, v := range b.pcm[1] {
			tail[i] = (tail[i] + v) / 2
		}
	}
	at := 0
	for ; at+len(p.low) <= len(p.mono); at += p.by {
		x := p.mono[at : at+len(p.low)]
		var s, t float32
		for i := 0; i+1 < len(x); i += 2 {
			s += x[i] * p.low[i]
			t += x[i+1] * p.low[i+1]
		}
		p.slow = append(p.slow, float64(s+t))
	}
	p.mono = p.mono[:copy(p.mono, p.mono[at:])]
	for {
		from := int64(math.Round(float64(p.n)*p.rate/fingerprintRate)) - p.start
		if from+int64(len(p.window)) > int64(len(p.slow)) {
			return
		}
		p.word(p.slow[from : from+int64(len(p.window))])
		p.n++
		p.slow = p.slow[:copy(p.slow, p.slow[from:])]
		p.start += from
	}
}

// word adds the word of one window.
func (p *fingerprinter) word(x []float64) {
	var power float64
	for i, v := range x {
		power += v * v
		p.frame[i] = v * p.window[i]
	}
	p.fft.Coefficients(p.bins, p.frame)
	var bands [fingerBands]float64
	for i := range bands {
		for k := p.edges[i]; k < max(p.edges[i+1], p.edges[i]+1); k++ {
			a := cmplx.Abs(p.bins[k])
			bands[i] += a * a
		}
	}
	var w uint32
	for i := range p.last {
		d := bands[i] - bands[i+1]
		if d > p.last[i] {
			w |= 1 << i
		}
		p.last[i] = d
	}
	switch {
	case power < fingerSilence*float64(len(x)):
		w = 0
	case w == 0:
		w = 1
	}
	if p.n > 0 {
		p.words = append(p.words, w)
	}
}

func (p *fingerprinter) facts(f *Facts) { f.Fingerprint = Fingerprint{p.words} }
