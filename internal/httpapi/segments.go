package httpapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/bcp47"
	"lifeline/internal/fault"
	"lifeline/internal/library"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// uploadSegment takes the parts meta and audio, in either order, and answers the analysed segment.
func (a *api) uploadSegment(c *call) error {
	wait, waiting := c.wait(time.Minute)
	mr, err := c.r.MultipartReader()
	if err != nil {
		return fault.Wrap(fault.Unsupported, err, "send multipart/form-data with a part meta (JSON) and a part audio (MP3)")
	}
	c.patient()
	var seg *schedules.Segment
	var received *library.Received
	for {
		part, err := mr.NextPart()
		if err == io.EOF {
			c.print.end()
			break
		}
		if err != nil {
			return fault.Wrap(fault.Invalid, err, "the upload did not arrive whole: send it again")
		}
		switch name := part.FormName(); {
		case name == "meta" && seg == nil:
			seg, err = a.readMeta(c.print.of(part))
			if err := together(waiting, err); err != nil {
				return err
			}
		case name == "audio" && received == nil:
			r, err := a.Library.Recordings.Receive(c.r.Context(), c.print.of(part))
			if err != nil {
				return uploadFault(err)
			}
			received = &r
		default:
			return fault.Fields(fault.Field{Field: name, Message: "is a part that is not expected here: send one meta and one " +
				"audio"})
		}
	}
	if waiting != nil {
		return waiting
	}
	if seg == nil {
		return fault.Fields(fault.Field{Field: "meta", Message: "is missing: send the metadata as a part of that name"})
	}
	if received == nil {
		return fault.Fields(fault.Field{Field: "audio", Message: "is missing: send the recording as a part of that name"})
	}
	created, err := a.Library.Segments.Create(c.r.Context(), c.actor, *seg, *received)
	if err == nil && wait > 0 {
		ctx, cancel := c.patience(wait)
		defer cancel()
		created, err = a.Library.Segments.AwaitAnalysis(ctx, created.ID)
	}
	if err != nil {
		return err
	}
	c.w.Header().Set("Location", wire.Segment(created.ID))
	c.tag(created.Revision)
	return c.json(http.StatusCreated, a.segmentNow(created))
}

// readMeta reads the metadata and says what is wrong with it before any audio is sent.
func (a *api) readMeta(part io.Reader) (*schedules.Segment, error) {
	b, err := io.ReadAll(io.LimitReader(part, maxJSON+1))
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "the upload did not arrive whole: send it again")
	}
	if len(b) > maxJSON {
		return nil, fault.New(fault.TooLarge, "the part meta is larger than %d MiB", maxJSON>>20)
	}
	var m wire.SegmentMeta
	read := decodeStrict(b, &m)
	if unreadable(read) {
		return nil, read
	}
	seg := &schedules.Segment{}
	m.Onto(seg)
	if seg.ID == "" {
		seg.ID = library.NewSegmentID()
	}
	return seg, together(read, a.Library.Segments.CheckNew(*seg))
}

// replaceAudio takes the body itself as a segment's new recording.
func (a *api) replaceAudio(c *call) error {
	revision, err := c.mustMatch()
	if err != nil {
		return err
	}
	if t, _, _ := mime.ParseMediaType(c.r.Header.Get("Content-Type")); t != "audio/mpeg" &&
		t != "application/octet-stream" && t != "" {
		return fault.New(fault.Unsupported, "send the recording as audio/mpeg")
	}
	if _, err := a.Library.Segments.Get(c.param("segment")); err != nil {
		return err
	}
	c.patient()
	received, err := a.Library.Recordings.Receive(c.r.Context(), c.r.Body)
	if err != nil {
		return uploadFault(err)
	}
	s, err := a.Library.Segments.Replace(c.r.Context(), c.actor, c.param("segment"), revision, received)
	return a.changed(c, s, err)
}

// uploadFault tells a broken connection apart from a fault of ours.
func uploadFault(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return fault.Wrap(fault.Invalid, err, "the upload did not arrive whole: send it again")
	}
	return err
}

var hashForm = regexp.MustCompile(hashPattern)

func (a *api) listSegments(c *call) error {
	after, limit, err := c.page()
	q := c.query()
	f := library.SegmentFilter{Words: q.Get("q"), Kind: schedules.Kind(q.Get("kind")),
		State: schedules.State(q.Get("state")), Script: q.Get("script"), Tag: strings.ToLower(q.Get("tag")),
		SHA256: q.Get("sha256"), After: after, Limit: limit}
	var wrong error
	f.ExpiringBefore, wrong = c.instant("expiring_before")
	var badLanguage error
	f.Language, badLanguage = c.language()
	var badHash error
	if f.SHA256 != "" && !hashForm.MatchString(f.SHA256) {
		badHash = fault.Fields(fault.Field{Field: "sha256", Message: "must be a SHA-256 in hexadecimal"})
	}
	err = together(err, wrong, badHash, badLanguage, oneOf("kind", f.Kind, schedules.Kinds), oneOf("state", f.State,
		states))
	if err != nil {
		return err
	}
	items, next := a.Library.Segments.List(f)
	return page(c, items, next)
}

// language is the query's language in the form in which languages are kept; none where the query names none.
func (c *call) language() (string, error) {
	given := c.query().Get("language")
	if given == "" {
		return "", nil
	}
	tag, err := bcp47.Canonical(given)
	if err != nil {
		return "", fault.Fields(fault.Field{Field: "language", Message: err.Error()})
	}
	return tag, nil
}

// oneOf is what is wrong with a query parameter that must be one of a list, or left out.
func oneOf[T ~string](name string, value T, list []T) error {
	if value == "" || slices.Contains(list, value) {
		return nil
	}
	return fault.Fields(fault.Field{Field: name, Message: fmt.Sprintf("%q is none: use one of %s", value,
		strings.ReplaceAll(strings.Trim(fmt.Sprint(list), "[]"), " ", ", "))})
}

// page answers one page of a list.
func page[T any](c *call, items []T, next string) error {
	if items == nil {
		items = []T{}
	}
	return c.json(http.StatusOK, wire.Page[T]{Items: items, NextCursor: cursor(next)})
}

// getSegment answers a segment as it stands, which no cache may keep: what does not belong to its revision changes
// without it.
func (a *api) getSegment(c *call) error {
	c.w.Header().Set("Cache-Control", "no-store")
	s, err := a.Library.Segments.Get(c.param("segment"))
	if err != nil {
		return err
	}
	now := a.segmentNow(s)
	if now.Analysis != nil {
		return c.json(http.StatusOK, now)
	}
	return resource(c, now, s.Revision, nil)
}

func (a *api) segmentNow(s schedules.Segment) wire.SegmentNow {
	now := wire.SegmentNow{Segment: s, AirableOn: a.Library.Segments.AirableOn(s.Language)}
	if p, running := a.Library.Recordings.Progress(s.ID); running {
		now.Analysis = &wire.Progress{Bytes: p.Done, Of: p.Of}
	}
	return now
}

func (a *api) waveform(c *call) error {
	s, err := a.Library.Segments.Get(c.param("segment"))
	if err != nil {
		return err
	}
	if s.Recording == nil {
		return fault.New(fault.NotFound, "segment %q has no recording", s.ID)
	}
	b, err := a.Library.Recordings.Waveform(c.r.Context(), s.Recording.SHA256)
	if err != nil {
		return err
	}
	return c.bytes(http.StatusOK, "application/json", b)
}

// changed answers a segment after a change, and which stations are left without a fallback.
func (a *api) changed(c *call, s schedules.Segment, err error) error {
	if err != nil {
		return err
	}
	return resource(c, wire.ChangedSegment{Segment: s, AirableOn: a.Library.Segments.AirableOn(s.Language),
		Stations: a.Scheduler.Network.Standing.Losing(s.ID)}, s.Revision, nil)
}

// resource answers a revisioned resource, or passes the error on.
func resource(c *call, v any, revision int64, err error) error {
	if err != nil {
		return err
	}
	if c.tag(revision) {
		return nil
	}
	return c.json(http.StatusOK, v)
}

// patchSegment merges what is sent into the metadata (RFC 7396): what is left out stays, null empties.
func (a *api) patchSegment(c *call) error {
	revision, err := c.mustMatch()
	if err != nil {
		return err
	}
	id := c.param("segment")
	before, err := a.Library.Segments.Get(id)
	if err != nil {
		return err
	}
	b, err := c.body("application/json", "application/merge-patch+json")
	if err != nil {
		return err
	}
	m := wire.SegmentMetaOf(before)
	read := mergeStrict(b, &m)
	if unreadable(read) {
		return read
	}
	var own error
	if m.ID != id {
		own = fault.Fields(fault.Field{Field: "id", Message: "cannot be changed"})
		m.ID = id
	}
	if err := together(read, own, a.Library.Segments.CheckEdit(before, m.Onto)); err != nil {
		return err
	}
	s, err := a.Library.Segments.Edit(c.r.Context(), c.actor, id, revision, m.Onto)
	return a.changed(c, s, err)
}

// approve lets a segment go to air.
func (a *api) approve(c *call) error {
	revision, err := c.ifMatch()
	if err != nil {
		return err
	}
	var in wire.Approval
	if err := c.decodeOptional(&in); err != nil {
		return err
	}
	approve := a.Library.Approvals.Approve
	if in.AcceptWarnings {
		approve = a.Library.Approvals.ApproveDespiteWarnings
	}
	s, err := approve(c.r.Context(), c.actor, c.param("segment"), revision, in.Reason)
	return a.changed(c, s, err)
}

// segmentAct moves a segment from state to state.
type segmentAct func(ctx context.Context, a access.Actor, id string, revision *int64, reason string) (
	schedules.Segment, error)

// act serves the other acts that move a segment from state to state. do is asked for the act when a request comes.
func (a *api) act(do func() segmentAct) handler {
	return func(c *call) error {
		revision, err := c.ifMatch()
		if err != nil {
			return err
		}
		var in wire.Reason
		if err := c.decodeOptional(&in); err != nil {
			return err
		}
		s, err := do()(c.r.Context(), c.actor, c.param("segment"), revision, in.Reason)
		return a.changed(c, s, err)
	}
}

func (a *api) segmentAudio(c *call) error {
	s, err := a.Library.Segments.Get(c.param("segment"))
	if err != nil {
		return err
	}
	if s.Recording == nil {
		return fault.New(fault.NotFound, "segment %q has no recording", s.ID)
	}
	c.w.Header().Set("Content-Disposition", fmt.Sprintf("inline; filename=%q", s.ID+".mp3"))
	return a.serveAudio(c, s.Recording.SHA256, "private, no-cache")
}
