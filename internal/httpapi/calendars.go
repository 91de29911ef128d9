package httpapi

import (
	"fmt"
	"net/http"
	"strconv"

	"lifeline/internal/calendar"
	"lifeline/internal/fault"
	"lifeline/internal/httpapi/apidoc"
	"lifeline/internal/openapi"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// calendarHandlers serve a station's windows and days as iCalendar.
type calendarHandlers struct{ *Parts }

func (a calendarHandlers) routes() []route {
	const basic = "A calendar program that cannot send a token uses Basic authentication, with any user name and the " +
		"token as the password. "
	return []route{
		{a.windowCalendar, apidoc.Route{Method: http.MethodGet, Path: "/v1/stations/:station/windows.ics", Roles: everybody,
			ID: "getWindowCalendar", Tag: apidoc.ForStations,
			Summary: "Get the windows of a station as a calendar", Known: true,
			Detail: basic + "The calendar has last year, this year and the next. A repeated window is one event with a " +
				"rule, in the time zone of the window. A start that calendar programs would compute " +
				"differently, because clocks change, is a separate event in UTC.",
			Answers: []apidoc.Answer{apidoc.GivesBytes(calendar.ContentType, http.StatusOK, "The calendar.")}}},
		{a.dayCalendar, apidoc.Route{Method: http.MethodGet, Path: "/v1/stations/:station/queue.ics", Roles: relays,
			ID: "getQueueAsICS", Tag: apidoc.ForStations, Summary: "Get published days as a calendar",
			Known:  true,
			Detail: basic + "Every item is an event, rounded to seconds. Days without a published queue are left out.",
			Query: []openapi.Parameter{dateParameter,
				{Name: "days", Description: "The number of days, beginning with date.",
					Schema: withDefault(openapi.Integer().Between(1,
						maxCalendarDays), 1)}},
			Answers: []apidoc.Answer{apidoc.GivesBytes(calendar.ContentType, http.StatusOK, "The calendar.")}}},
	}
}

// windowCalendar serves the station's windows as a calendar.
func (a calendarHandlers) windowCalendar(c *call) error {
	st, err := a.Scheduler.Network.Station(c.station())
	if err != nil {
		return err
	}
	from, to := calendar.Stretch(a.Now())
	c.variant = ".ics." + strconv.Itoa(from.Year())
	return made(c, st.Revision, calendar.ContentType, func() ([]byte, error) { return calendar.Windows(st, from, to) })
}

// maxCalendarDays is the maximum number of published days in a calendar.
const maxCalendarDays = 31

// dayCalendar serves one or more published days as a calendar. It leaves out days without a publication, and fails with
// NotFound if none is published.
func (a calendarHandlers) dayCalendar(c *call) error {
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
	// Revisions of a station count over all its days, so the latest revision identifies the state of all these days.
	var latest int64
	for _, q := range queues {
		latest = max(latest, q.Revision)
	}
	c.variant = fmt.Sprintf(".ics.%s.%d", first, days)
	return made(c, latest, calendar.ContentType, func() ([]byte, error) { return calendar.Days(c.station(), queues), nil })
}

// published returns the published queues of days from date on. If there is none, it fails with the first day's error.
func (a calendarHandlers) published(c *call, date schedules.Date, days int) (queues []wire.Queue, err error) {
	for n := range days {
		q, missing := a.Scheduler.Record.Queues.PublishedQueue(c.r.Context(), c.station(), date.AddDays(n))
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
