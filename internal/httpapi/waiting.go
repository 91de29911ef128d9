package httpapi

import (
	"context"
	"net/http"

	"lifeline/internal/access"
	"lifeline/internal/httpapi/apidoc"
	"lifeline/internal/replica"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// waitingHandlers serve the changes that wait for a second person.
type waitingHandlers struct{ *Parts }

func (a waitingHandlers) routes() []route {
	w := wire.Waiting{ID: "3f9c61d2aa0b4e7c5510", By: "Hana", Person: "hana", At: exampleStart,
		ExpiresAt: schedules.At(exampleStart.AddDate(0, 0, 1)), Action: "segment.edit",
		Why: `segment "letter-7" would no longer be sensitive, which needs two persons`,
		Documents: []wire.WaitingDocument{{Kind: "segment", ID: "letter-7",
			Fields: []wire.FieldChange{{Field: "sensitive", Before: "true", After: "false"}}}}}
	decide := func(name, id, summary, detail string, faults map[int]string) apidoc.Route {
		return apidoc.Route{Method: http.MethodPost, Path: "/v1/waiting/:change/" + name, Roles: makers, ID: id,
			Confirmed: true, Tag: apidoc.ForSchedulers, Summary: summary, Detail: detail, Faults: faults,
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "The change, which no longer waits.", w)}}
	}
	return []route{
		{a.list, apidoc.Route{Method: http.MethodGet, Path: "/v1/waiting", Roles: makers,
			ID: "listWaiting", Tag: apidoc.ForSchedulers, Summary: "List the changes that wait for a second person",
			Detail: "A change that one person may not make alone is answered with 403, and waits here with its ID. It changes " +
				"nothing until another person confirms it: a segment that protects the persons in it less, the last fallback " +
				"of a station in a language, many edits or rejections of segments in coming queues, what takes effect in a " +
				"window that has begun or is frozen, and, of a station that was published, air time that listeners would no " +
				"longer hear at the same instants, on the same frequencies and in the same languages, but for one special day " +
				"in two weeks, its zone, its standing order or a shorter freeze. So do who would newly hear what is sensitive, and more than " +
				"five ends of others' access within ten minutes (persons, their rights, tokens, sessions), which only " +
				"administrators see and decide on, and more than five seizures of stations. The list shows every field that would change, before and after; " +
				"persons, consent and texts of sensitive segments only to persons who are named for them.",
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "The changes, the oldest first.",
				wire.Page[wire.Waiting]{Items: []wire.Waiting{w}})}}},
		{a.decide(func() waitingAct { return a.Waiting.Confirm }), decide("confirm", "confirmWaiting",
			"Confirm a change that waits, which makes it",
			"The person who asked for the change cannot confirm it. A producer cannot confirm changes of stations and queues. "+
				"The ID stands for the content that the list shows: who asks again with another content gets another ID, and "+
				"the earlier one is dropped. Who may not see every field that it changes cannot confirm it. The change of a "+
				"person who was ended since, or has no role for it any more, cannot be confirmed. It is judged by what is "+
				"stored now: if it needs two persons for more reasons than the list showed, it goes on waiting, with all "+
				"of them.",
			map[int]string{http.StatusForbidden: "The role, or this person, is not permitted.",
				http.StatusConflict:           "It needs two persons for more reasons now, which the list shows.",
				http.StatusPreconditionFailed: "What the change changes has changed since."})},
		{a.decide(func() waitingAct { return a.Waiting.Withdraw }), decide("withdraw", "withdrawWaiting",
			"Withdraw a change that waits", "The change is dropped. The person who asked for it may do so, and any other who "+
				"could confirm it.", map[int]string{http.StatusForbidden: "The role is not permitted."})},
	}
}

func (a waitingHandlers) list(c *call) error {
	c.w.Header().Set("Cache-Control", "no-store")
	all, err := a.Waiting.List(c.r.Context(), c.actor)
	if err != nil {
		return err
	}
	for i := range all {
		w := &all[i]
		viewWaiting(c, w)
		for _, d := range w.Documents {
			if d.Kind == replica.KindSegment && c.actor.Sensitive && len(d.Fields) > 0 {
				a.noteReading(c, "segment.read", d.Kind, d.ID, "the change that waits as "+w.ID)
			}
		}
	}
	return page(c, all, "")
}

// waitingAct decides on a change that waits.
type waitingAct func(ctx context.Context, a access.Actor, id string) (wire.Waiting, error)

// decide serves these acts. do returns the act; it is called for each request.
func (a waitingHandlers) decide(do func() waitingAct) handler {
	return func(c *call) error {
		w, err := do()(c.r.Context(), c.actor, c.param("change"))
		if err != nil {
			return err
		}
		viewWaiting(c, &w)
		return c.json(http.StatusOK, w)
	}
}
