package httpapi

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"lifeline/internal/fault"
	"lifeline/internal/scheduling"
	"lifeline/internal/store"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// revisionParam is a query parameter that names a revision; 0 when it is left out.
func (c *call) revisionParam(name string) (int64, error) {
	v := c.query().Get(name)
	if v == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil || n < 1 {
		return 0, fault.Fields(fault.Field{Field: name, Message: "must be a revision: a whole number from 1"})
	}
	return n, nil
}

// knownStation fails with NotFound unless the path's station exists.
func (a *api) knownStation(c *call) (schedules.Date, error) {
	if _, err := a.Scheduler.Network.Station(c.station()); err != nil {
		return schedules.Date{}, err
	}
	return c.date()
}

// change is what a change of a day is about: the day, and the revision that it starts from (nil: any), with the body
// decoded into v.
func (a *api) change(c *call, v any) (date schedules.Date, revision *int64, err error) {
	date, err = a.knownStation(c)
	if unreadable(err) {
		return date, nil, err
	}
	if err = together(err, c.decodeOptional(v)); err != nil {
		return date, nil, err
	}
	revision, err = c.ifMatch()
	return date, revision, err
}

func (a *api) getRundown(c *call) error {
	date, err := a.knownStation(c)
	if err != nil {
		return err
	}
	revision, err := c.revisionParam("revision")
	if err != nil {
		return err
	}
	r, err := a.Scheduler.Rundowns.Rundown(c.r.Context(), c.station(), date, revision)
	return resource(c, r, r.Revision, err)
}

func (a *api) plan(c *call) error {
	var in wire.PlanRequest
	date, revision, err := a.change(c, &in)
	dryRun, flag := c.flag("dry_run")
	if err := together(err, flag); err != nil {
		return err
	}
	c.mayTakeLong()
	r, err := a.Scheduler.Drafts.Plan(c.r.Context(), c.actor, c.station(), date,
		scheduling.PlanOptions{Seed: in.Seed, Keep: in.Keep, Revision: revision, DryRun: dryRun})
	return resource(c, r, r.Revision, err)
}

// maxEdits bounds one edit by hand.
const maxEdits = 1000

func (a *api) editRundown(c *call) error {
	if _, err := c.mustMatch(); err != nil {
		return err
	}
	var in wire.EditRequest
	date, revision, err := a.change(c, &in)
	if err != nil {
		return err
	}
	if n := len(in.Edits); n < 1 || n > maxEdits {
		return fault.Fields(fault.Field{Field: "edits", Message: fmt.Sprintf("must be from 1 to %d", maxEdits)})
	}
	r, err := a.Scheduler.Drafts.Edit(c.r.Context(), c.actor, c.station(), date, revision, in.Edits)
	return resource(c, r, r.Revision, err)
}

func (a *api) publish(c *call) error {
	var in wire.PublishRequest
	date, revision, err := a.change(c, &in)
	if err != nil {
		return err
	}
	r, err := a.Scheduler.Publisher.Publish(c.r.Context(), c.actor, c.station(), date,
		scheduling.PublishOptions{Revision: revision, Correction: in.Correction})
	return resource(c, r, r.Revision, err)
}

func (a *api) withdrawDay(c *call) error {
	var in wire.Reason
	date, revision, err := a.change(c, &in)
	if err != nil {
		return err
	}
	r, err := a.Scheduler.Publisher.Withdraw(c.r.Context(), c.actor, c.station(), date, revision, in.Reason)
	return resource(c, r, r.Revision, err)
}

func (a *api) diff(c *call) error {
	date, err := a.knownStation(c)
	if err != nil {
		return err
	}
	from, wrong := c.revisionParam("from")
	if wrong == nil && from == 0 {
		wrong = fault.Fields(fault.Field{Field: "from", Message: "must be the revision to compare from"})
	}
	to, err := c.revisionParam("to")
	if err := together(wrong, err); err != nil {
		return err
	}
	changes, err := a.Scheduler.Rundowns.Diff(c.r.Context(), c.station(), date, from, to)
	if err != nil {
		return err
	}
	return page(c, changes, "")
}

func (a *api) explain(c *call) error {
	date, err := a.knownStation(c)
	if err != nil {
		return err
	}
	revision, err := c.revisionParam("revision")
	if err != nil {
		return err
	}
	e, err := a.Scheduler.Rundowns.Explain(c.r.Context(), c.station(), date, revision, c.param("item"))
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, e)
}

func (a *api) planMany(c *call) error {
	dryRun, err := c.flag("dry_run")
	if err != nil {
		return err
	}
	var drafts []schedules.Rundown
	return a.many(c, func(in wire.ManyRequest, station string, date schedules.Date) (schedules.Rundown, error) {
		r, err := a.Scheduler.Drafts.Plan(c.r.Context(), c.actor, station, date,
			scheduling.PlanOptions{Seed: in.Seed, DryRun: dryRun, Together: in.Dates, Drafts: drafts})
		if err == nil && dryRun {
			drafts = append(drafts, r)
		}
		return r, err
	})
}

func (a *api) publishMany(c *call) error {
	return a.many(c, func(in wire.ManyRequest, station string, date schedules.Date) (schedules.Rundown, error) {
		return a.Scheduler.Publisher.Publish(c.r.Context(), c.actor, station, date,
			scheduling.PublishOptions{Correction: in.Correction})
	})
}

// maxMany bounds stations times days of one request.
const maxMany = 2000

// many does the same for many stations and days, each station's in their order, since a day depends on those before it.
// What fails does not stop the others. Where the service ends the request, each day that is not done says so.
func (a *api) many(c *call, do func(wire.ManyRequest, string, schedules.Date) (schedules.Rundown, error)) error {
	var in wire.ManyRequest
	if err := c.decodeOptional(&in); err != nil {
		return err
	}
	stations := in.Stations
	if len(stations) == 0 {
		all, _ := a.Scheduler.Network.Stations("", maxMany)
		for _, s := range all {
			stations = append(stations, s.ID)
		}
	}
	if len(stations)*max(len(in.Dates), 1) > maxMany {
		return fault.Fields(fault.Field{Field: "dates", Message: "make more than " + strconv.Itoa(maxMany) +
			" days: ask for fewer at once"})
	}
	out := []wire.ManyResult{}
	for _, id := range stations {
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
			r, err := do(in, id, date)
			err = c.orStopped(err)
			if fault.Is(err, fault.Unavailable) && len(out) == 0 {
				return err // nothing can be done for the others either
			}
			out = append(out, a.manyResult(c, id, date, r, err))
		}
	}
	return page(c, out, "")
}

func (a *api) manyResult(c *call, station string, date schedules.Date, r schedules.Rundown, err error) wire.ManyResult {
	m := wire.ManyResult{Station: station, Date: date, Revision: r.Revision, Items: len(r.Items), Warnings: r.Warnings}
	if err != nil {
		p := a.problem(c, err)
		m.Problem = &p
	}
	return m
}

func (a *api) reconciliation(c *call) error {
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

func (a *api) audit(c *call) error {
	before, limit, err := c.page()
	if err != nil {
		return err
	}
	q := c.query()
	query := store.AuditQuery{Kind: q.Get("kind"), ID: q.Get("id"), By: q.Get("by"), Limit: limit}
	if query.From, err = c.instant("from"); err != nil {
		return err
	}
	if query.To, err = c.instant("to"); err != nil {
		return err
	}
	if before != "" {
		if query.Before, err = strconv.ParseInt(before, 10, 64); err != nil || query.Before < 1 {
			return fault.Fields(fault.Field{Field: "cursor", Message: "is not one that this service gave"})
		}
	}
	records, next, err := a.Logbook.Audit(c.r.Context(), query)
	if err != nil {
		return err
	}
	follows := ""
	if next > 0 {
		follows = strconv.FormatInt(next, 10)
	}
	return page(c, records, follows)
}
