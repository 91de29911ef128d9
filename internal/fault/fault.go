// Package fault gives failures a kind, which decides how a caller reacts, and a public message, which is safe and
// useful to show, apart from the cause, which is for the log.
package fault

import (
	"errors"
	"fmt"
)

// Kind classifies a failure. The code that first understands the failure chooses it.
type Kind int

// The kinds. The zero Kind is Internal, so that an unclassified failure reveals nothing.
const (
	Internal        Kind = iota
	Invalid              // the input is wrong; Fields say where
	NotFound             // absent, or not for this caller to know of
	Conflict             // the state does not allow it: taken id, wrong state
	Stale                // the given revision is not the latest
	Unconditional        // a change without the revision that it starts from
	Unauthenticated      // no caller, or a bad token
	Forbidden            // the caller's role may not
	TooLarge             // more bytes than allowed
	Unsupported          // not a media type that is taken here
	TooMany              // too fast; try again later
	Full                 // no space left to store it
	Unavailable          // a back end is out of reach; try again later
	Unsatisfiable        // the rules cannot all hold
	Gone                 // was there, is no longer kept
	Busy                 // another request works on it
	Damaged              // the bytes are not those that were announced
	OutOfRange           // bytes that are not there
	NotDone              // the resource does not know the method
	Unacceptable         // there is no form of it that the caller takes
)

// Field is one problem with one field of the input, named by its path in the contract.
type Field struct {
	Field   string `json:"field"`
	Message string `json:"message"`
}

// Error is a classified failure.
type Error struct {
	Kind   Kind
	Public string // for the caller; empty for Internal
	Fields []Field
	Cause  error
}

func (e *Error) Error() string {
	switch {
	case e.Cause == nil:
		return e.Public
	case e.Public == "":
		return e.Cause.Error()
	}
	return e.Public + ": " + e.Cause.Error()
}

func (e *Error) Unwrap() error { return e.Cause }

// New returns a failure of kind k with a public message.
func New(k Kind, format string, args ...any) error {
	return &Error{Kind: k, Public: fmt.Sprintf(format, args...)}
}

// Wrap classifies cause, which stays out of the public message.
func Wrap(k Kind, cause error, format string, args ...any) error {
	return &Error{Kind: k, Public: fmt.Sprintf(format, args...), Cause: cause}
}

// Fields returns an Invalid failure that names every wrong field, or nil when there is none.
func Fields(fields ...Field) error {
	if len(fields) == 0 {
		return nil
	}
	public := fields[0].Field + " " + fields[0].Message
	if len(fields) > 1 {
		public = fmt.Sprintf("%s (and %d more)", public, len(fields)-1)
	}
	return &Error{Kind: Invalid, Public: public, Fields: fields}
}

// KindOf returns the kind of the outermost classified failure in err's chain.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}

// Is reports whether err is of kind k.
func Is(err error, k Kind) bool { return err != nil && KindOf(err) == k }

// lasting is a failure that trying again does not resolve, although its kind alone says otherwise.
type lasting struct{ error }

func (l lasting) Unwrap() error { return l.error }

// Lasting marks err, which has the kind of a passing failure, as one that lasts until a person changes something, such
// as the address or a certificate.
func Lasting(err error) error { return lasting{err} }

// Lasts reports whether err is marked as Lasting.
func Lasts(err error) bool { return errors.As(err, new(lasting)) }

// FieldsOf returns a copy of the fields that err names, or nil.
func FieldsOf(err error) []Field {
	var e *Error
	if !errors.As(err, &e) {
		return nil
	}
	return append([]Field(nil), e.Fields...)
}
