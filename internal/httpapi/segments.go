package httpapi

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"lifeline/internal/fault"
	"lifeline/internal/httpapi/apidoc"
	"lifeline/internal/library"
	"lifeline/internal/openapi"
	"lifeline/internal/replica"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// segmentHandlers serve segments to producers.
type segmentHandlers struct{ *Parts }

func (a segmentHandlers) routes() []route {
	return []route{
		{a.uploadSegment, apidoc.Route{Method: http.MethodPost, Path: "/v1/segments", Roles: producing,
			ID: "uploadSegment", Tag: apidoc.ForProducers, Summary: "Upload a recording with its metadata",
			Detail: "The parts meta and audio may come in either order. If meta comes first, the service reports its errors " +
				"before it reads the audio. An error in the audio sets the state of the segment; the upload " +
				"itself succeeds.",
			Query: []openapi.Parameter{{Name: "wait", Description: "How long to wait for the analysis of the recording, " +
				"such as 30s.",
				Schema: openapi.Match(durationPattern), Example: "30s"}},
			Takes: []apidoc.Body{{MediaType: "multipart/form-data", GoType: reflect.TypeFor[wire.Upload](),
				Use: openapi.Request}},
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusCreated, "The segment, with the results of the analysis if it "+
				"has finished.",
				exampleSegmentNow, "Location",
				"ETag")},
			Faults: map[int]string{http.StatusConflict: "The ID is already used.",
				http.StatusInsufficientStorage: "The service has no space left."}}},
		{a.listSegments, apidoc.Route{Method: http.MethodGet, Path: "/v1/segments", Roles: people,
			ID: "listSegments", Tag: apidoc.ForProducers, Summary: "Search segments",
			Query: append([]openapi.Parameter{
				{Name: "q", Description: "The beginnings of words of the title, ID, voice, series or tags, in any script. A " +
					"segment must match all of them. Text without spaces between words matches by any part.",
					Schema: openapi.String()},
				{Name: "kind", Description: "Only of this kind.", Schema: openapi.OneOf(schedules.Kinds...)},
				{Name: "language", Description: "Only in this language.", Schema: openapi.Match(optional(languagePattern)),
					Example: "ko-KP"},
				{Name: "state", Description: "Only in this state.", Schema: openapi.OneOf(schedules.AllStates...)},
				{Name: "script", Description: "Only readings of this script.", Schema: openapi.String()},
				{Name: "tag", Description: "Only with this tag.", Schema: openapi.String()},
				{Name: "sha256", Description: "Only with this recording.", Schema: openapi.Match(wire.HashForm)},
				{Name: "expiring_before", Description: "Only segments that may not air from this instant on.",
					Schema:  instantSchema(),
					Example: "2023-12-01T00:00:00.000Z"},
			}, paged...),
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "One page of segments, ordered by ID.",
				wire.Page[schedules.Segment]{Items: []schedules.Segment{exampleSegment}})}}},
		{a.getSegment, apidoc.Route{Method: http.MethodGet, Path: "/v1/segments/:segment", Roles: people,
			ID: "getSegment", Tag: apidoc.ForProducers, Summary: "Get a segment", Known: true,
			Detail: "During the analysis of the recording, analysis has its progress. airable_on has the stations with a " +
				"window that permits the language of the segment. If it is empty, the segment cannot air in " +
				"the present network. Languages match by RFC 4647: a window of ko permits ko and ko-KP, a " +
				"window of ko-KP does not permit ko, and zxx is permitted everywhere. Neither field belongs " +
				"to the revision that the ETag has.",
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "The segment.", exampleSegmentNow)}}},
		{a.segmentUses, apidoc.Route{Method: http.MethodGet, Path: "/v1/segments/:segment/uses", Roles: people,
			ID: "listSegmentUses", Tag: apidoc.ForProducers,
			Summary: "List what names a segment, and the published days that will still air it",
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "What uses the segment.",
				wire.Uses{Definitions: []schedules.Reference{{Kind: "clock", ID: "hour", Place: "positions[ident].segment"}},
					Coming: []wire.ComingItems{{Station: "lantern-coast", Date: exampleDate, Items: 3}}})}}},
		{a.patchSegment, apidoc.Route{Method: http.MethodPatch, Path: "/v1/segments/:segment", Roles: makers,
			Confirmed: true, ID: "editSegment", Tag: apidoc.ForProducers, Summary: "Change the metadata of a segment",
			Match: apidoc.MatchNeeded,
			Detail: "The body is a merge patch (RFC 7396): fields that are left out stay the same, and null empties a " +
				"field. An approved segment needs approval again, by another person than who changed it, and is off the air " +
				"until then, after every change but these: an earlier valid_until, a first consent or an earlier expiry of " +
				"it, and sensitive where it was not." +
				approvedConfirmed,
			Takes: apidoc.TakesPatch[wire.SegmentMeta](map[string]any{"title": "Letter to a sister, read again",
				"tags": []string{"appeal"}}),
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "The changed segment.", exampleChanged, "ETag")}}},
	}
}

// uploadSegment takes the parts meta and audio, in either order, and answers with the analysed segment.
func (a segmentHandlers) uploadSegment(c *call) error {
	wait, waiting := c.query().wait(time.Minute)
	mr, err := c.r.MultipartReader()
	if err != nil {
		return fault.Wrap(fault.Unsupported, err, "send multipart/form-data with a part meta (JSON) and a part audio (MP3)")
	}
	release, err := a.Library.Recordings.Reserve(c.actor, c.r.ContentLength)
	if err != nil {
		return err
	}
	stored := false
	defer func() {
		if !stored {
			release()
		}
	}()
	patient(c)
	var seg *schedules.Segment
	var received *library.Received
	for {
		part, err := mr.NextPart()
		if err == io.EOF {
			c.print.end()
			break
		}
		if err != nil {
			return fault.Wrap(fault.Invalid, err, "the upload did not arrive completely: send it again")
		}
		switch name := part.FormName(); {
		case name == "meta" && seg == nil:
			seg, err = a.readMeta(c, c.print.of(part))
			if err := joinFindings(waiting, err); err != nil {
				return err
			}
		case name == "audio" && received == nil:
			r, err := a.Library.Recordings.Receive(c.r.Context(), c.print.of(part))
			if err != nil {
				return uploadFault(err)
			}
			received = &r
		default:
			return fault.Fields(fault.Field{Field: name, Message: "is an unexpected part: send one part meta and one part " +
				"audio"})
		}
	}
	if waiting != nil {
		return waiting
	}
	if seg == nil {
		return fault.Fields(fault.Field{Field: "meta", Message: "is missing: send the metadata as a part with this name"})
	}
	if received == nil {
		return fault.Fields(fault.Field{Field: "audio", Message: "is missing: send the recording as a part with this name"})
	}
	created, err := a.Library.Segments.Create(c.r.Context(), c.actor, *seg, *received)
	stored = err == nil
	if err == nil && wait > 0 {
		ctx, cancel := c.patience(wait)
		defer cancel()
		created, err = a.Library.Segments.AwaitAnalysis(ctx, created.ID)
	}
	if err != nil {
		return err
	}
	c.w.Header().Set("Location", wire.Segment(created.ID))
	setTag(c, created.Revision)
	return c.json(http.StatusCreated, a.segmentNow(c, created))
}

// readMeta reads and validates the metadata before any audio is sent.
func (a segmentHandlers) readMeta(c *call, part io.Reader) (*schedules.Segment, error) {
	b, err := io.ReadAll(io.LimitReader(part, apidoc.UsualBytes+1))
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "the upload did not arrive completely: send it again")
	}
	if len(b) > apidoc.UsualBytes {
		return nil, fault.New(fault.TooLarge, "the part meta is larger than %s", apidoc.SizeOf(apidoc.UsualBytes))
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
	return seg, joinFindings(read, a.Library.Segments.CheckNew(c.actor, *seg))
}

// uploadFault tells a broken connection apart from a fault of the service.
func uploadFault(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return fault.Wrap(fault.Invalid, err, "the upload did not arrive completely: send it again")
	}
	return err
}

var hashForm = regexp.MustCompile(wire.HashForm)

func (a segmentHandlers) listSegments(c *call) error {
	after, limit, err := c.query().page()
	q := c.query()
	f := library.SegmentFilter{Words: q.Get("q"), Kind: schedules.Kind(q.Get("kind")),
		State: schedules.State(q.Get("state")), Script: q.Get("script"), Tag: strings.ToLower(q.Get("tag")),
		SHA256: q.Get("sha256"), After: after, Limit: limit}
	var wrong error
	f.ExpiringBefore, wrong = c.query().instant("expiring_before")
	var badLanguage error
	f.Language, badLanguage = c.query().language()
	var badHash error
	if f.SHA256 != "" && !hashForm.MatchString(f.SHA256) {
		badHash = fault.Fields(fault.Field{Field: "sha256", Message: "must be a SHA-256 in hexadecimal"})
	}
	err = joinFindings(err, wrong, badHash, badLanguage, oneOf("kind", f.Kind, schedules.Kinds), oneOf("state", f.State,
		schedules.AllStates))
	if err != nil {
		return err
	}
	items, next := a.Library.Segments.List(f)
	return page(c, a.view(c, items...), next)
}

// oneOf checks an optional query parameter against a list.
func oneOf[T ~string](name string, value T, list []T) error {
	if value == "" || slices.Contains(list, value) {
		return nil
	}
	return fault.Fields(fault.Field{Field: name, Message: fmt.Sprintf("%q is unknown: use one of %s", value,
		strings.ReplaceAll(strings.Trim(fmt.Sprint(list), "[]"), " ", ", "))})
}

// getSegment answers with a segment. The answer must not be cached: it contains values that change without a new
// revision.
func (a segmentHandlers) segmentUses(c *call) error {
	return uses(c, "segment", a.Scheduler.Network.References.OfSegment)
}

func (a segmentHandlers) getSegment(c *call) error {
	c.w.Header().Set("Cache-Control", "no-store")
	s, err := a.Library.Segments.Get(c.param("segment"))
	if err != nil {
		return err
	}
	now := a.segmentNow(c, s)
	if now.Analysis != nil {
		return c.json(http.StatusOK, now)
	}
	return resource(c, now, s.Revision, nil)
}

func (a segmentHandlers) segmentNow(c *call, s schedules.Segment) wire.SegmentNow {
	now := wire.SegmentNow{Segment: a.viewOf(c, s), AirableOn: a.Library.Segments.AirableOn(s.Language),
		ToAccept: library.MustAccept(s.Recording), SameRecording: a.Library.Segments.SameRecording(s)}
	if p, running := a.Library.Recordings.Progress(s.ID); running {
		now.Analysis = &wire.Progress{Bytes: p.Done, Of: p.Of}
	}
	if e, erased := replica.ErasureOf(a.Replica, s.ID); erased {
		now.Erased = &wire.ErasedFor{ID: e.ID, At: e.DecidedAt}
	}
	return now
}

// patchSegment merges the body into the metadata (RFC 7396): absent members stay, null empties.
func (a segmentHandlers) patchSegment(c *call) error {
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
	if b, err = hiddenKept(c, before, b); err != nil {
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
	if err := joinFindings(read, own, a.Library.Segments.CheckEdit(before, m.Onto)); err != nil {
		return err
	}
	s, err := a.Library.Segments.Edit(c.r.Context(), c.actor, id, revision, m.Onto)
	return a.changed(c, s, err)
}

// changed answers with a segment after a change, and with the stations that the change left without a fallback.
func (a *Parts) changed(c *call, s schedules.Segment, err error) error {
	if err != nil {
		return err
	}
	return resource(c, wire.ChangedSegment{Segment: a.viewOf(c, s), AirableOn: a.Library.Segments.AirableOn(s.Language),
		ToAccept: library.MustAccept(s.Recording), SameRecording: a.Library.Segments.SameRecording(s),
		Stations: a.Scheduler.Network.StationProblems.LosingFallback(s.ID)}, s.Revision, nil)
}
