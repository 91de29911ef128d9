package wire

import (
	"net/http"

	"lifeline/internal/fault"
)

// statuses maps kinds of failure to HTTP statuses.
var statuses = map[fault.Kind]int{
	fault.Internal:        http.StatusInternalServerError,
	fault.Invalid:         http.StatusUnprocessableEntity,
	fault.NotFound:        http.StatusNotFound,
	fault.Conflict:        http.StatusConflict,
	fault.Stale:           http.StatusPreconditionFailed,
	fault.Unconditional:   http.StatusPreconditionRequired,
	fault.Unauthenticated: http.StatusUnauthorized,
	fault.Forbidden:       http.StatusForbidden,
	fault.Unconfirmed:     http.StatusForbidden,
	fault.TooLarge:        http.StatusRequestEntityTooLarge,
	fault.Unsupported:     http.StatusUnsupportedMediaType,
	fault.Unacceptable:    http.StatusNotAcceptable,
	fault.TooMany:         http.StatusTooManyRequests,
	fault.Full:            http.StatusInsufficientStorage,
	fault.Unavailable:     http.StatusServiceUnavailable,
	fault.Unsatisfiable:   http.StatusUnprocessableEntity,
	fault.Gone:            http.StatusGone,
	fault.Busy:            http.StatusLocked,
	fault.Damaged:         StatusChecksumMismatch,
	fault.NotDone:         http.StatusMethodNotAllowed,
	fault.OutOfRange:      http.StatusRequestedRangeNotSatisfiable,
}

// kinds maps statuses to kinds of failure. Of two kinds with one status it has the more general one. It includes
// statuses that proxies may send.
var kinds = func() map[int]fault.Kind {
	out := map[int]fault.Kind{}
	for kind, status := range statuses {
		out[status] = kind
	}
	out[http.StatusUnprocessableEntity], out[http.StatusBadRequest] = fault.Invalid, fault.Invalid
	out[http.StatusForbidden] = fault.Forbidden
	out[http.StatusBadGateway], out[http.StatusGatewayTimeout] = fault.Unavailable, fault.Unavailable
	return out
}()

// StatusOf returns the HTTP status of a kind of failure.
func StatusOf(k fault.Kind) int { return statuses[k] }

// KindOf returns the kind of failure for an HTTP status; Internal for an unknown one.
func KindOf(status int) fault.Kind { return kinds[status] }
