package httpapi

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"lifeline/internal/fault"
	"lifeline/internal/httpapi/apidoc"
	"lifeline/internal/openapi"
	"lifeline/internal/scheduling"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// rundownHandlers serve the days of stations, from the plan to the publication.
type rundownHandlers struct{ *Parts }

func (a rundownHandlers) routes() []route {
	unplannable := map[int]string{http.StatusUnprocessableEntity: "The input is invalid, or the rules cannot all " +
		"hold: detail names a small set of rules that conflict.",
		http.StatusConflict: "The state of the day does not permit this."}
	rundown := []apidoc.Answer{apidoc.Gives(http.StatusOK, "The rundown, with its warnings.", exampleRundown, "ETag")}
	return []route{
		{a.getRundown, apidoc.Route{Method: http.MethodGet, Path: "/v1/stations/:station/rundowns/:date", Roles: people,
			ID: "getRundown", Tag: apidoc.ForSchedulers, Summary: "Get the rundown of a day", Known: true,
			Query: []openapi.Parameter{revisionParameter}, Answers: rundown}},
		{a.editRundown, apidoc.Route{Method: http.MethodPatch, Path: "/v1/stations/:station/rundowns/:date", Roles: planning,
			ID: "editRundown", Tag: apidoc.ForSchedulers, Summary: "Edit the rundown of a day", Match: apidoc.MatchNeeded,
			Detail: "Returns the rundown with new times. Edited items are locked, so that a later plan keeps them.",
			Takes: apidoc.TakesJSON(wire.EditRequest{Edits: []schedules.Edit{{Op: "replace", Item: "8d0e1c66a4f2b913",
				Segment: "letter-ko-sister"}}}), Answers: rundown, Faults: unplannable}},
		{a.plan, apidoc.Route{Method: http.MethodPost, Path: "/v1/stations/:station/rundowns/:date/plan", Roles: planning,
			ID: "plan", Tag: apidoc.ForSchedulers, Summary: "Plan a day", Match: apidoc.MatchTaken,
			Lenient: true,
			Detail: "The plan keeps items that are published and frozen, locked, or named in keep. It takes account of the " +
				"drafted or published days before. The same seed and state give the same rundown.",
			Query: []openapi.Parameter{dryRunParameter}, Takes: apidoc.TakesJSON(wire.PlanRequest{Seed: 7}), Answers: rundown,
			Faults: unplannable}},
		{a.publish, apidoc.Route{Method: http.MethodPost, Path: "/v1/stations/:station/rundowns/:date/publish",
			Roles: planning, Confirmed: true,
			ID: "publish", Tag: apidoc.ForSchedulers, Summary: "Publish a day",
			Match: apidoc.MatchTaken, Lenient: true,
			Detail: "The service signs the queue of the day, and the station fetches it. To publish an unchanged day again " +
				"changes nothing.",
			Takes: apidoc.TakesJSON(wire.PublishRequest{}), Answers: rundown, Faults: unplannable}},
		{a.withdrawDay, apidoc.Route{Method: http.MethodPost, Path: "/v1/stations/:station/rundowns/:date/withdraw",
			Roles: planning, Confirmed: true,
			ID: "withdrawDay", Tag: apidoc.ForSchedulers, Summary: "Withdraw a published day",
			Match: apidoc.MatchTaken,
			Detail: "The station airs its fallback in the windows of the day, and owes no airing of it. A day whose first " +
				"window has begun or is frozen cannot be withdrawn. To withdraw a day again changes nothing.",
			Takes: apidoc.TakesJSON(wire.Reason{Reason: "the windows moved"}), Answers: rundown}},
		{a.diff, apidoc.Route{Method: http.MethodGet, Path: "/v1/stations/:station/rundowns/:date/diff", Roles: people,
			ID: "diffRundowns", Tag: apidoc.ForSchedulers,
			Summary: "Compare two revisions of a rundown",
			Query: []openapi.Parameter{
				{Name: "from", Description: "The revision to compare from.", Required: true, Schema: openapi.Integer().AtLeast(1),
					Example: 3},
				{Name: "to", Description: "The revision to compare with. Default: the latest.", Schema: openapi.Integer().AtLeast(
					1)}},
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "The items that differ, ordered by start.",
				wire.Page[schedules.ItemChange]{
					Items: []schedules.ItemChange{{Change: schedules.ItemAdded, Window: "evening", After: &exampleItem}}})}}},
		{a.explain, apidoc.Route{Method: http.MethodGet, Path: "/v1/stations/:station/rundowns/:date/items/:item/explain",
			Roles: people,
			ID:    "explainItem", Tag: apidoc.ForSchedulers,
			Summary: "Explain why an item is in its place", Query: []openapi.Parameter{revisionParameter},
			Detail: "placed_by says whether a plan, a repair of the published day or a person put the item there.",
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "What put it there and, for items that the planner or a "+
				"repair chose, the record of the choice, by which it can be repeated.",
				wire.PlacedItem{PlacedBy: wire.ByPlanner, PlacedIn: 3, Explanation: schedules.Explanation{
					Item: exampleItem.ID, Window: "evening", Position: "appeal", SegmentID: "reading-ko-full-hana",
					Why: "It was the most overdue segment. It has never aired.",
					Choice: &schedules.Choice{Method: schedules.MethodDue, StartAt: exampleStart, Candidates: []schedules.Candidate{},
						Aired: []string{"reading-ko-full-hana"}}}})}}},
		{a.planMany, apidoc.Route{Method: http.MethodPost, Path: "/v1/plan", Roles: planning,
			ID: "planMany", Tag: apidoc.ForSchedulers, Summary: "Plan several days of several stations", Lenient: true,
			Detail: "The days of a station are planned in order of date, because each depends on those before it. A day " +
				"that fails has a problem in its result and does not stop the others. Without stations the " +
				"request is for all stations, and without dates for today.",
			Query: []openapi.Parameter{dryRunParameter},
			Takes: apidoc.TakesJSON(wire.ManyRequest{Stations: []string{"lantern-coast"}, Dates: []schedules.Date{exampleDate},
				Seed: 7}), Answers: manyAnswers}},
		{a.publishMany, apidoc.Route{Method: http.MethodPost, Path: "/v1/publish", Roles: planning,
			Confirmed: true, ID: "publishMany", Tag: apidoc.ForSchedulers, Summary: "Publish several days of several stations",
			Lenient: true,
			Detail:  "A day whose latest rundown is published already stays as it is, and its result says that it is unchanged.",
			Takes: apidoc.TakesJSON(wire.ManyRequest{Stations: []string{"lantern-coast"},
				Dates: []schedules.Date{exampleDate}}),
			Answers: manyAnswers}},
	}
}

func (a rundownHandlers) getRundown(c *call) error {
	date, err := a.knownStation(c)
	if err != nil {
		return err
	}
	revision, err := c.query().revision("revision")
	if err != nil {
		return err
	}
	r, err := a.Scheduler.Rundowns.Shown(c.r.Context(), c.station(), date, revision)
	return resource(c, r, r.Revision, err)
}

// change returns the day of a change, and the revision from which it starts (nil: any), and decodes the body into v.
func (a rundownHandlers) change(c *call, v any) (date schedules.Date, revision *int64, err error) {
	date, err = a.knownStation(c)
	if unreadable(err) {
		return date, nil, err
	}
	if err = joinFindings(err, c.decodeOptional(v)); err != nil {
		return date, nil, err
	}
	revision, err = c.ifMatch()
	return date, revision, err
}

func (a rundownHandlers) plan(c *call) error {
	var in wire.PlanRequest
	date, revision, err := a.change(c, &in)
	dryRun, flag := c.query().flag("dry_run")
	if err := joinFindings(err, flag); err != nil {
		return err
	}
	c.mayTakeLong()
	r, err := a.Scheduler.Drafts.Plan(c.r.Context(), c.actor, c.station(), date,
		scheduling.PlanOptions{Seed: in.Seed, Keep: in.Keep, Revision: revision, DryRun: dryRun})
	return resource(c, r, r.Revision, err)
}

// maxEdits bounds one edit by hand.
const maxEdits = 1000

func (a rundownHandlers) editRundown(c *call) error {
	if _, err := c.mustMatch(); err != nil {
		return err
	}
	var in wire.EditRequest
	date, revision, err := a.change(c, &in)
	if err != nil {
		return err
	}
	if n := len(in.Edits); n < 1 || n > maxEdits {
		return fault.Fields(fault.Field{Field: "edits", Message: fmt.Sprintf("must have from 1 to %d entries", maxEdits)})
	}
	r, err := a.Scheduler.Drafts.Edit(c.r.Context(), c.actor, c.station(), date, revision, in.Edits)
	return resource(c, r, r.Revision, err)
}

func (a rundownHandlers) publish(c *call) error {
	var in wire.PublishRequest
	date, revision, err := a.change(c, &in)
	if err != nil {
		return err
	}
	r, err := a.Scheduler.Publisher.Publish(c.r.Context(), c.actor, c.station(), date,
		scheduling.PublishOptions{Revision: revision, Correction: in.Correction})
	return resource(c, r, r.Revision, err)
}

func (a rundownHandlers) withdrawDay(c *call) error {
	var in wire.Reason
	date, revision, err := a.change(c, &in)
	if err != nil {
		return err
	}
	r, err := a.Scheduler.Publisher.Withdraw(c.r.Context(), c.actor, c.station(), date, revision, in.Reason)
	return resource(c, r, r.Revision, err)
}

func (a rundownHandlers) diff(c *call) error {
	date, err := a.knownStation(c)
	if err != nil {
		return err
	}
	from, wrong := c.query().revision("from")
	if wrong == nil && from == 0 {
		wrong = fault.Fields(fault.Field{Field: "from", Message: "must be the revision to compare from"})
	}
	to, err := c.query().revision("to")
	if err := joinFindings(wrong, err); err != nil {
		return err
	}
	changes, err := a.Scheduler.Rundowns.Diff(c.r.Context(), c.station(), date, from, to)
	if err != nil {
		return err
	}
	return page(c, changes, "")
}

func (a rundownHandlers) explain(c *call) error {
	date, err := a.knownStation(c)
	if err != nil {
		return err
	}
	revision, err := c.query().revision("revision")
	if err != nil {
		return err
	}
	e, err := a.Scheduler.Rundowns.Explain(c.r.Context(), c.station(), date, revision, c.param("item"))
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, e)
}

func (a rundownHandlers) planMany(c *call) error {
	dryRun, err := c.query().flag("dry_run")
	if err != nil {
		return err
	}
	var drafts []schedules.Rundown
	return a.many(c, func(in wire.ManyRequest, station string, date schedules.Date) (schedules.Rundown, bool, error) {
		r, err := a.Scheduler.Drafts.Plan(c.r.Context(), c.actor, station, date,
			scheduling.PlanOptions{Seed: in.Seed, DryRun: dryRun, Together: in.Dates, Drafts: drafts})
		if err == nil && dryRun {
			drafts = append(drafts, r)
		}
		return r, true, err
	})
}

func (a rundownHandlers) publishMany(c *call) error {
	return a.many(c, func(in wire.ManyRequest, station string, date schedules.Date) (schedules.Rundown, bool, error) {
		return a.Scheduler.Publisher.PublishChanges(c.r.Context(), c.actor, station, date,
			scheduling.PublishOptions{Correction: in.Correction})
	})
}

// many runs do for many stations and days. It takes each station's days in order, since a day depends on those before
// it, and do reports whether it changed the day. A failure does not stop the others. If the service ends the request,
// the result of each remaining day says so.
func (a rundownHandlers) many(c *call, do func(wire.ManyRequest, string, schedules.Date) (r schedules.Rundown,
	changed bool, err error)) error {
	var in wire.ManyRequest
	if err := c.decodeOptional(&in); err != nil {
		return err
	}
	stations := in.Stations
	if len(stations) == 0 {
		all, _ := a.Scheduler.Network.Stations("", wire.MostDays+1)
		for _, s := range all {
			stations = append(stations, s.ID)
		}
	}
	if len(stations)*max(len(in.Dates), 1) > wire.MostDays {
		return fault.Fields(fault.Field{Field: "dates", Message: "and stations together are more than " +
			strconv.Itoa(wire.MostDays) + " days: request fewer at once"})
	}
	out := []wire.ManyResult{}
	done := map[string]bool{}
	for _, id := range stations {
		if done[id] {
			continue
		}
		done[id] = true
		st, err := a.Scheduler.Network.Station(id)
		if err != nil {
			out = append(out, a.manyResult(c, id, schedules.Date{}, schedules.Rundown{}, err))
			continue
		}
		dates := in.Dates
		if len(dates) == 0 {
			today, err := st.DateAt(a.Now())
			if err != nil {
				return err
			}
			dates = []schedules.Date{today}
		}
		dates = slices.Compact(slices.SortedFunc(slices.Values(dates), schedules.Date.Compare))
		for _, date := range dates {
			c.mayTakeLong()
			r, changed, err := do(in, id, date)
			err = c.orStopped(err)
			if fault.Is(err, fault.Unavailable) && len(out) == 0 {
				return err // no other day can succeed either
			}
			m := a.manyResult(c, id, date, r, err)
			m.Unchanged = err == nil && !changed
			out = append(out, m)
		}
	}
	return page(c, out, "")
}

func (a rundownHandlers) manyResult(c *call, station string, date schedules.Date, r schedules.Rundown,
	err error) wire.ManyResult {
	m := wire.ManyResult{Station: station, Date: date, Revision: r.Revision, Items: len(r.Items), Warnings: r.Warnings}
	if err != nil {
		p := a.problem(c, err)
		m.Problem = &p
	}
	return m
}

var manyAnswers = []apidoc.Answer{apidoc.Gives(http.StatusOK, "One result for each station and day.",
	wire.Page[wire.ManyResult]{
		Items: []wire.ManyResult{{Station: "lantern-coast", Date: exampleDate, Revision: 7, Items: 12}}})}

var revisionParameter = openapi.Parameter{Name: "revision", Description: "A revision of the rundown. Default: the " +
	"latest.",
	Schema: openapi.Integer().AtLeast(1)}
