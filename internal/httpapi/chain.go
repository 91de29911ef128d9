package httpapi

import (
	"net/http"
	"strconv"

	"lifeline/internal/fault"
	"lifeline/internal/record"
	"lifeline/internal/wire"
)

// chain lists the links of a station's chain, each with its signed envelope.
func (a *api) chain(c *call) error {
	if _, err := a.Scheduler.Network.Station(c.station()); err != nil {
		return err
	}
	after, limit, err := c.number()
	if err != nil {
		return err
	}
	source := a.Logbook.Chain()
	links, err := source.Page(c.r.Context(), c.station(), after, limit)
	if err != nil {
		return err
	}
	out := wire.ChainPage{Page: wire.Page[wire.SealedLink]{Items: []wire.SealedLink{}}}
	for _, l := range links {
		sealed := wire.SealedLink{Envelope: l.Envelope}
		if sealed.Link, err = record.OpenLink(l.Envelope); err != nil {
			sealed.Link = wire.Link{} // it was changed: the envelope shows it
		}
		sealed.Number, sealed.Date = l.Number, l.Date
		out.Items = append(out.Items, sealed)
	}
	if len(links) == limit {
		out.NextCursor = cursor(strconv.FormatInt(links[limit-1].Number, 10))
	}
	if out.Head, err = source.Head(c.r.Context(), c.station()); err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	if out.Late, err = source.Unsealed(c.r.Context(), c.station()); err != nil {
		return err
	}
	return c.json(http.StatusOK, out)
}

// chainRecords lists what a station reported for [from, to), by sequence, byte for byte as it is sealed.
func (a *api) chainRecords(c *call) error {
	if _, err := a.Scheduler.Network.Station(c.station()); err != nil {
		return err
	}
	after, limit, err := c.number()
	if err != nil {
		return err
	}
	from, err := c.instant("from")
	if err != nil {
		return err
	}
	to, err := c.instant("to")
	if err != nil {
		return err
	}
	if to.IsZero() {
		return fault.Fields(fault.Field{Field: "to", Message: "must say until when"})
	}
	records, err := a.Logbook.Chain().Records(c.r.Context(), c.station(), from, to)
	if err != nil {
		return err
	}
	first := len(records)
	for i, r := range records {
		if c.query().Get("cursor") == "" || r.Sequence > after {
			first = i
			break
		}
	}
	records = records[first:]
	next := ""
	if len(records) > limit {
		records = records[:limit]
		next = strconv.FormatInt(records[limit-1].Sequence, 10)
	}
	return page(c, records, next)
}

// number is page for a list whose cursor is a number.
func (c *call) number() (after int64, limit int, err error) {
	s, limit, err := c.page()
	if err == nil && s != "" {
		if after, err = strconv.ParseInt(s, 10, 64); err != nil {
			err = fault.Fields(fault.Field{Field: "cursor", Message: "is not one that this service gave"})
		}
	}
	return after, limit, err
}
