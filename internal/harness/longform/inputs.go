package longform

import (
	"os"
	"strconv"
	"testing"
)

// Inputs returns the number of inputs that LIFELINE_INPUTS sets, or otherwise.
func Inputs(t testing.TB, otherwise int) int {
	t.Helper()
	text := os.Getenv("LIFELINE_INPUTS")
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("LIFELINE_INPUTS: %v", err)
	}
	return n
}
