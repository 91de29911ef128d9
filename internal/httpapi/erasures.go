package httpapi

import (
	"context"
	"net/http"

	"lifeline/internal/access"
	"lifeline/internal/fault"
	"lifeline/internal/httpapi/apidoc"
	"lifeline/internal/wire"
)

// erasureHandlers serve what is erased for good.
type erasureHandlers struct{ *Parts }

func (a erasureHandlers) routes() []route {
	asked := wire.Erasure{ID: "0d9c6f2e41b7a8035c1e", Revision: 1, State: "asked", Reason: "she withdrew her consent",
		Segments:   []wire.ErasedSegment{{ID: "letter-ko-sister", Kind: "letter", Language: "ko-KP"}},
		Recordings: []wire.ErasedRecording{{SHA256: exampleHash, Bytes: 2761920, Segment: "letter-ko-sister"}},
		AskedBy:    "Hana", AskedAt: exampleStart, Left: []string{"the queue lantern-coast/2023-10-27"},
		Outside: []string{"mirrors, until the next lifeline mirror push"}}
	done := asked
	done.Names = nil
	done.Revision, done.State, done.DecidedBy, done.DecidedAt = 2, "confirmed", "Ruth", exampleStart
	undecided := map[int]string{http.StatusConflict: "The request no longer waits for a decision, or what it would " +
		"erase has changed since.", http.StatusForbidden: "The role is not permitted, or the caller asked for it."}
	return []route{
		{a.list, apidoc.Route{Method: http.MethodGet, Path: "/v1/erasures", Roles: producing,
			ID: "listErasures", Tag: apidoc.ForProducers, Summary: "List what was erased, and what is to be",
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "The erasures, the newest first.",
				wire.Page[wire.Erasure]{Items: []wire.Erasure{asked}})}}},
		{a.ask, apidoc.Route{Method: http.MethodPost, Path: "/v1/erasures", Roles: producing,
			Confirmed: true, ID: "askErasure", Tag: apidoc.ForProducers,
			Summary: "Ask for segments, recordings or a person to be erased",
			Detail: "The answer lists all that goes, with its hashes and names. Nothing goes before another person has confirmed it. A " +
				"person is erased with every segment that names them.",
			Takes: apidoc.TakesJSON(wire.ErasureRequest{Segments: []string{"letter-ko-sister"},
				Reason: "she withdrew her consent"}),
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusCreated, "The request.", asked, "ETag", "Location")},
			Faults: map[int]string{http.StatusConflict: "Something is erased already, a segment that stays has a recording " +
				"that would go, or the person who works with the service is active.",
				http.StatusNotFound: "A segment, recording or person does not exist."}}},
		{a.get, apidoc.Route{Method: http.MethodGet, Path: "/v1/erasures/:erasure", Roles: producing,
			ID: "getErasure", Tag: apidoc.ForProducers, Summary: "Get an erasure, and what is left where",
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "The erasure.", asked, "ETag")}}},
		{a.confirm, apidoc.Route{Method: http.MethodPost,
			Path: "/v1/erasures/:erasure/confirm", Roles: producing, Confirmed: true, ID: "confirmErasure",
			Tag:     apidoc.ForProducers,
			Summary: "Confirm an erasure",
			Detail: "Its segments are recalled at once. Audio, texts and names are then removed in the background, from " +
				"queues of a day that is on the air when that day is over. Hashes, dates and airings stay, so that the signed " +
				"record can still be verified.",
			Match: apidoc.MatchNeeded, Takes: because, Lenient: true,
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "The confirmed erasure.", done, "ETag")},
			Faults:  undecided}},
		{a.drop, apidoc.Route{Method: http.MethodPost,
			Path: "/v1/erasures/:erasure/drop", Roles: producing, Confirmed: true, ID: "dropErasure",
			Tag:     apidoc.ForProducers,
			Summary: "Drop the request for an erasure", Detail: "Whoever asked may drop it too.",
			Match: apidoc.MatchTaken, Takes: because, Lenient: true,
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "The dropped request.", done, "ETag")},
			Faults:  undecided}},
	}
}

func (a erasureHandlers) list(c *call) error {
	return page(c, a.viewErasures(c, a.Erasures.List()...), "")
}

func (a erasureHandlers) ask(c *call) error {
	var in wire.ErasureRequest
	if err := c.decode(&in); err != nil {
		return err
	}
	if in.Person != "" {
		if err := a.knowPerson(c, in.Person); err != nil {
			return err
		}
	}
	e, err := a.Erasures.Ask(c.r.Context(), c.actor, in)
	if err != nil {
		return err
	}
	c.w.Header().Set("Location", wire.Erasures(e.ID))
	setTag(c, e.Revision)
	return c.json(http.StatusCreated, a.viewErasures(c, e)[0])
}

func (a erasureHandlers) get(c *call) error {
	e, err := a.Erasures.Show(c.r.Context(), c.param("erasure"))
	if err != nil {
		return err
	}
	setTag(c, e.Revision)
	return c.json(http.StatusOK, a.viewErasures(c, e)[0]) // in full: what is counted is not part of the revision
}

// confirm confirms an erasure as it was shown: with its revision, by somebody who sees all names that go.
func (a erasureHandlers) confirm(c *call) error {
	revision, err := c.mustMatch()
	if err != nil {
		return err
	}
	e, err := a.Erasures.Get(c.param("erasure"))
	if err != nil {
		return err
	}
	if !c.actor.Sensitive && (e.Person != "" || len(e.Names) > 0) {
		return fault.New(fault.Forbidden, "this erasure has names that you may not know, so somebody who sees all that goes "+
			"must confirm it: %s", mayKnow)
	}
	if revision == nil {
		revision = &e.Revision
	}
	return a.decide(c, revision, a.Erasures.Confirm)
}

func (a erasureHandlers) drop(c *call) error {
	revision, err := c.ifMatch()
	if err != nil {
		return err
	}
	return a.decide(c, revision, a.Erasures.Drop)
}

// decide decides on an erasure at a revision, for the reason in the body.
func (a erasureHandlers) decide(c *call, revision *int64, do func(ctx context.Context, a access.Actor, id string,
	revision *int64, reason string) (wire.Erasure, error)) error {
	var in wire.Reason
	if err := c.decodeOptional(&in); err != nil {
		return err
	}
	e, err := do(c.r.Context(), c.actor, c.param("erasure"), revision, in.Reason)
	return resource(c, a.viewErasures(c, e)[0], e.Revision, err)
}
