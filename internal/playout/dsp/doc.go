// Package dsp processes the player's sound. It is pure: no clock, no files, no goroutines. All PCM is interleaved and
// in [-1, 1].
//
// The parts, in the order in which an item passes them:
//
//   - Rate (rate.go) maps instants to frames of the timeline and back.
//   - Resampler (resample.go) converts a recording to the output's rate by a windowed sinc.
//   - Limiter (limit.go) keeps it under a true-peak ceiling, without delay.
//   - FadeOut (fade.go) ends it.
//   - PeakMeter (peak.go) measures the programme that goes out.
//   - Stretch (stretch.go) changes the rate by a few millionths for an output with a clock of its own.
package dsp
