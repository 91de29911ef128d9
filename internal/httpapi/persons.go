package httpapi

import (
	"net/http"

	"lifeline/internal/httpapi/apidoc"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// personHandlers are about the persons that segments name.
type personHandlers struct{ *Parts }

func (a personHandlers) routes() []route {
	person := wire.Person{ID: "p17", Segments: []wire.PersonSegment{{ID: "reading-ko-full-hana", Kind: "reading",
		State: schedules.Recalled}}, Recalls: 3,
		Stations: []wire.PersonStation{{Station: "lantern-coast", Acknowledged: true, LastContact: exampleStart}}}
	return []route{
		{a.person, apidoc.Route{Method: http.MethodGet, Path: "/v1/persons/:person", Roles: people,
			ID: "getPerson", Tag: apidoc.ForProducers, Summary: "What names a person, and which " +
				"stations have it off the air",
			Detail: "off_by is the worst case: a station that has not acknowledged the recall may hold any revision that was " +
				"ever published, and its fallback.",
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "How it stands.", person)}}},
		{a.recallPerson, apidoc.Route{Method: http.MethodPost, Path: "/v1/persons/:person/recall", Roles: makers,
			ID: "recallPerson", Tag: apidoc.ForProducers,
			Summary: "Take everything that names a person off the air, now",
			Detail: "All of it in one act, with what airs in one chain with it. Each segment is reinstated by itself: by one " +
				"person, and approved by another.",
			Takes: apidoc.TakesJSON(wire.Reason{Reason: "the family is in danger"}), Lenient: true,
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "How it stands.", person)},
			Faults:  map[int]string{http.StatusConflict: "All of it is recalled already."}}},
	}
}

// person answers what names a person and which stations have it off the air.
func (a personHandlers) person(c *call) error {
	p, err := a.Scheduler.People.Person(c.r.Context(), c.label("person"))
	if err != nil {
		return err
	}
	var ids []string
	for _, s := range p.Segments {
		ids = append(ids, s.ID)
	}
	p.WithoutFallback = a.Scheduler.Network.Standing.Losing(ids...)
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
	return a.person(c)
}
