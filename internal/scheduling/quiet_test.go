package scheduling

import (
	"testing"

	"lifeline/schedules"
)

func TestGainOfAQuietRecordingIsBounded(t *testing.T) {
	target := -23.0
	st := schedules.Station{LoudnessTarget: &target}
	for loudness, want := range map[float64]float64{-68: 12, -35.04: 12, -35: 12, -30: 7, -23: 0, -14: -9} {
		if got := gain(&schedules.Recording{IntegratedLUFS: &loudness}, st); got != want {
			t.Errorf("%.1f LUFS is raised by %.1f dB, want %.1f", loudness, got, want)
		}
	}
}
