// Package sinc provides the filters that compute the signal between its samples: a sinc with a Kaiser window. The
// analysis uses them to measure true peaks; the player uses them to convert sample rates and to keep true peaks below
// its ceiling.
//
//   - Phase computes the coefficients of one filter (phase.go).
//   - TruePeak measures between samples (truepeak.go).
package sinc
