package audio

import (
	"strings"
	"testing"
)

func TestRecordingsOfWhichLittleIsHeardAreWarnedOf(t *testing.T) {
	for want, args := range map[string]string{
		WarnVeryQuiet:    "-c 1 OUT synth 4 sine 440 vol -50 dB",
		WarnMostlySilent: "-c 1 OUT synth 2 sine 440 vol -15 dB pad 0 12",
		WarnSilent:       "-c 1 OUT trim 0 4",
	} {
		f := analyse(t, soxMP3(t, []string{"-b", "64", "-m", "m"}, args))
		if got := codes(f); !strings.Contains(got, want) || want == WarnSilent && got != want {
			t.Errorf("%s: warned of %s", want, got)
		}
	}
	f := analyse(t, soxMP3(t, []string{"-b", "64", "-m", "m"}, "-c 1 OUT synth 4 sine 440 vol -15 dB"))
	if got := codes(f); got != "" {
		t.Errorf("an ordinary recording is warned of: %s", got)
	}
}
