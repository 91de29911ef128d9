package calendar

import (
	"strings"
	"testing"
)

func TestNoPropertyHasAParameterTwice(t *testing.T) {
	for line := range strings.Lines(string(Days("relay", nil))) {
		name, _, _ := strings.Cut(line, ":")
		seen := map[string]bool{}
		for _, parameter := range strings.Split(name, ";")[1:] {
			key, _, _ := strings.Cut(parameter, "=")
			if seen[key] {
				t.Errorf("%s is there twice: %s", key, line)
			}
			seen[key] = true
		}
		if strings.HasPrefix(line, "REFRESH-INTERVAL") && strings.TrimSpace(line) != "REFRESH-INTERVAL;VALUE=DURATION:PT1H" {
			t.Error(line)
		}
	}
}
