package httpapi

import (
	"net/http"

	"lifeline/internal/calendar"
	"lifeline/internal/openapi"
)

// feedOperations are a station's times in the forms of other people's programs.
func feedOperations() []operation {
	const station = "/v1/stations/:station"
	const basic = "Calendar programs that can send no token log in with any name and the token as the password. "
	return []operation{
		{at: "GET " + station + "/windows.ics", id: "getWindowCalendar", tag: forStations, summary: "The station's windows as a calendar", known: true,
			detail: basic + "It covers last year, this one and the next. A window that repeats is an event with its rule, in the window's own zone; a start that programs " +
				"would read differently, because clocks change, is an event of its own in UTC.",
			answers: []answer{givesBytes(calendar.ContentType, http.StatusOK, "The calendar.")}},
		{at: "GET " + station + "/queue.ics", id: "getQueueAsICS", tag: forStations, summary: "Published days as a calendar", known: true,
			detail: basic + "Every item is an event, in whole seconds. Days of which nothing is published are left out.",
			query: []openapi.Parameter{dateParameter,
				{Name: "days", Description: "How many days from that one on.", Schema: withDefault(openapi.Integer().Between(1, maxCalendarDays), 1)}},
			answers: []answer{givesBytes(calendar.ContentType, http.StatusOK, "The calendar.")}},
	}
}
