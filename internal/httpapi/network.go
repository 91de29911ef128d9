package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"

	"lifeline/internal/charset"
	"lifeline/internal/fault"
	"lifeline/internal/httpapi/apidoc"
	"lifeline/internal/openapi"
	"lifeline/internal/shape"
	"lifeline/internal/text"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// networkHandlers serve the definitions of the network: stations, clocks and campaigns.
type networkHandlers struct{ *Parts }

func (a networkHandlers) routes() []route {
	asYAML := func(mediaType string) apidoc.Body {
		return apidoc.Body{MediaType: mediaType, GoType: reflect.TypeFor[wire.Apply](), Use: openapi.Request}
	}
	return []route{
		{a.listStations, apidoc.Route{Method: http.MethodGet, Path: "/v1/stations", Roles: people,
			ID: "listStations", Tag: apidoc.ForSchedulers, Summary: "List stations", Query: paged,
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "One page of stations, ordered by ID.",
				wire.Page[schedules.Station]{Items: []schedules.Station{exampleStation}})}}},
		{a.getStation, apidoc.Route{Method: http.MethodGet, Path: "/v1/stations/:station", Roles: everybody,
			ID: "getStation", Tag: apidoc.ForSchedulers, Summary: "Get a station with its windows", Known: true,
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "The station.", exampleStation)}}},
		{a.putStation, apidoc.Route{Method: http.MethodPut, Path: "/v1/stations/:station", Roles: planning,
			Confirmed: true, ID: "putStation", Tag: apidoc.ForSchedulers, Summary: "Create or replace a station",
			Match: apidoc.MatchTaken,
			Detail: "In the nights when clocks change, windows in wall time keep their order. A window ends where the next " +
				"one begins, or is left out. A window that is followed by another within five minutes also " +
				"fills the hour that occurs twice. Starts are lines of RFC 5545, or words: `at`, `days` and `every` with " +
				"`from`, such as 13:00, sat and sun, 2 weeks. The rundown of such a day has the warning clock_change for each window " +
				"whose length or time by the clock is another, or that leaves an hour which it fills on other days silent.",
			Takes: apidoc.TakesJSON(exampleStation), Answers: puts(exampleStation), Faults: putFaults}},
		{a.listClocks, apidoc.Route{Method: http.MethodGet, Path: "/v1/clocks", Roles: people,
			ID: "listClocks", Tag: apidoc.ForSchedulers, Summary: "List clocks", Query: paged,
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "One page of clocks, ordered by ID.",
				wire.Page[schedules.Clock]{Items: []schedules.Clock{exampleClock}})}}},
		{a.getClock, apidoc.Route{Method: http.MethodGet, Path: "/v1/clocks/:clock", Roles: people,
			ID: "getClock", Tag: apidoc.ForSchedulers, Summary: "Get a clock with its positions and rules",
			Known:   true,
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "The clock.", exampleClock)}}},
		{a.putClock, apidoc.Route{Method: http.MethodPut, Path: "/v1/clocks/:clock", Roles: planning,
			Confirmed: true, ID: "putClock", Tag: apidoc.ForSchedulers, Summary: "Create or replace a clock",
			Match: apidoc.MatchTaken,
			Takes: apidoc.TakesJSON(exampleClock), Answers: puts(exampleClock), Faults: putFaults}},
		{a.clockUses, apidoc.Route{Method: http.MethodGet, Path: "/v1/clocks/:clock/uses", Roles: people,
			ID: "listClockUses", Tag: apidoc.ForSchedulers, Summary: "List the windows and special days that follow a clock",
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "What uses the clock.",
				wire.Uses{Definitions: []schedules.Reference{{Kind: "station", ID: "lantern-coast",
					Place: "windows[evening].clock"}}}.Listed())}}},
		{a.listCampaigns, apidoc.Route{Method: http.MethodGet, Path: "/v1/campaigns", Roles: people,
			ID: "listCampaigns", Tag: apidoc.ForSchedulers, Summary: "List campaigns", Query: paged,
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "One page of campaigns, ordered by ID.",
				wire.Page[schedules.Campaign]{Items: []schedules.Campaign{exampleCampaign}})}}},
		{a.getCampaign, apidoc.Route{Method: http.MethodGet, Path: "/v1/campaigns/:campaign", Roles: people,
			ID: "getCampaign", Tag: apidoc.ForSchedulers, Summary: "Get a campaign", Known: true,
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "The campaign.", exampleCampaign)}}},
		{a.putCampaign, apidoc.Route{Method: http.MethodPut, Path: "/v1/campaigns/:campaign", Roles: planning,
			Confirmed: true, ID: "putCampaign", Tag: apidoc.ForSchedulers, Summary: "Create or replace a campaign",
			Match: apidoc.MatchTaken,
			Takes: apidoc.TakesJSON(exampleCampaign), Answers: puts(exampleCampaign), Faults: putFaults}},
		{a.apply, apidoc.Route{Method: http.MethodPost, Path: "/v1/apply", Roles: planning,
			Confirmed: true, ID: "apply", Tag: apidoc.ForSchedulers, Summary: "Apply a network document",
			Detail: "The document is applied as a whole or not at all. Definitions that it does not name stay the same. It " +
				"is refused only for problems that it causes. The problems of the answer are those that " +
				"stations already have, and the published days that no longer match their definitions. YAML may have " +
				apidoc.SizeOf(shape.MaxYAML) + " and " + strconv.Itoa(shape.MaxTokens) + " texts and marks; a larger " +
				"network is sent as JSON or in parts.",
			Query: []openapi.Parameter{dryRunParameter}, MaxBytes: maxLarge,
			Takes: append(apidoc.TakesJSON(wire.Apply{Campaigns: []schedules.Campaign{exampleCampaign}}),
				asYAML("application/yaml"),
				asYAML("application/x-yaml"),
				asYAML("text/yaml"), asYAML("text/plain"), asYAML("application/x-www-form-urlencoded")),
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "The changes, or with dry_run the changes that would be "+
				"made, one for each definition.",
				wire.Applied{DryRun: true, Changes: []wire.AppliedChange{
					{Kind: "campaign", ID: "appeal-daily", Action: "create", Revision: 1,
						After: json.RawMessage(`{"id":"appeal-daily"}`)}}})}}},
	}
}

func (a networkHandlers) listStations(c *call) error {
	return listing(c, func(after string, limit int) ([]schedules.Station, string) {
		list, next := a.Scheduler.Network.Stations(after, limit)
		for i := range list {
			list[i] = list[i].InWords()
			list[i].CurrentProblems = a.Scheduler.Network.StationProblems.Of(list[i].ID)
		}
		return list, next
	})
}

func (a networkHandlers) getStation(c *call) error {
	v, err := a.Scheduler.Network.Station(c.station())
	v = v.InWords()
	if v.CurrentProblems = a.Scheduler.Network.StationProblems.Of(v.ID); len(v.CurrentProblems) > 0 {
		c.r.Header.Del("If-None-Match") // problems appear and disappear without a new revision
	}
	return resource(c, v, v.Revision, err)
}

func (a networkHandlers) putStation(c *call) error {
	var v schedules.Station
	return a.put(c, "station", &v, &v.ID, &v.Revision,
		func() wire.Apply { return wire.Apply{Stations: []schedules.Station{v}} })
}

func (a networkHandlers) listClocks(c *call) error { return listing(c, a.Scheduler.Network.Clocks) }

func (a networkHandlers) getClock(c *call) error {
	v, err := a.Scheduler.Network.Clock(c.param("clock"))
	return resource(c, v, v.Revision, err)
}

func (a networkHandlers) putClock(c *call) error {
	var v schedules.Clock
	return a.put(c, "clock", &v, &v.ID, &v.Revision, func() wire.Apply { return wire.Apply{Clocks: []schedules.Clock{v}} })
}

func (a networkHandlers) clockUses(c *call) error {
	return uses(c, "clock", a.Scheduler.Network.References.OfClock)
}

// uses answers with what uses the document that a parameter of the path names.
func uses(c *call, kind string, of func(id string) (wire.Uses, error)) error {
	v, err := of(c.param(kind))
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, v)
}

func (a networkHandlers) listCampaigns(c *call) error {
	return listing(c, a.Scheduler.Network.Campaigns)
}

func (a networkHandlers) getCampaign(c *call) error {
	v, err := a.Scheduler.Network.Campaign(c.param("campaign"))
	return resource(c, v, v.Revision, err)
}

func (a networkHandlers) putCampaign(c *call) error {
	var v schedules.Campaign
	return a.put(c, "campaign", &v, &v.ID, &v.Revision,
		func() wire.Apply { return wire.Apply{Campaigns: []schedules.Campaign{v}} })
}

// put stores one document as sent. The path gives its id; If-Match is required if the document exists.
func (a *Parts) put(c *call, kind string, document any, id *string, latest *int64, network func() wire.Apply) error {
	read := c.decode(document)
	if unreadable(read) {
		return read
	}
	name := c.param(kind)
	var own error
	if *id != "" && *id != name {
		own = fault.Fields(fault.Field{Field: "id", Message: "must be the ID in the path, or left out"})
	}
	*id = name
	n := network()
	wrong := withoutPrefix(a.Scheduler.Network.Check(c.r.Context(), n), kind+"s[0].")
	if err := joinFindings(read, own, wrong); err != nil {
		return err
	}
	revision, err := c.startingFrom(a.Scheduler.Network.Exists(n))
	if err != nil {
		return err
	}
	out, err := a.Scheduler.Network.Apply(c.r.Context(), c.actor, n, revision, false)
	if err != nil {
		return err
	}
	status := http.StatusOK
	if out.Changes[0].Action == "create" {
		status = http.StatusCreated
		c.w.Header().Set("Location", c.r.URL.Path)
	}
	*latest = out.Changes[0].Revision
	if st, is := document.(*schedules.Station); is {
		lines, _ := st.InLines() // Check has said what is wrong
		*st = lines.InWords()
	}
	setTag(c, *latest)
	return c.json(status, document)
}

// withoutPrefix renames the fields of a single document to the names in the request.
func withoutPrefix(err error, prefix string) error {
	fields := fault.FieldsOf(err)
	if fields == nil {
		return err
	}
	for i := range fields {
		fields[i].Field = strings.TrimPrefix(fields[i].Field, prefix)
	}
	return fault.FieldsAnd(fault.MoreOf(err), fields...)
}

// apply takes a network as YAML or JSON.
func (a networkHandlers) apply(c *call) error {
	b, err := c.body("application/json", "application/yaml", "application/x-yaml", "text/yaml", "text/plain",
		"application/x-www-form-urlencoded")
	if err != nil {
		return err
	}
	if !strings.HasPrefix(c.r.Header.Get("Content-Type"), "application/json") {
		_, declared, _ := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
		if b, err = charset.Decode(b, declared["charset"]); err != nil {
			return fault.Wrap(fault.Invalid, err, "the body cannot be read: %v", err)
		}
		if !json.Valid(b) { // JSON is YAML too, and costs less
			if b, err = yamlToJSON(b); err != nil {
				return err
			}
		}
	}
	var n wire.Apply
	read := decodeStrict(b, &n)
	if unreadable(read) {
		return read
	}
	dryRun, err := c.query().flag("dry_run")
	if err := joinFindings(read, err, a.Scheduler.Network.Check(c.r.Context(), n)); err != nil {
		return err
	}
	out, err := a.Scheduler.Network.Apply(c.r.Context(), c.actor, n, nil, dryRun)
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, out)
}

// yamlToJSON converts a network to the form that decodeStrict reads.
func yamlToJSON(b []byte) ([]byte, error) {
	if err := shape.YAML(b); err != nil {
		return nil, fault.New(fault.Invalid, "%v", err)
	}
	var v any
	if err := yaml.Unmarshal(b, &v); err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "the body is not valid YAML: %s", yamlFault(b, err))
	}
	out, err := json.Marshal(v)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "the body has a value that JSON does not support")
	}
	return out, nil
}

// yamlFault says what the parser does not take, with the line. The parser's own words for it take a time that grows
// with the square of the line's length.
func yamlFault(b []byte, err error) string {
	var e yaml.Error
	if !errors.As(err, &e) || e.GetToken() == nil {
		return err.Error()
	}
	at := e.GetToken().Position
	said := fmt.Sprintf("[%d:%d] %s", at.Line, at.Column, e.GetMessage())
	lines := bytes.SplitN(b, []byte("\n"), at.Line+1)
	if at.Line > len(lines) {
		return said
	}
	return said + "\n> " + strconv.Itoa(at.Line) + " | " + text.Cut(string(lines[at.Line-1]), shownOfLine)
}

// shownOfLine is how many characters of a line an error shows.
const shownOfLine = 80

// puts returns the answers for a document that was put.
func puts[T any](example T) []apidoc.Answer {
	return []apidoc.Answer{apidoc.Gives(http.StatusOK, "The resource was replaced.", example, "ETag"),
		apidoc.Gives(http.StatusCreated, "The resource was created.", example, "ETag", "Location")}
}

var putFaults = map[int]string{http.StatusPreconditionRequired: "The resource exists, and If-Match is missing."}
