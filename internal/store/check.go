package store

import (
	"strings"
	"time"
	"unicode/utf8"

	"lifeline/internal/fault"
)

// maxName is the largest length in bytes of a kind, an id or a station.
const maxName = 512

// ValidName reports whether s is a valid name of a kind, a document or a station: 1 to 512 bytes of UTF-8 without NUL.
func ValidName(s string) bool {
	return s != "" && len(s) <= maxName && utf8.ValidString(s) && !strings.Contains(s, "\x00")
}

// Check fails with Invalid if c is malformed, regardless of the store's content.
func (c Commit) Check() error {
	type name struct{ kind, id string }
	seen := make(map[name]bool, len(c.Writes))
	for _, w := range c.Writes {
		switch n := (name{w.Kind, w.ID}); {
		case !ValidName(w.Kind) || !ValidName(w.ID):
			return fault.New(fault.Invalid, "kind %q and id %q must each be 1 to 512 bytes of UTF-8 without NUL", w.Kind, w.ID)
		case seen[n]:
			return fault.New(fault.Invalid, "%s %q is written twice in one commit", w.Kind, w.ID)
		case w.Expect < 0 || w.Delete && w.Expect == 0:
			return fault.New(fault.Invalid, "%s %q cannot be expected at revision %d", w.Kind, w.ID, w.Expect)
		default:
			seen[n] = true
		}
	}
	return nil
}

// MostLease is the longest that a lease can last. A back end gives away one that would last longer from now: no claim
// made it, and nothing may keep recalls from the queues.
const MostLease = time.Hour

// CheckLease fails with Invalid if the arguments of a Claim are malformed.
func CheckLease(name, holder string, life time.Duration) error {
	if !ValidName(name) || !ValidName(holder) || life < time.Millisecond || life > MostLease {
		return fault.New(fault.Invalid, "no lease %q for %q of %v: names are 1 to 512 bytes of UTF-8 without NUL, a life "+
			"is from a millisecond to %v", name, holder, life, MostLease)
	}
	return nil
}

// Most returns the maximum number of changes that q requests. It fails with Invalid.
func (q AuditQuery) Most() (int, error) {
	switch {
	case q.Limit < 0:
		return 0, fault.New(fault.Invalid, "the limit of an audit is at least 1, not %d", q.Limit)
	case q.Limit == 0:
		return 50, nil
	}
	return min(q.Limit, 500), nil
}

// Selects reports whether q selects c.
func (q AuditQuery) Selects(c Change) bool {
	return c.Sequence > q.After && (q.Before == 0 || c.Sequence < q.Before) && (q.Kind == "" || c.Kind == q.Kind) &&
		(q.ID == "" || c.ID == q.ID) && (q.By == "" || c.By == q.By) &&
		(q.From.IsZero() || !c.At.Before(q.From)) && (q.To.IsZero() || c.At.Before(q.To))
}

// Follows fails with Invalid unless change next may follow change last in an archive that is trimmed up to trimmed: up
// to there, sequences only have to increase; after it, they must be consecutive.
func Follows(trimmed, last, next int64) error {
	if want := max(trimmed, last) + 1; next <= last || next > want || next < 1 {
		return fault.New(fault.Invalid, "the archive lacks change %d", want)
	}
	return nil
}
