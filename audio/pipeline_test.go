package audio

import (
	"errors"
	"testing"
)

func TestAPanicOfAGoroutineIsAnErrorOfTheAnalysis(t *testing.T) {
	err := guarded(func() error { panic("index out of range") })()
	if !errors.Is(err, ErrPanicked) {
		t.Error(err)
	}
}
