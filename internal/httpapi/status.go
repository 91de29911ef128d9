package httpapi

import (
	"net/http"

	"lifeline/internal/httpapi/apidoc"
	"lifeline/internal/wire"
)

// statusHandlers keep and show how stations stand, and what is wrong now.
type statusHandlers struct{ *Parts }

func (a statusHandlers) routes() []route {
	return []route{
		{a.setStatus, apidoc.Route{Method: http.MethodPost, Path: "/v1/stations/:station/status", Roles: stations,
			ID: "reportStatus", Tag: apidoc.ForStations, Summary: "Report how the station stands",
			Takes: apidoc.TakesJSON(wire.Status{QueueDate: "2023-10-27", QueueRevision: 7, RecallsSeen: 2, AudioVerified: 40,
				CoverHours: 71.5, PlayerVersion: "1.0"}),
			Answers: []apidoc.Answer{apidoc.GivesNothing(http.StatusNoContent, "Noted.")}}},
		{a.getStatus, apidoc.Route{Method: http.MethodGet, Path: "/v1/stations/:station/status", Roles: relays,
			ID: "getStatus", Tag: apidoc.ForStations, Summary: "How a station last said it stands",
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "Its own words, and when they arrived.",
				wire.Status{Station: "lantern-coast",
					ReceivedAt: exampleStart, QueueRevision: 7, CoverHours: 71.5, PlayerVersion: "1.0"})}}},
		{a.listStatus, apidoc.Route{Method: http.MethodGet, Path: "/v1/status", Roles: people,
			ID: "listStatus", Tag: apidoc.ForSchedulers, Summary: "How every station last said it stands",
			Query:  paged,
			Detail: "One that has said nothing has a received_at of null.",
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "One page, by station.",
				wire.Page[wire.Status]{Items: []wire.Status{
					{Station: "lantern-coast", ReceivedAt: exampleStart, QueueDate: "2023-10-27", QueueRevision: 7,
						PublishedRevision: 7, CoverHours: 71.5, PlayerVersion: "1.0"}}})}}},
		{a.listAlarms, apidoc.Route{Method: http.MethodGet, Path: "/v1/alarms", Roles: people,
			ID: "listAlarms", Tag: apidoc.ForSchedulers, Summary: "What is wrong now and needs a person",
			Detail: "Webhooks whose receivers have failed for a quarter of an hour, or that were given up, what stations' " +
				"players say is wrong with them, and what stands against stations. Each is gone once it is over.",
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "All of them.",
				wire.Page[wire.Alarm]{Items: []wire.Alarm{{Code: wire.AlarmWebhookFailing, Subject: "newsroom", Since: exampleStart,
					Error: "answered 503 Service Unavailable", Waiting: 12, Message: "webhook newsroom is not reached since " +
						"2023-10-27T13:09:25.000Z: answered 503 Service Unavailable; 12 changes wait"}}})}}},
	}
}

func (a statusHandlers) setStatus(c *call) error {
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

func (a statusHandlers) getStatus(c *call) error {
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
func (a statusHandlers) listStatus(c *call) error { return listing(c, a.Logbook.Statuses) }

// listAlarms answers what is wrong with webhooks, what stations' players say is wrong with them, and what
// stands against stations.
func (a statusHandlers) listAlarms(c *call) error {
	out, err := a.Webhooks.Deliverer.Alarms(c.r.Context())
	if err != nil {
		return err
	}
	for after, more := "", true; more; more = after != "" {
		var statuses []wire.Status
		statuses, after = a.Logbook.Statuses(after, 500)
		for _, s := range statuses {
			for _, said := range s.Alarms {
				out = append(out, wire.Alarm{Code: wire.AlarmPlayer, Subject: s.Station, Message: said})
			}
			for _, p := range s.Standing {
				out = append(out, wire.Alarm{Code: wire.AlarmStation, Subject: s.Station, Problem: p.Code,
					Message: p.Message})
			}
		}
	}
	return page(c, out, "")
}
