package audio

// PCMMeter measures PCM as Analyse measures a recording: loudness by EBU R 128 and true peak by ITU-R BS.1770-5. It is
// not safe for concurrent use.
type PCMMeter struct {
	blocks   *blocker
	loudness *loudness
	truePeak *truePeak
}

// NewPCMMeter returns a meter of one or two channels.
func NewPCMMeter(rate, channels int) *PCMMeter {
	m := &PCMMeter{
		loudness: newLoudness(rate, []float64{1, 1}[:channels]...),
		truePeak: newTruePeak(rate, channels),
	}
	m.blocks = newBlocker(rate, channels, func(b *block) {
		m.loudness.add(b)
		m.truePeak.add(b)
	})
	return m
}

// Add measures the next samples: one slice for each channel, all of one length. It keeps none of them.
func (m *PCMMeter) Add(pcm [][]float32) { m.blocks.add(pcm) }

// Result ends the measurement. Each value is nil where there is nothing to measure, as in Facts.
func (m *PCMMeter) Result() (integratedLUFS, truePeakDBTP *float64) {
	m.blocks.flush()
	m.truePeak.finish()
	var f Facts
	m.loudness.facts(&f)
	return f.IntegratedLUFS, decibels(float64(m.truePeak.peak))
}
