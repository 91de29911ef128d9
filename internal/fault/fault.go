// Package fault gives failures a kind, which decides how a caller reacts, and a public message, which is safe and
// useful to show, apart from the cause, which is for the log.
package fault

import (
	"errors"
	"fmt"
	"unicode/utf8"
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
	Unconfirmed          // the person must confirm the act by passkey
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
	More   int // further wrong fields, which Fields does not list
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

// The bounds of what a failure lists: an answer must not be larger than the input that it refuses.
const (
	MaxFields  = 100
	maxName    = 200  // bytes of the name of a field
	maxMessage = 1000 // bytes of a message
)

// Fields returns an Invalid failure that names every wrong field up to MaxFields, or nil when there is none.
func Fields(fields ...Field) error { return FieldsAnd(0, fields...) }

// FieldsAnd is Fields for an input that has so many more wrong fields.
func FieldsAnd(more int, fields ...Field) error {
	if len(fields) == 0 {
		return nil
	}
	if over := len(fields) - MaxFields; over > 0 {
		fields, more = fields[:MaxFields:MaxFields], more+over
	}
	for i, f := range fields {
		fields[i] = Field{Cut(f.Field, maxName), Cut(f.Message, maxMessage)}
	}
	public := fields[0].Field + " " + fields[0].Message
	if others := len(fields) - 1 + more; others > 0 {
		public = fmt.Sprintf("%s (and %d more)", public, others)
	}
	return &Error{Kind: Invalid, Public: public, Fields: fields, More: more}
}

// Cut shortens a text to a number of bytes. A shortened text ends in an ellipsis.
func Cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	end := most - len("…")
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
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

// MoreOf returns how many wrong fields err has besides those that it names.
func MoreOf(err error) int {
	var e *Error
	if !errors.As(err, &e) {
		return 0
	}
	return e.More
}

// FieldsOf returns a copy of the fields that err names, or nil.
func FieldsOf(err error) []Field {
	var e *Error
	if !errors.As(err, &e) {
		return nil
	}
	return append([]Field(nil), e.Fields...)
}
