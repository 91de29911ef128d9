package playout

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// A service refuses a status whole for one text of two lines, and nobody would learn of any alarm.
func TestAlarmIsOneLineWhateverOtherProgramsSay(t *testing.T) {
	p := NewProblems(time.Now, discardLog())
	p.Raise("sound", "no sound leaves this machine: %v", errors.Join(errors.New("refused"), errors.New("killed\x1b[31m")))
	if got := p.Alarms(); len(got) != 1 || strings.ContainsAny(got[0], "\n\x1b") || !strings.Contains(got[0], "killed") {
		t.Errorf("%q", got)
	}
}
