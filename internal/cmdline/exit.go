package cmdline

import (
	"errors"
	"fmt"

	"lifeline/internal/fault"
)

// The exit codes of the programs.
const (
	Done          = 0 // everything was done
	Failed        = 1 // it failed, and the message says why
	Misunderstood = 2 // the command line is invalid, and nothing was tried
	Partly        = 3 // some of it was done, and the rest failed or was refused
	Nothing       = 4 // there was nothing to process
	NoConsent     = 5 // it would change something, and nobody consented
	Later         = 6 // not yet: the service is unreachable, or nobody has accepted it so far
)

// Codes is the description of the exit codes in --help.
const Codes = "Exit codes: 0 all was done; 1 it failed; 2 the command line is not understood; 3 some was done and " +
	"the rest failed or was " +
	"refused; 4 there was nothing to act on; 5 it would change something and nobody agreed (--yes agrees); 6 not " +
	"yet: the service is " +
	"out of reach, or no player has taken it, so try again later."

// coded is an error with the exit code that the program ends with.
type coded struct {
	error
	code int
}

func (c coded) Unwrap() error { return c.error }

// Exit returns err with an exit code for the program.
func Exit(code int, err error) error { return coded{err, code} }

// Refuse returns an error with a formatted message and an exit code.
func Refuse(code int, format string, args ...any) error {
	return Exit(code, fmt.Errorf(format, args...))
}

// CodeOf returns the exit code of a program that ends with err.
func CodeOf(err error) int {
	var c coded
	switch {
	case err == nil:
		return Done
	case errors.As(err, &c):
		return c.code
	case OutOfReach(err):
		return Later
	}
	return Failed
}

// OutOfReach reports whether err is of a service that cannot be reached now and may be reached later. A server that
// redirects, or whose certificate is not believed, does so again at the next attempt.
func OutOfReach(err error) bool { return fault.Is(err, fault.Unavailable) && !fault.Lasts(err) }

// Each calls do for each of several things and returns the failures. The failure of one does not stop the others,
// except a failure that applies to all of them (see ForAll), such as an unreachable service: it is reported once.
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

// ForAll reports whether err would occur for everything else, too.
func ForAll(err error) bool {
	return fault.Is(err, fault.Unavailable) || fault.Is(err, fault.Unauthenticated)
}

// Some returns the error for a partial failure: done parts succeeded and the rest failed with failed.
func Some(done int, failed error) error {
	if done == 0 || failed == nil {
		return failed
	}
	return Exit(Partly, failed)
}
