package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"lifeline/internal/fault"
	"lifeline/internal/replica"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// maxWait bounds a long poll: below the minute after which idle connections are commonly cut.
const maxWait = 55 * time.Second

// awaited asks for a sealed document and, where the caller has its latest revision and is ready to wait, for the next.
func awaited[T any](c *call, ask func(ctx context.Context, known int64) (T, error)) (answer T, err error) {
	wait, err := c.wait(maxWait)
	if err != nil {
		return answer, err
	}
	known := int64(-1) // which no document has: one look is enough
	if wait == 0 {
		return ask(c.r.Context(), known)
	}
	if all := c.knownAll(); len(all) > 0 {
		known = slices.Max(all)
	}
	ctx, cancel := c.patience(wait)
	defer cancel()
	defer c.meter.Waiting("poll")()
	if answer, err = ask(ctx, known); c.over() != nil {
		return answer, c.over()
	}
	return answer, err
}

// sealed answers a sealed document's envelope, its payload's exact bytes, or what is made of it, compressed when asked.
func sealed(c *call, revision int64, contentType string, t replica.Text) error {
	c.w.Header().Set("Cache-Control", "private, no-cache")
	if c.tag(revision) {
		return nil
	}
	return c.text(http.StatusOK, contentType, t)
}

// made is sealed for what is made only where the caller has not got it.
func made(c *call, revision int64, contentType string, make func() ([]byte, error)) error {
	c.w.Header().Set("Cache-Control", "private, no-cache")
	if c.tag(revision) {
		return nil
	}
	b, err := make()
	if err != nil {
		return err
	}
	return c.bytes(http.StatusOK, contentType, b)
}

// dateOrToday is the query's date, or the station's broadcast day at each look.
func (a *api) dateOrToday(c *call) (func() schedules.Date, error) {
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

func (a *api) findQueue(c *call) (*replica.Sealed[wire.Queue], error) {
	date, err := a.dateOrToday(c)
	if err != nil {
		return nil, err
	}
	return awaited(c, func(ctx context.Context, known int64) (*replica.Sealed[wire.Queue], error) {
		return a.Scheduler.Record.Queues.Await(ctx, c.station(), date, known)
	})
}

func (a *api) queue(c *call) error {
	q, err := a.findQueue(c)
	if err != nil {
		return err
	}
	return sealed(c, q.Value.Revision, "application/json", q.Payload)
}

func (a *api) queueEnvelope(c *call) error {
	q, err := a.findQueue(c)
	if err != nil {
		return err
	}
	return sealed(c, q.Value.Revision, envelopeType, q.Envelope)
}

// envelopeType is the media type of a DSSE envelope in JSON.
const envelopeType = "application/vnd.dsse.envelope.v1+json"

func (a *api) findFallback(c *call) (replica.Sealed[wire.Fallback], error) {
	if _, err := a.Scheduler.Network.Station(c.station()); err != nil {
		return replica.Sealed[wire.Fallback]{}, err
	}
	return awaited(c, func(ctx context.Context, known int64) (replica.Sealed[wire.Fallback], error) {
		return a.Scheduler.Fallbacks.Await(ctx, c.station(), known)
	})
}

func (a *api) fallback(c *call) error {
	f, err := a.findFallback(c)
	if err != nil {
		return err
	}
	return sealed(c, f.Value.Revision, "application/json", f.Payload)
}

func (a *api) fallbackEnvelope(c *call) error {
	f, err := a.findFallback(c)
	if err != nil {
		return err
	}
	return sealed(c, f.Value.Revision, envelopeType, f.Envelope)
}

// lease answers a fresh lease, which nobody may keep for another.
func (a *api) lease(c *call) error {
	nonce, err := c.nonce()
	if err != nil {
		return err
	}
	l, err := a.Scheduler.Leases.Issue(c.r.Context(), c.station(), nonce)
	if err != nil {
		return err
	}
	c.w.Header().Set("Cache-Control", "no-store")
	return c.text(http.StatusOK, envelopeType, l.Envelope)
}

func (a *api) freshness(c *call) error {
	nonce, err := c.nonce()
	if err == nil && nonce == "" {
		err = fault.Fields(fault.Field{Field: "nonce", Message: "is needed: random characters, others with each request"})
	}
	if err != nil {
		return err
	}
	f, err := a.Scheduler.Leases.Freshness(c.r.Context(), c.station(), nonce)
	if err != nil {
		return err
	}
	c.w.Header().Set("Cache-Control", "no-store")
	return c.text(http.StatusOK, envelopeType, f)
}

// nonce is that of the request; "": it has none.
func (c *call) nonce() (string, error) {
	nonce := c.query().Get("nonce")
	plain := func(r rune) bool {
		return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '-' || r == '_'
	}
	if len(nonce) > wire.MaxNonce || strings.IndexFunc(nonce, func(r rune) bool { return !plain(r) }) >= 0 {
		return "", fault.Fields(fault.Field{Field: "nonce", Message: "must be at most " + strconv.Itoa(wire.MaxNonce) +
			" letters, digits, - or _"})
	}
	return nonce, nil
}

// recalls answers the list, readable, with the envelope that signs it.
func (a *api) recalls(c *call) error {
	r, err := awaited(c, func(ctx context.Context, known int64) (replica.Sealed[wire.Recalls], error) {
		return a.Library.Recalls.Await(ctx, known), nil
	})
	if err != nil {
		return err
	}
	if c.tag(r.Value.Revision) {
		return nil
	}
	out := r.Value
	if err := json.Unmarshal(r.Envelope.Plain, &out.Envelope); err != nil {
		return err
	}
	return c.json(http.StatusOK, out)
}
