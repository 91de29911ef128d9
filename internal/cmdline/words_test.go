package cmdline

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
	"testing"

	"lifeline/internal/fault"
)

func TestEveryWrongFieldOfEveryRecordingIsToldOnceOnALineOfItsOwn(t *testing.T) {
	wrong := func() error {
		return fault.Fields(fault.Field{Field: "kind", Message: "is missing"}, fault.Field{Field: "language",
			Message: "is missing"})
	}
	one := fault.Fields(fault.Field{Field: "title", Message: "is too long"})
	other := &fault.Error{Kind: fault.Conflict, Public: "the day cannot be published",
		Fields: []fault.Field{{Field: "dawn", Message: "is short"}, {Field: "noon", Message: "is long"}}}
	err := errors.Join(fmt.Errorf("a.mp3: %w", wrong()), fmt.Errorf("b.mp3: %w", wrong()), fmt.Errorf("c.mp3: %w", one),
		other)
	want := "a.mp3: kind is missing\n  language is missing\nb.mp3: kind is missing\n  language is missing\nc.mp3: title " +
		"is too long\n" +
		"the day cannot be published\n  dawn is short\n  noon is long"
	if got := Words(err); got != want {
		t.Errorf("%s", got)
	}
}

// Programs count list elements from 0, people from 1.
func TestACommandThatWasEndedSaysSo(t *testing.T) {
	t.Parallel()
	if said := Words(fmt.Errorf("waiting for a confirmation: %w", context.Canceled)); said !=
		"waiting for a confirmation: interrupted" {
		t.Errorf("%q", said)
	}
}

func TestPlacesAreCountedFromOneForPeople(t *testing.T) {
	for field, want := range map[string]string{"windows[0].length_ms": "window 1, length_ms",
		"stations[1].windows[2]": "station 2, window 3", "title": "title",
		"consent.expires_at": "consent.expires_at", "positions[2].pick.kinds[0]": "position 3, pick, kind 1",
		"entries[9]": "entry 10", "fallback[0]": "fallback 1"} {
		for _, err := range []error{fault.Fields(fault.Field{Field: field, Message: "is wrong"}), fmt.Errorf("a.yaml: %w",
			fault.Fields(fault.Field{Field: field, Message: "is wrong"}))} {
			if got := Words(err); !strings.HasSuffix(got, want+" is wrong") || strings.Contains(got, "[") {
				t.Errorf("%s: %s", field, got)
			}
		}
	}
}

func TestAFieldAndItsMessageAreASentence(t *testing.T) {
	for want, f := range map[string]fault.Field{
		`edit 1, segment "x" is not known`: {Field: "edits[0].segment", Message: `"x" is not known`},
		`window 2, clock "x" is not known`: {Field: "windows[1].clock", Message: `"x" is not known`},
		`clock "x" is not known`:           {Field: "clock", Message: `"x" is not known`},
	} {
		if got := Words(fault.Fields(f)); got != want {
			t.Errorf("%q, not %q", got, want)
		}
	}
}

func TestWordsLeaveOutThePathOfAFailureThroughTheProgram(t *testing.T) {
	full := fault.Wrap(fault.Full, errors.New("database or disk is full (13)"), "no space left for the database")
	for want, err := range map[string]error{
		"Redis is out of reach: connection refused": errors.New(
			"store: redis: open: redis: latest change: Redis is out of reach: connection refused"),
		"the archive is damaged": fmt.Errorf("sqlite: import: %w", fault.New(fault.Invalid, "the archive is damaged")),
		"/d/lifeline.db: no space left for the database: make room there, and run this again": fmt.Errorf(
			"sqlite: open /d/lifeline.db: %w", full),
		"/b.tar: the disk is full: make room there, and run this again": &fs.PathError{Op: "write", Path: "/b.tar",
			Err: syscall.ENOSPC},
		"--store: must be sqlite": errors.New("--store: must be sqlite"),
	} {
		if got := Words(err); got != want {
			t.Errorf("%v reads %q, not %q", err, got, want)
		}
	}
}
