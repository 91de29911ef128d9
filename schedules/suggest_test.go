package schedules

import (
	"slices"
	"testing"
)

func TestANameIsSuggestedIfItIsTheOnlyOneThatIsNear(t *testing.T) {
	known := []string{"hour-ko", "hour-en", "dawn", "windows", "length_ms", "evening", "abc"}
	for name, want := range map[string]string{"huor-ko": `: did you mean "hour-ko"?`, "windws": `: did you mean "windows"?`,
		"lenght_ms": `: did you mean "length_ms"?`, "hour-xx": "", "morning": "", "": "", "ab": "", "abcd": `: did you mean "abc"?`,
		"dwan": `: did you mean "dawn"?`, string(make([]byte, 5000)): ""} {
		if got := Suggest(name, slices.Values(known)); got != want {
			t.Errorf("%.20q: %q, want %q", name, got, want)
		}
	}
}
