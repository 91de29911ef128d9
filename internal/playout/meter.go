package playout

import (
	"math"
	"sync/atomic"
)

// silenceDBFS stands for silence, which has no level, where there must be a number.
const silenceDBFS = -120

// meter holds the peak of each second.
type meter struct {
	second    int64
	peak      float32
	published atomic.Uint32 // float32 bits
}

// hear takes in what goes out from frame pos on. One goroutine calls it.
func (m *meter) hear(pos int64, rate Rate, pcm []float32) {
	if s := pos / int64(rate); s != m.second {
		m.published.Store(math.Float32bits(m.peak))
		m.second, m.peak = s, 0
	}
	for _, x := range pcm {
		m.peak = max(m.peak, abs32(x))
	}
}

// dBFS is the peak of the last whole second; nil when that was silent.
func (m *meter) dBFS() *float64 {
	level := 20 * math.Log10(float64(math.Float32frombits(m.published.Load())))
	if level < silenceDBFS {
		return nil
	}
	return &level
}
