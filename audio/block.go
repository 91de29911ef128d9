package audio

import "math"

// block is 10 ms of audible audio, the step of all measurements, with intermediate results that several analysers
// share.
type block struct {
	pcm   [][]float32 // per channel
	mono  []float32   // their mean
	start int64       // number of the first sample
	peak  []float32   // per channel: the largest magnitude
	sum   []float64   // per channel: the sum of the samples
	power []float64   // per channel: the sum of their squares
	cross float64     // the sum of left times right
	mean  []float32   // memory of mono for two channels
}

const blocksPerSecond = 100

func newBlock(channels int) *block {
	return &block{
		pcm: make([][]float32, channels), peak: make([]float32, channels),
		sum: make([]float64, channels), power: make([]float64, channels),
	}
}

func (b *block) len() int { return len(b.pcm[0]) }

// measure computes all fields except pcm and start.
func (b *block) measure() {
	for ch, x := range b.pcm {
		b.peak[ch] = magnitude(x)
		b.sum[ch], b.power[ch] = moments(x)
	}
	b.mono = b.pcm[0]
	if len(b.pcm) == 2 {
		if cap(b.mean) < b.len() {
			b.mean = make([]float32, b.len())
		}
		b.mono = b.mean[:b.len()]
		b.cross = mix(b.mono, b.pcm[0], b.pcm[1])
	}
}

// magnitude returns the largest magnitude in x. The bit patterns of magnitudes have the same order as the floats.
func magnitude(x []float32) float32 {
	const abs = 1<<31 - 1
	var a, b, c, d uint32
	for ; len(x) >= 4; x = x[4:] {
		a = max(a, math.Float32bits(x[0])&abs)
		b = max(b, math.Float32bits(x[1])&abs)
		c = max(c, math.Float32bits(x[2])&abs)
		d = max(d, math.Float32bits(x[3])&abs)
	}
	for _, v := range x {
		a = max(a, math.Float32bits(v)&abs)
	}
	return math.Float32frombits(max(max(a, b), max(c, d)))
}

// moments returns the sum of x and of its squares.
func moments(x []float32) (sum, power float64) {
	var s0, s1, s2, s3, p0, p1, p2, p3 float32
	for ; len(x) >= 4; x = x[4:] {
		s0, p0 = s0+x[0], p0+x[0]*x[0]
		s1, p1 = s1+x[1], p1+x[1]*x[1]
		s2, p2 = s2+x[2], p2+x[2]*x[2]
		s3, p3 = s3+x[3], p3+x[3]*x[3]
	}
	for _, v := range x {
		s0, p0 = s0+v, p0+v*v
	}
	return float64(s0) + float64(s1) + float64(s2) + float64(s3), float64(p0) + float64(p1) + float64(p2) + float64(p3)
}

// mix sets mono to the mean of left and right and returns the sum of their products.
func mix(mono, left, right []float32) float64 {
	left, right = left[:len(mono)], right[:len(mono)]
	var c0, c1 float32
	i := 0
	for ; i+1 < len(mono); i += 2 {
		l0, r0, l1, r1 := left[i], right[i], left[i+1], right[i+1]
		mono[i], mono[i+1] = (l0+r0)*0.5, (l1+r1)*0.5
		c0 += l0 * r0
		c1 += l1 * r1
	}
	for ; i < len(mono); i++ {
		mono[i] = (left[i] + right[i]) * 0.5
		c0 += left[i] * right[i]
	}
	return float64(c0) + float64(c1)
}

// loudest returns the largest magnitude of any channel.
func (b *block) loudest() float32 {
	p := b.peak[0]
	for _, v := range b.peak[1:] {
		p = max(p, v)
	}
	return p
}

// blocker cuts runs of PCM of any length into blocks. Block n ends at sample (n+1)·rate/100, rounded down, so that
// blocks do not drift from real time at any rate.
type blocker struct {
	rate  int64
	start int64 // of the current block
	n     int64
	carry [][]float32 // the start of the current block, if an earlier run brought it
	block *block
	use   func(*block)
}

func newBlocker(rate, channels int, use func(*block)) *blocker {
	return &blocker{rate: int64(rate), carry: make([][]float32, channels), block: newBlock(channels), use: use}
}

// add consumes the next samples of all channels.
func (k *blocker) add(pcm [][]float32) {
	for at, n := 0, len(pcm[0]); at < n; {
		need := int((k.n+1)*k.rate/blocksPerSecond - k.start)
		have := len(k.carry[0])
		take := min(need-have, n-at)
		if have == 0 && take == need {
			for ch := range pcm {
				k.block.pcm[ch] = pcm[ch][at : at+take]
			}
			k.emit()
		} else {
			for ch := range pcm {
				k.carry[ch] = append(k.carry[ch], pcm[ch][at:at+take]...)
			}
			if have+take == need {
				k.flush()
			}
		}
		at += take
	}
}

// flush emits the rest as a last block, which may be shorter than 10 ms.
func (k *blocker) flush() {
	if len(k.carry[0]) == 0 {
		return
	}
	copy(k.block.pcm, k.carry)
	k.emit()
	for ch := range k.carry {
		k.carry[ch] = k.carry[ch][:0]
	}
}

func (k *blocker) emit() {
	b := k.block
	b.start = k.start
	k.start += int64(b.len())
	k.n++
	b.measure()
	k.use(b)
}

// decibels returns 20·log10 of a magnitude, or nil if it is 0.
func decibels(v float64) *float64 {
	if v <= 0 {
		return nil
	}
	d := 20 * math.Log10(v)
	return &d
}
