package audio

import (
	"math"
	"time"
)

// cues finds the audible beginning and end of a recording: the first and the last 10 ms whose level reaches a
// threshold. The threshold is -60 dBFS, or more if the recording's own noise is louder, but always at least 30 dB below
// its loud parts, so that the soft beginnings and ends of words are kept.
type cues struct {
	first, last [cueLevels]int64 // blocks at which each level is first and last reached, plus one
	count       [cueLevels]int64
	blocks      int64
}

const (
	cueLevels = 101 // whole dB from -100 dBFS to 0
	cueFloor  = -60 // dBFS, mean square of 10 ms
	cueNoise  = 10  // dB above the noise
	cueDepth  = 30  // dB below the loud parts
	cueBefore = 60 * time.Millisecond
	cueAfter  = 250 * time.Millisecond
)

func (c *cues) add(b *block) {
	var power float64
	for _, p := range b.power {
		power = max(power, p)
	}
	level := 0
	if power > 0 {
		level = max(0, min(cueLevels-1, int(100+10*math.Log10(power/float64(b.len())))))
	}
	c.blocks++
	c.count[level]++
	c.last[level] = c.blocks
	if c.first[level] == 0 {
		c.first[level] = c.blocks
	}
}

// percentile returns the level in dBFS that the given share of the blocks does not exceed, digital silence excluded.
func (c *cues) percentile(share float64) int {
	var n int64
	for _, k := range c.count[1:] {
		n += k
	}
	rank := int64(share * float64(n))
	for i, k := range c.count[1:] {
		if rank -= k; rank < 0 {
			return i + 1 - 100
		}
	}
	return 0
}

func (c *cues) facts(f *Facts) {
	threshold := min(max(cueFloor, c.percentile(0.05)+cueNoise), max(cueFloor, c.percentile(0.95)-cueDepth))
	var first, last int64
	for i := threshold + 100; i < cueLevels; i++ {
		if n := c.first[i]; n > 0 && (first == 0 || n < first) {
			first = n
		}
		last = max(last, c.last[i])
	}
	f.CueIn, f.CueOut = 0, f.Duration
	if first > 0 {
		const step = time.Second / blocksPerSecond
		f.CueIn = max(0, time.Duration(first-1)*step-cueBefore)
		f.CueOut = min(f.Duration, time.Duration(last)*step+cueAfter)
	}
}
