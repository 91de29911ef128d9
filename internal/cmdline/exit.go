package cmdline

import (
	"errors"
	"fmt"

	"lifeline/internal/fault"
)

// What a program's exit code says happened.
const (
	Done          = 0 // all of it
	Failed        = 1 // it failed, and the message says how
	Misunderstood = 2 // the command line is not understood, and nothing was tried
	Partly        = 3 // some of it was done and the rest failed or was refused
	Nothing       = 4 // there was nothing to do it with
	NoConsent     = 5 // it would change something, and nobody agreed to that
	Later         = 6 // not yet: the service is out of reach, or nobody took it so far
)

// Codes is what --help says of the exit codes.
const Codes = "Exit codes: 0 all was done; 1 it failed; 2 the command line is not understood; 3 some was done and " +
	"the rest failed or was " +
	"refused; 4 there was nothing to do it with; 5 it would change something and nobody agreed (--yes agrees); 6 not " +
	"yet: the service is " +
	"out of reach, or nobody took it so far, so try again later."

// coded is a failure with the exit code that it ends the program with.
type coded struct {
	error
	code int
}

func (c coded) Unwrap() error { return c.error }

// Exit is err, with which the program ends with a code.
func Exit(code int, err error) error { return coded{err, code} }

// Refuse is a failure in words, with which the program ends with a code.
func Refuse(code int, format string, args ...any) error {
	return Exit(code, fmt.Errorf(format, args...))
}

// CodeOf is the code that a program ends with after err.
func CodeOf(err error) int {
	var c coded
	switch {
	case err == nil:
		return Done
	case errors.As(err, &c):
		return c.code
	case fault.Is(err, fault.Unavailable):
		return Later
	}
	return Failed
}

// Each does something with each of several things, and answers what failed. A thing that fails does not stop the
// others, but what fails for all of them alike, as a service that is out of reach, does: it is told once.
func Each(things []string, do func(thing string) error) error {
	var failed []error
	done := 0
	for _, thing := range things {
		switch err := do(thing); {
		case err == nil:
			done++
		case ForAll(err):
			if done > 0 || len(failed) > 0 {
				err = fmt.Errorf("%w (before that: %d of %d done)", err, done, len(things))
			}
			return Some(done, errors.Join(append(failed, err)...))
		default:
			failed = append(failed, fmt.Errorf("%s: %w", thing, err))
		}
	}
	return Some(done, errors.Join(failed...))
}

// ForAll reports whether what failed would fail in the same way for everything else.
func ForAll(err error) bool {
	return fault.Is(err, fault.Unavailable) || fault.Is(err, fault.Unauthenticated)
}

// Some is what failed of something of which a number of parts are done.
func Some(done int, failed error) error {
	if done == 0 || failed == nil {
		return failed
	}
	return Exit(Partly, failed)
}
