package audio

import "math"

// fingerprinter makes a fingerprint. The mean of the channels is brought down to 4.2 to 6 kHz; a sixth of a second of
// that, sixteen times a second, is taken apart into 33 bands from 300 to 2000 Hz, evenly spaced by ear.
type fingerprinter struct {
	coarse int       // samples that are first summed into one
	sum    float32   // of those so far
	summed int       // how many
	every  int       // sums of which one is taken
	low    []float32 // by a low pass
	sums   []float32 // sums that the low pass still needs
	slow   []float64 // at the lower rate, from sample start on
	start  int64
	rate   float64 // the lower one, Hz
	window []float64
	frame  []float64 // the window's samples, and zeros
	fft    *spectrum
	edges  [fingerBands + 1]int
	last   [fingerBands - 1]float64
	n      int64 // windows so far
	words  []uint32
}

const (
	fingerRate    = 4200 // Hz, at least
	fingerBands   = 33
	fingerFFT     = 1024
	fingerSeconds = 0.17
	fingerLow     = 300.0 // Hz
	fingerHigh    = 2000.0
	fingerSilence = 1e-6 // mean square below which a window is silent
	fingerTaps    = 16   // of the low pass
	fingerCutoff  = 2100 // Hz
)

func newFingerprinter(rate int) *fingerprinter {
	p := &fingerprinter{every: 2, fft: newSpectrum(), frame: make([]float64, fingerFFT)}
	if rate/fingerRate == 3 {
		p.every = 3
	}
	p.coarse = max(1, rate/fingerRate/p.every)
	p.rate = float64(rate) / float64(p.coarse*p.every)
	p.low = lowPass(fingerTaps, fingerCutoff/(float64(p.every)*p.rate))
	for i := range p.low {
		p.low[i] /= float32(p.coarse)
	}
	p.window = make([]float64, int(fingerSeconds*p.rate))
	for i := range p.window {
		p.window[i] = 0.5 - 0.5*math.Cos(2*math.Pi*(float64(i)+0.5)/float64(len(p.window)))
	}
	for i := range p.edges {
		hz := fingerLow * math.Pow(fingerHigh/fingerLow, float64(i)/fingerBands)
		p.edges[i] = int(math.Round(hz * fingerFFT / p.rate))
	}
	return p
}

// lowPass is a sinc of n taps under a Hann window, cutting off at a fraction of the sample rate.
func lowPass(n int, cutoff float64) []float32 {
	h := make([]float64, n)
	var sum float64
	for i := range h {
		x := float64(i) - float64(n-1)/2
		h[i] = 2 * cutoff
		if x != 0 {
			h[i] = math.Sin(2*math.Pi*cutoff*x) / (math.Pi * x)
		}
		h[i] *= 0.5 - 0.5*math.Cos(2*math.Pi*(float64(i)+0.5)/float64(n))
		sum += h[i]
	}
	out := make([]float32, n)
	for i, v := range h {
		out[i] = float32(v / sum)
	}
	return out
}

func (p *fingerprinter) add(b *block) {
	if len(p.words) >= fingerprintMax {
		return
	}
	p.slowDown(b.mono)
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

// slowDown appends x to slow, at the lower rate.
func (p *fingerprinter) slowDown(x []float32) {
	sum, n := p.sum, p.summed
	for _, v := range x {
		sum += v
		if n++; n == p.coarse {
			p.sums = append(p.sums, sum)
			sum, n = 0, 0
		}
	}
	p.sum, p.summed = sum, n
	at := 0
	for ; at+fingerTaps <= len(p.sums); at += p.every {
		in, low := (*[fingerTaps]float32)(p.sums[at:]), (*[fingerTaps]float32)(p.low)
		var s, t float32
		for i := 0; i < fingerTaps; i += 2 {
			s += in[i] * low[i]
			t += in[i+1] * low[i+1]
		}
		p.slow = append(p.slow, float64(s+t))
	}
	p.sums = p.sums[:copy(p.sums, p.sums[at:])]
}

// word adds the word of one window.
func (p *fingerprinter) word(x []float64) {
	var power float64
	for i, v := range x {
		power += v * v
		p.frame[i] = v * p.window[i]
	}
	p.fft.transform(p.frame)
	var bands [fingerBands]float64
	for i := range bands {
		for k := p.edges[i]; k < max(p.edges[i+1], p.edges[i]+1); k++ {
			bands[i] += p.fft.power(k)
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
