package client

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"time"

	"lifeline/internal/wire"
	"lifeline/schedules"
)

// AiringReport counts airings, in the contract's own terms (from, to, group, station, segment, …).
func (c *Client) AiringReport(ctx context.Context, query url.Values) (r wire.AiringReport, err error) {
	_, err = c.Call(ctx, Request{Method: http.MethodGet, Path: wire.Base + "/reports/airings?" + query.Encode()}, &r)
	return r, err
}

// AiringSheet is AiringReport as CSV, which the caller closes.
func (c *Client) AiringSheet(ctx context.Context, query url.Values) (*http.Response, error) {
	return c.Do(ctx, Request{Method: http.MethodGet, Path: wire.Base + "/reports/airings?" + query.Encode(),
		Header: http.Header{"Accept": {"text/csv"}}})
}

// Audit lists changes, oldest first, in the contract's own terms (kind, id, by).
func (c *Client) Audit(ctx context.Context, query url.Values) ([]wire.AuditRecord, error) {
	records, err := list[wire.AuditRecord](ctx, c, wire.Base+"/audit", query)
	slices.Reverse(records)
	return records, err
}

// MakeGoods lists what is owed and what is settled, in the contract's own terms (station, state).
func (c *Client) MakeGoods(ctx context.Context, query url.Values) ([]wire.OwedAiring, error) {
	return list[wire.OwedAiring](ctx, c, wire.Base+"/make-goods", query)
}

// Waive says that nobody wants a make-good any more.
func (c *Client) Waive(ctx context.Context, station, id, reason string) (m wire.OwedAiring, err error) {
	_, err = c.Call(ctx, Request{Method: http.MethodPost, Path: wire.Station(station, "make-goods", id, "waive"),
		Body: wire.Reason{Reason: reason}}, &m)
	return m, err
}

// Chain reads a page of a station's chain, from a cursor on.
func (c *Client) Chain(ctx context.Context, station, cursor string) (page wire.ChainPage, err error) {
	_, err = c.Call(ctx, Request{Method: http.MethodGet, Path: wire.Station(station, "chain") + "?limit=500&cursor=" +
		url.QueryEscape(cursor)}, &page)
	return page, err
}

// ChainRecords lists what a station reported for [from, to), byte for byte; from zero is since ever.
func (c *Client) ChainRecords(ctx context.Context, station string, from, to time.Time) ([]wire.ChainRecord, error) {
	q := url.Values{"to": {schedules.At(to).String()}}
	if !from.IsZero() {
		q.Set("from", schedules.At(from).String())
	}
	return list[wire.ChainRecord](ctx, c, wire.Station(station, "chain", "records"), q)
}

// Person reads what names a person and which stations have it off the air.
func (c *Client) Person(ctx context.Context, id string) (p wire.Person, err error) {
	_, err = c.Call(ctx, Request{Method: http.MethodGet, Path: wire.Base + "/persons/" + url.PathEscape(id)}, &p)
	return p, err
}

// RecallPerson takes everything that names a person off the air.
func (c *Client) RecallPerson(ctx context.Context, id, reason string) (p wire.Person, err error) {
	_, err = c.Call(ctx, Request{Method: http.MethodPost, Path: wire.Base + "/persons/" + url.PathEscape(id) + "/recall",
		Body: wire.Reason{Reason: reason}}, &p)
	return p, err
}
