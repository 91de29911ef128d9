package httpapi

import (
	"net/http"

	"lifeline/internal/httpapi/apidoc"
	"lifeline/internal/openapi"
	"lifeline/internal/record"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// reconciliationHandlers compare the plan with the as-run reports, and list make-goods.
type reconciliationHandlers struct{ *Parts }

func (a reconciliationHandlers) routes() []route {
	owed := wire.OwedAiring{MakeGood: schedules.MakeGood{ID: "mg-" + exampleItem.ID, Station: "lantern-coast",
		SegmentID: "reading-ko-full-hana", ItemID: exampleItem.ID,
		MissedAt: exampleStart}, Revision: 1, Date: exampleDate, Verdict: schedules.Missed, State: wire.MakeGoodPlanned,
		By: &wire.MadeGoodBy{Date: exampleDate.AddDays(1), ItemID: "1b7d0f3c9a5e2468", StartAt: examplePlus(24)}}
	return []route{
		{a.reconciliation, apidoc.Route{Method: http.MethodGet, Path: "/v1/stations/:station/reconciliation/:date",
			Roles: people,
			ID:    "reconcile", Tag: apidoc.ForSchedulers,
			Summary: "Compare the plan of a day with its airings",
			Query:   []openapi.Parameter{{Name: "window", Description: "Only this window.", Schema: openapi.String()}},
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK,
				"The comparison of each item, and the make-goods. Items that are still to come are left out. An item is "+
					"`unreported` if the station has not been in contact since its time: it may have aired. "+
					"After a week it is owed.", schedules.Reconciliation{
					Station: "lantern-coast", Date: exampleDate, Revision: 7, Tolerance: schedules.Ms(1000),
					MakeGoods: []schedules.MakeGood{},
					Totals:    map[schedules.Verdict]int{schedules.AsPlanned: 1},
					Items: []schedules.Discrepancy{{Verdict: schedules.AsPlanned, ItemID: exampleItem.ID,
						SegmentID: "reading-ko-full-hana", PlannedAt: exampleStart, StartedAt: exampleStart,
						Planned: exampleItem.Duration, AiredMs: exampleItem.Duration}}})}}},
		{a.makeGoods, apidoc.Route{Method: http.MethodGet, Path: "/v1/make-goods", Roles: people,
			ID: "listMakeGoods", Tag: apidoc.ForSchedulers,
			Summary: "List make-goods",
			Detail: "Open make-goods come first, ordered by station, then those that aired or were waived. The service " +
				"looks for missed airings every few minutes and before every plan.",
			Query: append([]openapi.Parameter{ofStation, {Name: "state", Description: "Only in this state.",
				Schema: openapi.OneOf(record.MakeGoodStates...)}}, paged...), Faults: noStation,
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "One page of the list.",
				wire.Page[wire.OwedAiring]{Items: []wire.OwedAiring{owed}})}}},
		{a.waive, apidoc.Route{Method: http.MethodPost, Path: "/v1/stations/:station/make-goods/:make_good/waive",
			Roles: planning,
			ID:    "waiveMakeGood", Tag: apidoc.ForSchedulers,
			Summary: "Waive a make-good",
			Takes:   apidoc.TakesJSON(wire.Reason{Reason: "out of date"}), Lenient: true,
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "The make-good.", owed)},
			Faults:  map[int]string{http.StatusConflict: "The make-good has aired, or was waived before."}}},
	}
}

func (a reconciliationHandlers) reconciliation(c *call) error {
	date, err := a.knownStation(c)
	if err != nil {
		return err
	}
	r, err := a.Logbook.Reconcile(c.r.Context(), c.station(), date, c.query().Get("window"))
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, r)
}

// makeGoods lists the airings owed, and the settled ones.
func (a reconciliationHandlers) makeGoods(c *call) error {
	after, limit, err := c.query().page()
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

func (a reconciliationHandlers) waive(c *call) error {
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
