package httpapi

import (
	"net/http"

	"lifeline/internal/calendar"
	"lifeline/internal/openapi"
	"lifeline/internal/spi"
)

// feedOperations are a station's times in the forms of other people's programs.
func feedOperations() []operation {
	const station = "/v1/stations/:station"
	const basic = "Calendar programs that can send no token log in with any name and the token as the password. "
	return []operation{
		{at: "GET " + station + "/windows.ics", id: "getWindowCalendar", tag: forStations,
			summary: "The station's windows as a calendar", known: true,
			detail: basic + "It covers last year, this one and the next. A window that repeats is an event with its rule, in " +
				"the window's own zone; a start that programs " +
				"would read differently, because clocks change, is an event of its own in UTC.",
			answers: []answer{givesBytes(calendar.ContentType, http.StatusOK, "The calendar.")}},
		{at: "GET " + station + "/queue.ics", id: "getQueueAsICS", tag: forStations, summary: "Published days as a calendar",
			known:  true,
			detail: basic + "Every item is an event, in whole seconds. Days of which nothing is published are left out.",
			query: []openapi.Parameter{dateParameter,
				{Name: "days", Description: "How many days from that one on.", Schema: withDefault(openapi.Integer().Between(1,
					maxCalendarDays), 1)}},
			answers: []answer{givesBytes(calendar.ContentType, http.StatusOK, "The calendar.")}},
		{at: "GET " + station + "/spi/3.1/SI.xml", id: "getServiceInformation", tag: forStations,
			summary: "The station as service information for hybrid radio", known: true,
			detail:  "ETSI TS 102 818 V3.4.1, for who serves it to receivers at the address that RadioDNS names.",
			query:   []openapi.Parameter{bearerParameter},
			answers: []answer{givesBytes(spi.ContentType, http.StatusOK, "The document.")}},
		{at: "GET " + station + "/spi/3.1/:schedule", id: "getProgrammeInformation", tag: forStations,
			summary: "A day as programme information for hybrid radio", known: true,
			detail: "Likewise. The windows of the day are its programmes; once it is published, what is heard in them are " +
				"their events, but for idents, pips and the like.",
			query: []openapi.Parameter{bearerParameter}, answers: []answer{givesBytes(spi.ContentType, http.StatusOK,
				"The document.")}},
	}
}

var bearerParameter = openapi.Parameter{Name: "bearer", Description: "By which receivers know the station, as TS 103 " +
	"270 writes it.", Schema: openapi.Match(bearerPattern),
	Example: "amss:e1c238"}
