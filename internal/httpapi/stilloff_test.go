package httpapi

import (
	"strings"
	"testing"

	"lifeline/schedules"
)

func TestUndoingRecallsSaysWhatStaysOffTheAir(t *testing.T) {
	of := func(states ...schedules.State) (out []schedules.Segment) {
		for _, s := range states {
			out = append(out, schedules.Segment{State: s})
		}
		return out
	}
	const on, off = schedules.Approved, schedules.Pending
	for name, c := range map[string]struct {
		undone    []schedules.Segment
		confirmed []string
		says      string
	}{
		"all air again": {of(on, on, on, on, on), nil, ""},
		"few":           {of(off, off), nil, "fewer than 5 recalls"},
		"some of many":  {of(on, on, on, on, off), nil, "1 stay off the air"},
		"confirmed":     {of(on, on, on, on, on), []string{"s8", "s9"}, "is reinstated singly: s8, s9"},
	} {
		if got := stillOff(c.undone, c.confirmed); !strings.Contains(got, c.says) || (got == "") != (c.says == "") {
			t.Errorf("%s: %q, want %q", name, got, c.says)
		}
	}
}
