package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"strconv"

	"lifeline/internal/fault"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// Upload sends a recording with its metadata (any value whose JSON the contract accepts) and returns the segment.
func (c LibraryCalls) Upload(ctx context.Context, meta any, audio io.Reader) (schedules.Segment, error) {
	head, err := json.Marshal(meta)
	if err != nil {
		return schedules.Segment{}, fmt.Errorf("client: upload: %w", err)
	}
	var form bytes.Buffer
	parts := multipart.NewWriter(&form)
	err = writeHead(parts, head)
	if err != nil {
		return schedules.Segment{}, fmt.Errorf("client: upload: %w", err)
	}
	before := bytes.Clone(form.Bytes())
	form.Reset()
	if err := parts.Close(); err != nil {
		return schedules.Segment{}, fmt.Errorf("client: upload: %w", err)
	}
	var s schedules.Segment
	_, err = c.Call(ctx, Request{Method: http.MethodPost, Path: wire.Base + "/segments?wait=60s",
		Stream: io.MultiReader(bytes.NewReader(before), audio, &form), ContentType: parts.FormDataContentType()}, &s)
	return s, err
}

// writeHead writes the metadata and the part header of the audio.
func writeHead(form *multipart.Writer, meta []byte) error {
	part, err := form.CreatePart(textproto.MIMEHeader{
		"Content-Disposition": {`form-data; name="meta"`}, "Content-Type": {"application/json"}})
	if err != nil {
		return err
	}
	if _, err := part.Write(meta); err != nil {
		return err
	}
	_, err = form.CreateFormFile("audio", "audio.mp3")
	return err
}

// Segment returns a segment.
func (c LibraryCalls) Segment(ctx context.Context, id string) (schedules.Segment, error) {
	s, err := c.SegmentNow(ctx, id)
	return s.Segment, err
}

// SegmentNow returns a segment with its current state.
func (c LibraryCalls) SegmentNow(ctx context.Context, id string) (s wire.SegmentNow, err error) {
	_, err = c.Call(ctx, Request{Method: http.MethodGet, Path: wire.Segment(id)}, &s)
	return s, err
}

// EditSegment changes fields of a segment's metadata (JSON merge patch, RFC 7396). It fails if the segment has changed
// since revision.
func (c LibraryCalls) EditSegment(ctx context.Context, id string, revision int64, fields any) (s schedules.Segment,
	err error) {
	_, err = c.Call(ctx, Request{Method: http.MethodPatch, Path: wire.Segment(id), Body: fields,
		Header: http.Header{"If-Match": {strconv.Quote(strconv.FormatInt(revision, 10))}}}, &s)
	return s, err
}

// Approve approves a segment for air as it was shown. It fails with Stale if the segment has changed since.
func (c LibraryCalls) Approve(ctx context.Context, shown schedules.Segment, in wire.Approval) (s wire.ChangedSegment,
	err error) {
	_, err = c.Call(ctx, Request{Method: http.MethodPost, Path: wire.Segment(shown.ID, "approve"), Body: in,
		Header: http.Header{"If-Match": {strconv.Quote(strconv.FormatInt(shown.Revision, 10))}}}, &s)
	return s, err
}

// Act changes a segment's state by reject, recall or reinstate.
func (c LibraryCalls) Act(ctx context.Context, id, act, reason string) (s wire.ChangedSegment, err error) {
	_, err = c.Call(ctx, Request{Method: http.MethodPost, Path: wire.Segment(id, act), Body: wire.Reason{Reason: reason}},
		&s)
	return s, err
}

// ConfirmRecalls confirms the recalls of a person, who may then go on.
func (c LibraryCalls) ConfirmRecalls(ctx context.Context, in wire.RecallsOf) (out wire.RecallsChanged, err error) {
	_, err = c.Call(ctx, Request{Method: http.MethodPost, Path: wire.Base + "/recalls/confirm", Body: in}, &out)
	return out, err
}

// UndoRecalls undoes the recalls of a person.
func (c LibraryCalls) UndoRecalls(ctx context.Context, in wire.RecallsOf) (out wire.RecallsChanged, err error) {
	_, err = c.Call(ctx, Request{Method: http.MethodPost, Path: wire.Base + "/recalls/reinstate", Body: in}, &out)
	return out, err
}

// Apply sends a network as YAML (of which JSON is a subset).
func (c PlanningCalls) Apply(ctx context.Context, document io.Reader, dryRun bool) (out wire.Applied, err error) {
	_, err = c.Call(ctx, Request{Method: http.MethodPost, Path: wire.Base + "/apply?dry_run=" + strconv.FormatBool(dryRun),
		Stream: document, ContentType: "application/yaml"}, &out)
	return out, err
}

// Plan drafts rundowns of days.
func (c PlanningCalls) Plan(ctx context.Context, in wire.ManyRequest) ([]wire.ManyResult, error) {
	return c.many(ctx, "/plan", in)
}

// Publish publishes the latest rundown of days.
func (c PlanningCalls) Publish(ctx context.Context, in wire.ManyRequest) ([]wire.ManyResult, error) {
	return c.many(ctx, "/publish", in)
}

// WithdrawDay withdraws a published day.
func (c PlanningCalls) WithdrawDay(ctx context.Context, station string, date schedules.Date, reason string) (
	out schedules.Rundown, err error) {
	_, err = c.Call(ctx, Request{Method: http.MethodPost, Path: wire.Station(station, "rundowns", date.String(),
		"withdraw"), Body: wire.Reason{Reason: reason}}, &out)
	return out, err
}

func (c PlanningCalls) many(ctx context.Context, path string, in wire.ManyRequest) ([]wire.ManyResult, error) {
	var out wire.Page[wire.ManyResult]
	_, err := c.Call(ctx, Request{Method: http.MethodPost, Path: wire.Base + path, Body: in}, &out)
	return out.Items, err
}

// Stations lists every station.
func (c PlanningCalls) Stations(ctx context.Context) ([]schedules.Station, error) {
	return list[schedules.Station](ctx, c.caller, wire.Base+"/stations", nil)
}

// Uses lists what uses a clock, a script or a segment.
func (c PlanningCalls) Uses(ctx context.Context, kind, id string) (u wire.Uses, err error) {
	_, err = c.Call(ctx, Request{Method: http.MethodGet, Path: wire.Definition(kind, id, "uses")}, &u)
	return u, err
}

// Network lists every station, clock, campaign and script.
func (c PlanningCalls) Network(ctx context.Context) (n wire.Apply, err error) {
	if n.Stations, err = c.Stations(ctx); err != nil {
		return n, err
	}
	if n.Clocks, err = list[schedules.Clock](ctx, c.caller, wire.Base+"/clocks", nil); err != nil {
		return n, err
	}
	if n.Campaigns, err = list[schedules.Campaign](ctx, c.caller, wire.Base+"/campaigns", nil); err != nil {
		return n, err
	}
	n.Scripts, err = list[schedules.Script](ctx, c.caller, wire.Base+"/scripts", nil)
	return n, err
}

// Edit changes the latest rundown of a day. It fails with Stale if revision is not the latest.
func (c PlanningCalls) Edit(ctx context.Context, station string, date schedules.Date, revision int64,
	edits ...schedules.Edit) (r schedules.Rundown, err error) {
	_, err = c.Call(ctx, Request{Method: http.MethodPatch, Path: wire.Station(station, "rundowns", date.String()),
		Body:   wire.EditRequest{Edits: edits},
		Header: http.Header{"If-Match": {strconv.Quote(strconv.FormatInt(revision, 10))}}}, &r)
	return r, err
}

// StationDocument returns a station in the form that schedulers write.
func (c PlanningCalls) StationDocument(ctx context.Context, station string) (s schedules.Station, err error) {
	_, err = c.Call(ctx, Request{Method: http.MethodGet, Path: wire.Station(station)}, &s)
	return s, err
}

// Segments lists the segments that match a query with the contract's parameters (q, kind, language, state, …).
func (c LibraryCalls) Segments(ctx context.Context, query url.Values) ([]schedules.Segment, error) {
	return list[schedules.Segment](ctx, c.caller, wire.Base+"/segments", query)
}

// list reads all pages of a list.
func list[T any](ctx context.Context, c *caller, path string, query url.Values) ([]T, error) {
	q := url.Values{"limit": {"500"}}
	maps.Copy(q, query)
	all := []T{}
	for range maxPages {
		var page wire.Page[T]
		if _, err := c.Call(ctx, Request{Method: http.MethodGet, Path: path + "?" + q.Encode()}, &page); err != nil {
			return nil, err
		}
		all = append(all, page.Items...)
		if page.NextCursor == "" {
			return all, nil
		}
		if page.NextCursor == q.Get("cursor") {
			break
		}
		q.Set("cursor", page.NextCursor)
	}
	return nil, fault.New(fault.TooLarge, "the list at %s has no end: it goes on after %d entries", path, len(all))
}

// Statuses lists the status of every station. A station that has never reported has only its id.
func (c RecordCalls) Statuses(ctx context.Context) ([]wire.Status, error) {
	return list[wire.Status](ctx, c.caller, wire.Base+"/status", nil)
}

// Recipient returns the age recipient of a station's present key. It fails with NotFound if the station has none: it
// has not enrolled, or was seized.
func (c AccessCalls) Recipient(ctx context.Context, station string) (string, error) {
	keys, err := c.StationKeys(ctx, station)
	if err != nil {
		return "", err
	}
	for _, k := range keys {
		if k.State == "active" {
			return k.Recipient, nil
		}
	}
	return "", fault.New(fault.NotFound, "station %s has no key of its own: enrol it with lifeline station enrol", station)
}

// StationKeys returns the keys that a station has or had.
func (c AccessCalls) StationKeys(ctx context.Context, station string) ([]wire.StationKey, error) {
	return list[wire.StationKey](ctx, c.caller, wire.Station(station, "keys"), nil)
}

// Tokens lists the tokens, without their secrets.
func (c AccessCalls) Tokens(ctx context.Context) ([]wire.Token, error) {
	return list[wire.Token](ctx, c.caller, wire.Base+"/tokens", nil)
}

// People lists the persons who work with the service.
func (c AccessCalls) People(ctx context.Context) ([]wire.MemberNow, error) {
	return list[wire.MemberNow](ctx, c.caller, wire.People(), nil)
}

// Member returns a person who works with the service.
func (c AccessCalls) Member(ctx context.Context, id string) (m wire.MemberNow, err error) {
	_, err = c.Call(ctx, Request{Method: http.MethodGet, Path: wire.People(id)}, &m)
	return m, err
}

// AddMember adds a person who works with the service.
func (c AccessCalls) AddMember(ctx context.Context, m wire.Member) (out wire.Member, err error) {
	_, err = c.Call(ctx, Request{Method: http.MethodPost, Path: wire.People(), Body: m}, &out)
	return out, err
}

// PatchMember changes a person at a revision, by the fields of a merge patch.
func (c AccessCalls) PatchMember(ctx context.Context, id string, revision int64, patch map[string]any) (
	out wire.Member, err error) {
	_, err = c.Call(ctx, Request{Method: http.MethodPatch, Path: wire.People(id), Body: patch,
		Header: http.Header{"If-Match": {strconv.Quote(strconv.FormatInt(revision, 10))}}}, &out)
	return out, err
}

// PersonCode makes a one-time code by which a person enrols.
func (c AccessCalls) PersonCode(ctx context.Context, id string) (code wire.PersonCode, err error) {
	_, err = c.Call(ctx, Request{Method: http.MethodPost, Path: wire.People(id, "code")}, &code)
	return code, err
}

// RevokeToken revokes a token immediately. If it was stolen, the standing orders that were set by it stop.
func (c AccessCalls) RevokeToken(ctx context.Context, id string, stolen bool) error {
	path := wire.Base + "/tokens/" + url.PathEscape(id)
	if stolen {
		path += "?stolen=true"
	}
	_, err := c.Call(ctx, Request{Method: http.MethodDelete, Path: path}, nil)
	return err
}

// Rundown returns the latest rundown of a day.
func (c PlanningCalls) Rundown(ctx context.Context, station string, date schedules.Date) (r schedules.Rundown,
	err error) {
	_, err = c.Call(ctx, Request{Method: http.MethodGet, Path: wire.Station(station, "rundowns", date.String())}, &r)
	return r, err
}

// Published returns the published queue of a day. It fails with NotFound if none is published.
func (c PlanningCalls) Published(ctx context.Context, station string, date schedules.Date) (q wire.Queue, err error) {
	_, err = c.Call(ctx, Request{Method: http.MethodGet, Path: wire.Station(station, "queue") + "?date=" + date.String()},
		&q)
	return q, err
}

// Explanation returns why an item of a day's latest rundown is where it is.
func (c PlanningCalls) Explanation(ctx context.Context, station string, date schedules.Date, item string) (
	e wire.PlacedItem, err error) {
	_, err = c.Call(ctx, Request{Method: http.MethodGet, Path: wire.Station(station, "rundowns", date.String(), "items",
		item, "explain")}, &e)
	return e, err
}

// Diff lists the changes of a day between two revisions; to is the latest if it is 0.
func (c PlanningCalls) Diff(ctx context.Context, station string, date schedules.Date, from, to int64) (
	[]schedules.ItemChange, error) {
	q := url.Values{"from": {strconv.FormatInt(from, 10)}}
	if to != 0 {
		q.Set("to", strconv.FormatInt(to, 10))
	}
	return list[schedules.ItemChange](ctx, c.caller, wire.Station(station, "rundowns", date.String(), "diff"), q)
}

// Reconciliation compares a day, or one window of it, with what aired.
func (c RecordCalls) Reconciliation(ctx context.Context, station string, date schedules.Date, window string) (
	r schedules.Reconciliation, err error) {
	_, err = c.Call(ctx, Request{Method: http.MethodGet, Path: wire.Station(station, "reconciliation", date.String()) +
		"?window=" + window}, &r)
	return r, err
}
