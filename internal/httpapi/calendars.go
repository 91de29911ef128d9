package httpapi

import (
	"fmt"
	"strconv"

	"lifeline/internal/calendar"
	"lifeline/internal/fault"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// windowCalendar serves the station's windows as a calendar.
func (a *api) windowCalendar(c *call) error {
	st, err := a.Scheduler.Network.Station(c.station())
	if err != nil {
		return err
	}
	from, to := calendar.Stretch(a.Now())
	c.variant = ".ics." + strconv.Itoa(from.Year())
	return made(c, st.Revision, calendar.ContentType, func() ([]byte, error) { return calendar.Windows(st, from, to) })
}

// maxCalendarDays bounds a calendar of published days.
const maxCalendarDays = 31

// dayCalendar serves what is published of a day, or of several from it on, as a calendar. A day of which nothing is
// published is left out; there must be one.
func (a *api) dayCalendar(c *call) error {
	date, err := a.dateOrToday(c)
	if err != nil {
		return err
	}
	days := 1
	if v := c.query().Get("days"); v != "" {
		if days, err = strconv.Atoi(v); err != nil || days < 1 || days > maxCalendarDays {
			return fault.Fields(fault.Field{Field: "days", Message: fmt.Sprintf("must be a number from 1 to %d",
				maxCalendarDays)})
		}
	}
	first := date()
	queues, err := a.published(c, first, days)
	if err != nil {
		return err
	}
	// The revisions of a station count over all of its days: the latest says that none of these has changed.
	var latest int64
	for _, q := range queues {
		latest = max(latest, q.Revision)
	}
	c.variant = fmt.Sprintf(".ics.%s.%d", first, days)
	return made(c, latest, calendar.ContentType, func() ([]byte, error) { return calendar.Days(c.station(), queues), nil })
}

// published are the published queues of days from a date on; the first failure is of the first day, if there is none.
func (a *api) published(c *call, date schedules.Date, days int) (queues []wire.Queue, err error) {
	for n := range days {
		q, missing := a.Scheduler.Record.Queues.StandingQueue(c.r.Context(), c.station(), date.AddDays(n))
		switch {
		case missing == nil:
			queues = append(queues, q.Value)
		case !fault.Is(missing, fault.NotFound):
			return nil, missing
		case err == nil:
			err = missing
		}
	}
	if len(queues) > 0 {
		err = nil
	}
	return queues, err
}
