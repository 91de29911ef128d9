package cmdline

import (
	"errors"
	"fmt"
	"testing"

	"lifeline/internal/fault"
)

func TestEveryWrongFieldOfEveryRecordingIsToldOnceOnALineOfItsOwn(t *testing.T) {
	wrong := func() error {
		return fault.Fields(fault.Field{Field: "kind", Message: "is missing"}, fault.Field{Field: "language", Message: "is missing"})
	}
	one := fault.Fields(fault.Field{Field: "title", Message: "is too long"})
	other := &fault.Error{Kind: fault.Conflict, Public: "the day cannot be published", Fields: []fault.Field{{Field: "dawn", Message: "is short"}, {Field: "noon", Message: "is long"}}}
	err := errors.Join(fmt.Errorf("a.mp3: %w", wrong()), fmt.Errorf("b.mp3: %w", wrong()), fmt.Errorf("c.mp3: %w", one), other)
	want := "a.mp3: kind is missing\n  language is missing\nb.mp3: kind is missing\n  language is missing\nc.mp3: title is too long\n" +
		"the day cannot be published\n  dawn is short\n  noon is long"
	if got := Words(err); got != want {
		t.Errorf("%s", got)
	}
}
