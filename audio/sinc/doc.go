// Package sinc has the filters that find the signal between its samples: a sinc under a Kaiser window. The analysis
// measures true peaks by them; the player converts rates and keeps true peaks under its ceiling by the same ones.
//
//   - Phase makes the coefficients of one filter (phase.go).
//   - TruePeak measures between samples (truepeak.go).
package sinc
