package dsp

import (
	"math"
	"sync/atomic"
)

// SilenceDBFS is the level that is reported for silence where a number is required.
const SilenceDBFS = -120

// PeakMeter measures the peak of each second.
type PeakMeter struct {
	second    int64
	peak      float32
	published atomic.Uint32 // float32 bits
}

// Hear measures the output from frame pos on. Only one goroutine may call it; any may call DBFS.
func (m *PeakMeter) Hear(pos int64, rate Rate, pcm []float32) {
	if s := pos / int64(rate); s != m.second {
		m.published.Store(math.Float32bits(m.peak))
		m.second, m.peak = s, 0
	}
	for _, x := range pcm {
		m.peak = max(m.peak, abs32(x))
	}
}

// DBFS returns the peak of the last full second, or nil when it was silent.
func (m *PeakMeter) DBFS() *float64 {
	level := 20 * math.Log10(float64(math.Float32frombits(m.published.Load())))
	if level < SilenceDBFS {
		return nil
	}
	return &level
}
