package dsp

import "math"

// FadeOut fades interleaved stereo that begins at frame pos, over the last frames before end.
func FadeOut(pcm []float32, pos, end, fade int64) {
	for i := max(end-fade-pos, 0); i < int64(len(pcm)/Channels); i++ {
		// A raised cosine: its slope is zero at either end.
		g := float32(0.5 - 0.5*math.Cos(math.Pi*float64(end-pos-i)/float64(fade)))
		pcm[2*i] *= g
		pcm[2*i+1] *= g
	}
}
