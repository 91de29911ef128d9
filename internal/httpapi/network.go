package httpapi

import (
	"encoding/json"
	"mime"
	"net/http"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/token"

	"lifeline/internal/charset"
	"lifeline/internal/fault"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// apply takes a network as YAML or JSON.
func (a *api) apply(c *call) error {
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
		if b, err = yamlToJSON(b); err != nil {
			return err
		}
	}
	var n wire.Apply
	read := decodeStrict(b, &n)
	if unreadable(read) {
		return read
	}
	dryRun, err := c.flag("dry_run")
	if err := together(read, err, a.Scheduler.Network.Check(n)); err != nil {
		return err
	}
	out, err := a.Scheduler.Network.Apply(c.r.Context(), c.actor, n, nil, dryRun)
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, out)
}

// yamlDepth is how deep lists and objects of a YAML body may lie in each other: the time that the parser takes grows
// with the square of it.
const yamlDepth = 100

// yamlToJSON refuses aliases: a few of them can stand for more than memory holds. It refuses a second document, too,
// which would be left out.
func yamlToJSON(b []byte) ([]byte, error) {
	depth, begun, ended := 0, false, false
	for _, t := range lexer.Tokenize(string(b)) {
		switch t.Type {
		case token.AliasType, token.MergeKeyType:
			return nil, fault.New(fault.Invalid, "line %d of the body uses a YAML alias, which is not taken here: write the "+
				"value out", t.Position.Line)
		case token.SequenceStartType, token.MappingStartType:
			depth++
		case token.SequenceEndType, token.MappingEndType:
			depth--
		case token.DocumentHeaderType, token.DocumentEndType:
			ended = ended || begun
			continue
		case token.CommentType:
			continue
		}
		begun = true
		if ended {
			return nil, fault.New(fault.Invalid, "line %d begins another YAML document: send one, with the stations, the "+
				"clocks and the campaigns of all", t.Position.Line)
		}
		if depth > yamlDepth {
			return nil, fault.New(fault.Invalid, "line %d of the body lies in more than %d lists and objects", t.Position.Line,
				yamlDepth)
		}
	}
	var v any
	if err := yaml.Unmarshal(b, &v); err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "the body is not valid YAML: %s", yaml.FormatError(err, false, true))
	}
	out, err := json.Marshal(v)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "the body holds a value that JSON does not have")
	}
	return out, nil
}

// flag is a query parameter that is true or false.
func (c *call) flag(name string) (bool, error) {
	switch c.query().Get(name) {
	case "", "false", "0":
		return false, nil
	case "true", "1":
		return true, nil
	}
	return false, fault.Fields(fault.Field{Field: name, Message: "must be true or false"})
}

// put makes one document as it is sent. Its id is the path's; a document that exists needs If-Match.
func (a *api) put(c *call, kind string, document any, id *string, latest *int64, network func() wire.Apply) error {
	read := c.decode(document)
	if unreadable(read) {
		return read
	}
	name := c.param(kind)
	var own error
	if *id != "" && *id != name {
		own = fault.Fields(fault.Field{Field: "id", Message: "must be the path's, or left out"})
	}
	*id = name
	n := network()
	if err := together(read, own, withoutPrefix(a.Scheduler.Network.Check(n), kind+"s[0].")); err != nil {
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
	c.tag(*latest)
	return c.json(status, document)
}

// withoutPrefix names the fields of a single document as its sender knows them.
func withoutPrefix(err error, prefix string) error {
	fields := fault.FieldsOf(err)
	if fields == nil {
		return err
	}
	for i := range fields {
		fields[i].Field = strings.TrimPrefix(fields[i].Field, prefix)
	}
	return fault.Fields(fields...)
}

func (a *api) putStation(c *call) error {
	var v schedules.Station
	return a.put(c, "station", &v, &v.ID, &v.Revision,
		func() wire.Apply { return wire.Apply{Stations: []schedules.Station{v}} })
}

func (a *api) putClock(c *call) error {
	var v schedules.Clock
	return a.put(c, "clock", &v, &v.ID, &v.Revision, func() wire.Apply { return wire.Apply{Clocks: []schedules.Clock{v}} })
}

func (a *api) putScript(c *call) error {
	var v schedules.Script
	return a.put(c, "script", &v, &v.ID, &v.Revision,
		func() wire.Apply { return wire.Apply{Scripts: []schedules.Script{v}} })
}

func (a *api) putCampaign(c *call) error {
	var v schedules.Campaign
	return a.put(c, "campaign", &v, &v.ID, &v.Revision,
		func() wire.Apply { return wire.Apply{Campaigns: []schedules.Campaign{v}} })
}

func (a *api) getStation(c *call) error {
	v, err := a.Scheduler.Network.Station(c.station())
	if v.Standing = a.Scheduler.Network.Standing.Of(v.ID); len(v.Standing) > 0 {
		c.r.Header.Del("If-None-Match") // they come and go without a new revision
	}
	return resource(c, v, v.Revision, err)
}

func (a *api) getClock(c *call) error {
	v, err := a.Scheduler.Network.Clock(c.param("clock"))
	return resource(c, v, v.Revision, err)
}

func (a *api) getScript(c *call) error {
	v, err := a.Scheduler.Network.Script(c.param("script"))
	return resource(c, v, v.Revision, err)
}

func (a *api) getCampaign(c *call) error {
	v, err := a.Scheduler.Network.Campaign(c.param("campaign"))
	return resource(c, v, v.Revision, err)
}

func (a *api) listStations(c *call) error {
	return listing(c, func(after string, limit int) ([]schedules.Station, string) {
		list, next := a.Scheduler.Network.Stations(after, limit)
		for i := range list {
			list[i].Standing = a.Scheduler.Network.Standing.Of(list[i].ID)
		}
		return list, next
	})
}

func (a *api) listClocks(c *call) error    { return listing(c, a.Scheduler.Network.Clocks) }
func (a *api) listScripts(c *call) error   { return listing(c, a.Scheduler.Network.Scripts) }
func (a *api) listCampaigns(c *call) error { return listing(c, a.Scheduler.Network.Campaigns) }

func listing[T any](c *call, list func(after string, limit int) ([]T, string)) error {
	after, limit, err := c.page()
	if err != nil {
		return err
	}
	items, next := list(after, limit)
	return page(c, items, next)
}

// missingReadings answers what of a script must be recorded anew.
func (a *api) missingReadings(c *call) error {
	missing, err := a.Scheduler.Scripts.Missing(c.param("script"))
	if err != nil {
		return err
	}
	return page(c, missing, "")
}

// exposure answers which passages of a script reached whom.
func (a *api) exposure(c *call) error {
	exposures, err := a.Scheduler.Scripts.Exposure(c.r.Context(), c.param("script"))
	if err != nil {
		return err
	}
	return page(c, exposures, "")
}
