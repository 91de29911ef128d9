package httpapi

import (
	"context"
	"crypto/ed25519"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"lifeline/internal/access"
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

// Parts are what the API serves.
type Parts struct {
	Access     *access.Access
	Library    *library.Library
	Scheduler  *scheduling.Scheduler
	Logbook    *record.Logbook
	Answers    *idempotency.Store
	Windows    *scheduling.Windows
	Media      *access.Media
	Webhooks   *webhooks.Webhooks
	Replica    *replica.Replica
	Keys       []ed25519.PublicKey
	FormerKeys []wire.Key                             // that signed before
	Roots      []*trust.Root                          // that delegate to the keys, from the first on
	FirstRoot  *wire.Envelope                         // see wire.Roots
	Ready      map[string]func(context.Context) error // what must be reachable, by name
	// what is short, in words; fails with Full when nothing can be stored; nil: not known
	Room      func(context.Context) (short string, err error)
	Now       func() time.Time
	Log       *slog.Logger
	Rate      Rate
	Meter     Meter
	Tracer    Tracer
	Metrics   http.Handler   // nil: they are served elsewhere
	PublicURL string         // where the service is reached, with a path where it is below one
	Origins   []string       // other addresses at which browsers reach it
	TLSOnly   bool           // other machines may come by TLS alone
	Proxies   []netip.Prefix // that end TLS, and say so

	// ends when the service begins to stop: waits and streams end then, other requests go on; nil: never
	Stopping context.Context
}

// Meter counts what is answered and who waits.
type Meter interface {
	Request(route, method string, status int, took time.Duration)
	Waiting(kind string) (done func())
}

// Tracer begins the trace of a request and answers the function that ends it.
type Tracer interface {
	Begin(r *http.Request, requestID string) (context.Context, func(route string, status int))
}

// Rate is how fast one token may be used: so many requests at once, and then so many a second. Zero does not limit.
type Rate struct {
	PerSecond float64
	Burst     int
	Shared    Allowance // of all replicas, at the same rate; nil: this is the only one
}

// knownStation fails with NotFound unless the path's station exists.
func (a *Parts) knownStation(c *call) (schedules.Date, error) {
	if _, err := a.Scheduler.Network.Station(c.station()); err != nil {
		return schedules.Date{}, err
	}
	return c.date()
}

// dateOrToday is the query's date, or the station's broadcast day at each look.
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
		d, _ := st.DateAt(a.Now()) // the zone was found above
		return d
	}, nil
}
