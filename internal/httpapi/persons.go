package httpapi

import (
	"net/http"

	"lifeline/internal/httpapi/apidoc"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// personHandlers serve the persons that segments name.
type personHandlers struct{ *Parts }

func (a personHandlers) routes() []route {
	person := wire.Person{ID: "p17", Segments: []wire.PersonSegment{{ID: "reading-ko-full-hana", Kind: "reading",
		State: schedules.Recalled}}, Recalls: 3,
		Stations: []wire.PersonStation{{Station: "lantern-coast", Acknowledged: true, LastContact: exampleStart}}}
	return []route{
		{a.person, apidoc.Route{Method: http.MethodGet, Path: "/v1/persons/:person", Roles: people,
			ID: "getPerson", Tag: apidoc.ForProducers, Summary: "Get the segments of a person and the stations that still " +
				"may air them",
			Detail: "airings, next_at and in_fallback say where the segments that are not recalled are to air. off_by is " +
				"about the recalled ones, and the worst case: a station that has not acknowledged the recall may have any published " +
				"revision, and its fallback.",
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "The segments and the stations.", person)}}},
		{a.recallPerson, apidoc.Route{Method: http.MethodPost, Path: "/v1/persons/:person/recall", Roles: makers,
			Confirmed: true, ID: "recallPerson", Tag: apidoc.ForProducers,
			Summary: "Recall all segments that name a person",
			Detail: "All segments, and those in a chain with them, are recalled in one change. Each segment is reinstated " +
				"separately: one person reinstates it, and another approves it.",
			Takes: apidoc.TakesJSON(wire.Reason{Reason: "the family is in danger"}), Lenient: true,
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "The segments and the stations.", person)},
			Faults:  map[int]string{http.StatusConflict: "All of the segments are already recalled."}}},
	}
}

// person answers with the segments that name a person, and the stations that have the person off the air.
func (a personHandlers) person(c *call) error {
	if err := a.knowPerson(c, c.label("person")); err != nil {
		return err
	}
	return a.standing(c)
}

func (a personHandlers) standing(c *call) error {
	p, err := a.Scheduler.People.Person(c.r.Context(), c.label("person"))
	if err != nil {
		return err
	}
	var ids []string
	for _, s := range p.Segments {
		ids = append(ids, s.ID)
	}
	if !c.actor.Sensitive {
		p.Segments = []wire.PersonSegment{}
		for i := range p.Stations {
			s := &p.Stations[i]
			s.Airings, s.NextAt, s.Fallback = 0, schedules.Instant{}, false
		}
	}
	p.WithoutFallback = a.Scheduler.Network.StationProblems.LosingFallback(ids...)
	c.w.Header().Set("Cache-Control", "no-store")
	return c.json(http.StatusOK, p)
}

func (a personHandlers) recallPerson(c *call) error {
	var in wire.Reason
	if err := c.decodeOptional(&in); err != nil {
		return err
	}
	if err := a.Library.Recalls.RecallPerson(c.r.Context(), c.actor, c.label("person"), in.Reason); err != nil {
		return err
	}
	return a.standing(c)
}
