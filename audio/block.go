package audio

import "math"

// block is 10 ms of audible audio, the step in which everything is measured, with what many analysers need of it.
type block struct {
	pcm   [][]float32 // per channel
	start int64       // the first sample's number
	peak  []float32   // per channel: the largest magnitude
	sum   []float64   // per channel: of the samples
	power []float64   // per channel: of their squares
	cross float64     // the sum of left times right
}

const blocksPerSecond = 100

func newBlock(channels int) *block {
	return &block{
		pcm: make([][]float32, channels), peak: make([]float32, channels),
		sum: make([]float64, channels), power: make([]float64, channels),
	}
}

func (b *block) len() int { return len(b.pcm[0]) }

// measure fills in peak, sum, power and cross.
func (b *block) measure() {
	for ch, x := range b.pcm {
		var lo, hi, sum, power float32
		for _, v := range x {
			lo, hi = min(lo, v), max(hi, v)
			sum += v
			power += v * v
		}
		b.peak[ch], b.sum[ch], b.power[ch] = max(-lo, hi), float64(sum), float64(power)
	}
	b.cross = 0
	if len(b.pcm) == 2 {
		left, right := b.pcm[0], b.pcm[1][:len(b.pcm[0])]
		var cross float32
		for i, v := range left {
			cross += v * right[i]
		}
		b.cross = float64(cross)
	}
}

// loudest is the largest magnitude of any channel.
func (b *block) loudest() float32 {
	p := b.peak[0]
	for _, v := range b.peak[1:] {
		p = max(p, v)
	}
	return p
}

// blocker cuts runs of PCM of any length into blocks. The n-th block ends at sample (n+1)·rate/100, rounded down, so
// that blocks keep to the clock at every rate.
type blocker struct {
	rate  int64
	start int64 // of the block at hand
	n     int64
	carry [][]float32 // the start of the block at hand, when it came with an earlier run
	block *block
	use   func(*block)
}

func newBlocker(rate, channels int, use func(*block)) *blocker {
	return &blocker{rate: int64(rate), carry: make([][]float32, channels), block: newBlock(channels), use: use}
}

// add takes the next samples of all channels.
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

// flush gives out what is left, as a last block that may be shorter than 10 ms.
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

// decibels is 20·log10 of a magnitude, or nil for none.
func decibels(v float64) *float64 {
	if v <= 0 {
		return nil
	}
	d := 20 * math.Log10(v)
	return &d
}
