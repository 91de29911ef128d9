package httpapi

import (
	"net/http"

	"lifeline/internal/wire"
)

// person answers what names a person and which stations have it off the air.
func (a *api) person(c *call) error {
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

func (a *api) recallPerson(c *call) error {
	var in wire.Reason
	if err := c.decodeOptional(&in); err != nil {
		return err
	}
	if err := a.Library.Recalls.RecallPerson(c.r.Context(), c.actor, c.label("person"), in.Reason); err != nil {
		return err
	}
	return a.person(c)
}
