package httpapi

import (
	"net/http"

	"lifeline/internal/httpapi/apidoc"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// scriptHandlers serve scripts and their readings.
type scriptHandlers struct{ *Parts }

func (a scriptHandlers) routes() []route {
	return []route{
		{a.listScripts, apidoc.Route{Method: http.MethodGet, Path: "/v1/scripts", Roles: people,
			ID: "listScripts", Tag: apidoc.ForProducers, Summary: "List scripts", Query: paged,
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "One page of scripts, ordered by ID.",
				wire.Page[schedules.Script]{Items: []schedules.Script{exampleScript}})}}},
		{a.getScript, apidoc.Route{Method: http.MethodGet, Path: "/v1/scripts/:script", Roles: people,
			ID: "getScript", Tag: apidoc.ForProducers, Summary: "Get a script with its versions",
			Known:   true,
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "The script.", exampleScript)}}},
		{a.putScript, apidoc.Route{Method: http.MethodPut, Path: "/v1/scripts/:script", Roles: makers,
			Confirmed: true, ID: "putScript", Tag: apidoc.ForProducers, Summary: "Create or replace a script",
			Match:    apidoc.MatchTaken,
			Detail:   "A session must confirm it only where an approved segment reads the script.",
			MaxBytes: maxLarge,
			Takes:    apidoc.TakesJSON(exampleScript), Answers: puts(exampleScript), Faults: putFaults}},
		{a.scriptUses, apidoc.Route{Method: http.MethodGet, Path: "/v1/scripts/:script/uses", Roles: people,
			ID: "listScriptUses", Tag: apidoc.ForProducers, Summary: "List the readings of a script, and what selects them",
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "What uses the script.",
				wire.Uses{Definitions: []schedules.Reference{{Kind: "segment", ID: "reading-ko-1", Place: "script"}}}.Listed())}}},
		{a.missingReadings, apidoc.Route{Method: http.MethodGet, Path: "/v1/scripts/:script/missing", Roles: people,
			ID: "listMissingReadings", Tag: apidoc.ForProducers,
			Summary: "List the passages of a script that must be recorded",
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "The passages whose current text no approved reading has.",
				wire.Page[schedules.ToRecord]{
					Items: []schedules.ToRecord{{Script: "appeal", Version: 3, Passage: 2, Language: "ko-KP",
						Why: "nobody has read it"}}})}}},
		{a.exposure, apidoc.Route{Method: http.MethodGet, Path: "/v1/scripts/:script/exposure", Roles: people,
			ID: "getExposure", Tag: apidoc.ForProducers,
			Summary: "List when the passages of a script aired, by station",
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "The airings, by passage, station and language.",
				wire.Page[schedules.Exposure]{Items: []schedules.Exposure{
					{Script: "appeal", Passage: 1, Station: "lantern-coast", Language: "ko-KP",
						Airings: []schedules.Instant{exampleStart}}}})}}},
	}
}

func (a scriptHandlers) listScripts(c *call) error { return listing(c, a.Scheduler.Network.Scripts) }

func (a scriptHandlers) getScript(c *call) error {
	v, err := a.Scheduler.Network.Script(c.param("script"))
	return resource(c, v, v.Revision, err)
}

func (a scriptHandlers) putScript(c *call) error {
	var v schedules.Script
	return a.put(c, "script", &v, &v.ID, &v.Revision,
		func() wire.Apply { return wire.Apply{Scripts: []schedules.Script{v}} })
}

func (a scriptHandlers) scriptUses(c *call) error {
	return uses(c, "script", a.Scheduler.Network.References.OfScript)
}

// missingReadings lists the parts of a script that must be recorded again.
func (a scriptHandlers) missingReadings(c *call) error {
	missing, err := a.Scheduler.Scripts.Missing(c.param("script"))
	if err != nil {
		return err
	}
	return page(c, missing, "")
}

// exposure lists the passages of a script, and the stations that aired each.
func (a scriptHandlers) exposure(c *call) error {
	exposures, err := a.Scheduler.Scripts.Exposure(c.r.Context(), c.param("script"))
	if err != nil {
		return err
	}
	return page(c, exposures, "")
}
