package client

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"lifeline/internal/wire"
	"lifeline/schedules"
)

// AiringReport counts airings. The query has the contract's parameters (from, to, group, station, segment, …).
func (c RecordCalls) AiringReport(ctx context.Context, query url.Values) (r wire.AiringReport, err error) {
	_, err = c.Call(ctx, Request{Method: http.MethodGet, Path: wire.Base + "/reports/airings?" + query.Encode()}, &r)
	return r, err
}

// AiringSheet returns AiringReport as CSV. The caller closes the response.
func (c RecordCalls) AiringSheet(ctx context.Context, query url.Values) (*http.Response, error) {
	return c.Do(ctx, Request{Method: http.MethodGet, Path: wire.Base + "/reports/airings?" + query.Encode(),
		Header: http.Header{"Accept": {"text/csv"}}})
}

// Audit lists changes, oldest first. The query has the contract's parameters (kind, id, by).
func (c RecordCalls) Audit(ctx context.Context, query url.Values) ([]wire.AuditRecord, error) {
	records, err := list[wire.AuditRecord](ctx, c.caller, wire.Base+"/audit", query)
	slices.Reverse(records)
	return records, err
}

// MakeGoods lists owed and settled make-goods. The query has the contract's parameters (station, state).
func (c RecordCalls) MakeGoods(ctx context.Context, query url.Values) ([]wire.OwedAiring, error) {
	return list[wire.OwedAiring](ctx, c.caller, wire.Base+"/make-goods", query)
}

// Waive waives a make-good.
func (c RecordCalls) Waive(ctx context.Context, station, id, reason string) (m wire.OwedAiring, err error) {
	_, err = c.Call(ctx, Request{Method: http.MethodPost, Path: wire.Station(station, "make-goods", id, "waive"),
		Body: wire.Reason{Reason: reason}}, &m)
	return m, err
}

// Chain returns a page of a station's chain, starting at a cursor.
func (c RecordCalls) Chain(ctx context.Context, station, cursor string) (page wire.ChainPage, err error) {
	_, err = c.Call(ctx, Request{Method: http.MethodGet, Path: wire.Station(station, "chain") + "?limit=500&cursor=" +
		url.QueryEscape(cursor)}, &page)
	return page, err
}

// AuditChain returns a page of the chain of the audit, starting at a cursor.
func (c RecordCalls) AuditChain(ctx context.Context, cursor string) (page wire.ChainPage, err error) {
	_, err = c.Call(ctx, Request{Method: http.MethodGet, Path: wire.Base + "/audit/chain?limit=500&cursor=" +
		url.QueryEscape(cursor)}, &page)
	return page, err
}

// AuditRecords lists the exact entries of the audit with the sequences [first, last].
func (c RecordCalls) AuditRecords(ctx context.Context, first, last int64) ([]wire.ChainRecord, error) {
	var page wire.Page[wire.ChainRecord]
	_, err := c.Call(ctx, Request{Method: http.MethodGet, Path: wire.Base + "/audit/chain/records?first=" +
		strconv.FormatInt(first, 10) + "&last=" + strconv.FormatInt(last, 10)}, &page)
	return page.Items, err
}

// ChainRecords lists the exact records that a station reported for [from, to). A zero from means no lower bound.
func (c RecordCalls) ChainRecords(ctx context.Context, station string, from, to time.Time) ([]wire.ChainRecord, error) {
	q := url.Values{"to": {schedules.At(to).String()}}
	if !from.IsZero() {
		q.Set("from", schedules.At(from).String())
	}
	return list[wire.ChainRecord](ctx, c.caller, wire.Station(station, "chain", "records"), q)
}

// Person returns the documents that name a person and the stations that have taken them off the air.
func (c LibraryCalls) Person(ctx context.Context, id string) (p wire.Person, err error) {
	_, err = c.Call(ctx, Request{Method: http.MethodGet, Path: wire.Base + "/persons/" + url.PathEscape(id)}, &p)
	return p, err
}

// RecallPerson recalls everything that names a person.
func (c LibraryCalls) RecallPerson(ctx context.Context, id, reason string) (p wire.Person, err error) {
	_, err = c.Call(ctx, Request{Method: http.MethodPost, Path: wire.Base + "/persons/" + url.PathEscape(id) + "/recall",
		Body: wire.Reason{Reason: reason}}, &p)
	return p, err
}
