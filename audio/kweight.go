package audio

import "math"

// biquad holds the coefficients of a second-order section with a0 = 1.
type biquad struct{ b0, b1, b2, a1, a2 float64 }

// kWeighting returns the two filters of ITU-R BS.1770-5, annex 1, for a sample rate in Hz: the shelf for the head
// (stage 1) and the high pass (stage 2). The Recommendation gives coefficients for 48 kHz. kWeighting applies the
// bilinear transform to the analogue prototypes that give exactly those coefficients at 48 kHz.
func kWeighting(rate int) (shelf, highPass biquad) {
	const (
		shelfHz, shelfDB, shelfQ = 1681.974450955533, 3.999843853973347, 0.7071752369554196
		passHz, passQ            = 38.13547087602444, 0.5003270373238773
	)
	k := math.Tan(math.Pi * shelfHz / float64(rate))
	vh := math.Pow(10, shelfDB/20)
	vb := math.Pow(vh, 0.4996667741545416)
	a0 := 1 + k/shelfQ + k*k
	shelf = biquad{
		b0: (vh + vb*k/shelfQ + k*k) / a0,
		b1: 2 * (k*k - vh) / a0,
		b2: (vh - vb*k/shelfQ + k*k) / a0,
		a1: 2 * (k*k - 1) / a0,
		a2: (1 - k/shelfQ + k*k) / a0,
	}
	k = math.Tan(math.Pi * passHz / float64(rate))
	a0 = 1 + k/passQ + k*k
	highPass = biquad{b0: 1, b1: -2, b2: 1, a1: 2 * (k*k - 1) / a0, a2: (1 - k/passQ + k*k) / a0}
	return shelf, highPass
}

// kFilter is the K-weighting filter of one channel with its state (transposed direct form II).
type kFilter struct {
	shelf, pass    biquad
	s1, s2, p1, p2 float64
}

func newKFilter(rate int) *kFilter {
	f := &kFilter{}
	f.shelf, f.pass = kWeighting(rate)
	return f
}

// energy filters x and returns the sum of the squares of the output.
func (f *kFilter) energy(x []float32) float64 {
	a, b := f.shelf, f.pass
	s1, s2, p1, p2, sum := f.s1, f.s2, f.p1, f.p2, 0.0
	for _, v := range x {
		in := float64(v)
		mid := a.b0*in + s1
		s1 = a.b1*in - a.a1*mid + s2
		s2 = a.b2*in - a.a2*mid
		out := mid + p1
		p1 = p2 - 2*mid - b.a1*out
		p2 = mid - b.a2*out
		sum += out * out
	}
	f.s1, f.s2, f.p1, f.p2 = flushSubnormal(s1), flushSubnormal(s2), flushSubnormal(p1), flushSubnormal(p2)
	return sum
}

// pairEnergy computes energy for two channels of equal length at once, in little more time than for one.
func pairEnergy(f, g *kFilter, x, y []float32) (left, right float64) {
	a, b := f.shelf, f.pass
	s1, s2, p1, p2 := f.s1, f.s2, f.p1, f.p2
	t1, t2, q1, q2 := g.s1, g.s2, g.p1, g.p2
	y = y[:len(x)]
	for i, v := range x {
		in, on := float64(v), float64(y[i])
		mid, nid := a.b0*in+s1, a.b0*on+t1
		s1, t1 = a.b1*in-a.a1*mid+s2, a.b1*on-a.a1*nid+t2
		s2, t2 = a.b2*in-a.a2*mid, a.b2*on-a.a2*nid
		out, put := mid+p1, nid+q1
		p1, q1 = p2-2*mid-b.a1*out, q2-2*nid-b.a1*put
		p2, q2 = mid-b.a2*out, nid-b.a2*put
		left += out * out
		right += put * put
	}
	f.s1, f.s2, f.p1, f.p2 = flushSubnormal(s1), flushSubnormal(s2), flushSubnormal(p1), flushSubnormal(p2)
	g.s1, g.s2, g.p1, g.p2 = flushSubnormal(t1), flushSubnormal(t2), flushSubnormal(q1), flushSubnormal(q2)
	return left, right
}

// flushSubnormal replaces tiny states by 0. States that fade in silence would become subnormal, which is slow.
func flushSubnormal(v float64) float64 {
	if math.Abs(v) < 1e-100 {
		return 0
	}
	return v
}
