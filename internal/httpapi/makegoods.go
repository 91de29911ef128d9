package httpapi

import (
	"net/http"

	"lifeline/internal/record"
	"lifeline/internal/wire"
)

// makeGoods lists the airings owed, and what has become of those before.
func (a *api) makeGoods(c *call) error {
	after, limit, err := c.page()
	if err != nil {
		return err
	}
	q := c.query()
	items, next, err := a.Logbook.MakeGoods(c.r.Context(), record.MakeGoodQuery{Station: q.Get("station"),
		State: q.Get("state"), After: after, Limit: limit})
	if err != nil {
		return err
	}
	return page(c, items, next)
}

func (a *api) waive(c *call) error {
	if _, err := a.Scheduler.Network.Station(c.station()); err != nil {
		return err
	}
	var in wire.Reason
	if err := c.decodeOptional(&in); err != nil {
		return err
	}
	m, err := a.Logbook.Waive(c.r.Context(), c.actor, c.station(), c.param("make_good"), in.Reason)
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, m)
}
