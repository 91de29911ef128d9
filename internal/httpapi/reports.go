package httpapi

import (
	"fmt"
	"net/http"

	"lifeline/internal/fault"
	"lifeline/internal/wire"
)

// maxEntries bounds one as-run report.
const maxEntries = 1000

func (a *api) asRun(c *call) error {
	if _, err := a.Scheduler.Network.Station(c.station()); err != nil {
		return err
	}
	var in wire.AsRunReport
	if err := c.decode(&in); err != nil {
		return err
	}
	if len(in.Entries) > maxEntries {
		return fault.Fields(fault.Field{Field: "entries", Message: fmt.Sprintf("are more than %d: send them in parts",
			maxEntries)})
	}
	results, err := a.Logbook.Report(c.r.Context(), c.station(), in.Entries)
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, wire.AsRunResults{Results: results})
}

// listAsRun answers what a station reported for a broadcast day.
func (a *api) listAsRun(c *call) error {
	st, err := a.Scheduler.Network.Station(c.station())
	if err != nil {
		return err
	}
	date, err := a.dateOrToday(c)
	if err != nil {
		return err
	}
	from, to, err := st.DayBounds(date())
	if err != nil {
		return err
	}
	entries, err := a.Logbook.AsRun(c.r.Context(), st.ID, from, to)
	if err != nil {
		return err
	}
	return page(c, entries, "")
}

func (a *api) setStatus(c *call) error {
	if _, err := a.Scheduler.Network.Station(c.station()); err != nil {
		return err
	}
	var in wire.Status
	if err := c.decode(&in); err != nil {
		return err
	}
	if err := a.Logbook.SetStatus(c.r.Context(), c.actor, c.station(), in); err != nil {
		return err
	}
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

func (a *api) getStatus(c *call) error {
	if _, err := a.Scheduler.Network.Station(c.station()); err != nil {
		return err
	}
	s, err := a.Logbook.Status(c.station())
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, s)
}

// listStatus answers how every station stands, those that have never said so among them.
func (a *api) listStatus(c *call) error { return listing(c, a.Logbook.Statuses) }
