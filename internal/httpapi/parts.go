package httpapi

import (
	"context"
	"crypto/ed25519"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/access/signin"
	"lifeline/internal/erasure"
	"lifeline/internal/fault"
	"lifeline/internal/idempotency"
	"lifeline/internal/library"
	"lifeline/internal/record"
	"lifeline/internal/replica"
	"lifeline/internal/scheduling"
	"lifeline/internal/trust"
	"lifeline/internal/webhooks"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// Parts are the use cases and settings that the API needs.
type Parts struct {
	Access      *access.Access
	Notes       *access.Notes
	Erasures    *erasure.Erasures
	Waiting     *access.Confirmations
	Members     *access.Members
	SignIn      *signin.SignIn
	Enrolments  *access.Enrolments
	Library     *library.Library
	Scheduler   *scheduling.Scheduler
	Logbook     *record.Logbook
	MirrorLists *access.MirrorLists
	Receipts    *record.ReceiptBook
	Answers     *idempotency.Store
	Windows     *scheduling.Windows
	Media       *access.Media
	Webhooks    *webhooks.Webhooks
	Replica     *replica.Replica
	Keys        []ed25519.PublicKey
	FormerKeys  []wire.Key                             // they signed before
	Roots       []*trust.Root                          // they delegate to the keys, from the first on
	FirstRoot   *wire.Envelope                         // see wire.Roots
	Ready       map[string]func(context.Context) error // checks of readiness by name
	// the shortage as text, if any; fails with Full when nothing can be stored; nil: unknown
	Room    func(context.Context) (short string, err error)
	Now     func() time.Time
	Log     *slog.Logger
	Rate    Rate
	Meter   Meter
	Tracer  Tracer
	Metrics http.Handler
	// everybody may read the metrics, which then name nothing
	OpenMetrics bool
	PublicURL   string         // the service's public address, with its path prefix
	Origins     []string       // further origins for browsers
	TLSOnly     bool           // other machines need TLS
	Proxies     []netip.Prefix // trusted to report TLS and callers

	// ends when the service begins to stop: waits and streams end then, other requests continue; nil: never
	Stopping context.Context
}

// Meter counts answers and waiting requests.
type Meter interface {
	Request(route, method string, status int, took time.Duration)
	Waiting(kind string) (done func())
}

// Tracer begins the trace of a request and returns the function that ends it.
type Tracer interface {
	Begin(r *http.Request, requestID string) (context.Context, func(route string, status int))
}

// Rate is the limit for one token: a burst, and a rate per second. The zero Rate does not limit.
type Rate struct {
	PerSecond float64
	Burst     int
	Shared    Allowance // shared by all replicas, with the same rate; nil: this is the only replica
}

// knownStation fails with NotFound unless the path's station exists.
func (a *Parts) knownStation(c *call) (schedules.Date, error) {
	if _, err := a.Scheduler.Network.Station(c.station()); err != nil {
		return schedules.Date{}, err
	}
	return c.date()
}

// dateOrToday returns a function for the query's date, or by default for the station's broadcast day at each call.
func (a *Parts) dateOrToday(c *call) (func() schedules.Date, error) {
	st, err := a.Scheduler.Network.Station(c.station())
	if err != nil {
		return nil, err
	}
	if v := c.query().Get("date"); v != "" {
		d, err := schedules.ParseDate(v)
		if err != nil {
			return nil, fault.Fields(fault.Field{Field: "date", Message: err.Error()})
		}
		return func() schedules.Date { return d }, nil
	}
	if _, err := st.DateAt(a.Now()); err != nil {
		return nil, err
	}
	return func() schedules.Date {
		d, _ := st.DateAt(a.Now()) // the zone was valid above
		return d
	}, nil
}
