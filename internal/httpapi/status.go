package httpapi

import (
	"net/http"

	"lifeline/internal/access"
	"lifeline/internal/httpapi/apidoc"
	"lifeline/internal/wire"
)

// statusHandlers store and serve the stations' statuses, and serve alarms.
type statusHandlers struct{ *Parts }

func (a statusHandlers) routes() []route {
	return []route{
		{a.setStatus, apidoc.Route{Method: http.MethodPost, Path: "/v1/stations/:station/status", Roles: stations,
			ID: "reportStatus", Tag: apidoc.ForStations, Summary: "Report the status of a station",
			Detail: "A station that has enrolled a key sends a DSSE envelope of type " + wire.StatusType +
				`; its payload is {"schema":"` + wire.StatusSchema + `","station","signed_at","status"}, where signed_at ` +
				"rises from status to status.",
			MaxBytes: maxSmall,
			Takes: append(apidoc.TakesJSON(wire.Status{QueueDate: "2023-10-27", QueueRevision: 7, RecallsSeen: 2,
				AudioVerified: 40, CoverHours: 71.5, PlayerVersion: "1.0"}), takesEnvelope(wire.StatusType)...),
			Faults: map[int]string{http.StatusConflict: "The station has a key that did not sign the status, or that " +
				"signed a later one."},
			Answers: []apidoc.Answer{apidoc.GivesNothing(http.StatusNoContent, "The status is stored.")}}},
		{a.getStatus, apidoc.Route{Method: http.MethodGet, Path: "/v1/stations/:station/status", Roles: relays,
			ID: "getStatus", Tag: apidoc.ForStations, Summary: "Get the latest status of a station",
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "The status as the station reported it, and when it "+
				"arrived.",
				wire.Status{Station: "lantern-coast",
					ReceivedAt: exampleStart, QueueRevision: 7, CoverHours: 71.5, PlayerVersion: "1.0"})}}},
		{a.listStatus, apidoc.Route{Method: http.MethodGet, Path: "/v1/status", Roles: people,
			ID: "listStatus", Tag: apidoc.ForSchedulers, Summary: "List the latest status of every station",
			Query:  paged,
			Detail: "A station that has never reported has null as received_at.",
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "One page of statuses, ordered by station.",
				wire.Page[wire.Status]{Items: []wire.Status{
					{Station: "lantern-coast", ReceivedAt: exampleStart, QueueDate: "2023-10-27", QueueRevision: 7,
						PublishedRevision: 7, CoverHours: 71.5, PlayerVersion: "1.0"}}})}}},
		{a.listAlarms, apidoc.Route{Method: http.MethodGet, Path: "/v1/alarms", Roles: people,
			ID: "listAlarms", Tag: apidoc.ForSchedulers, Summary: "List the alarms",
			Detail: "An alarm is a problem that a person must solve: a webhook whose receiver has failed for a quarter of " +
				"an hour or that was disabled, a problem that a station's player reports, a problem of a " +
				"station's definitions, that a person ended or limited access of others five times in a day, or that " +
				"a person got a code for new passkeys in the last 7 days. It leaves the list when the problem is over.",
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "The alarms.",
				wire.Page[wire.Alarm]{Items: []wire.Alarm{{Code: wire.AlarmWebhookFailing, Subject: "newsroom", Since: exampleStart,
					Error: "answered 503 Service Unavailable", Waiting: 12, Message: "webhook newsroom is not reached since " +
						"2023-10-27T13:09:25.000Z: answered 503 Service Unavailable; 12 changes wait"}}})}}},
	}
}

func (a statusHandlers) setStatus(c *call) error {
	if _, err := a.Scheduler.Network.Station(c.station()); err != nil {
		return err
	}
	if err := a.keep(c); err != nil {
		return err
	}
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

// keep stores a status in either form.
func (a statusHandlers) keep(c *call) error {
	var signed wire.SignedStatus
	var plain wire.Status
	envelope, err := c.signedOr(wire.StatusSchema, &signed, &plain)
	if err != nil {
		return err
	}
	if envelope != nil {
		return a.Logbook.SetSignedStatus(c.r.Context(), c.actor, c.station(), envelope, signed)
	}
	return a.Logbook.SetStatus(c.r.Context(), c.actor, c.station(), plain)
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

// listStatus answers with the status of every station, including those that have never sent one.
func (a statusHandlers) listStatus(c *call) error { return listing(c, a.Logbook.Statuses) }

// listAlarms answers with the problems of webhooks, of stations' players, and of stations' definitions, and with the
// recoveries of persons.
func (a statusHandlers) listAlarms(c *call) error {
	out, err := a.Webhooks.Deliverer.Alarms(c.r.Context())
	if err != nil {
		return err
	}
	for after, more := "", true; more; more = after != "" {
		var statuses []wire.Status
		statuses, after = a.Logbook.Statuses(after, 500)
		for _, s := range statuses {
			for i, said := range s.Alarms {
				alarm := wire.Alarm{Code: wire.AlarmPlayer, Subject: s.Station, Message: said, Since: s.ReceivedAt}
				if i < len(s.AlarmsSince) {
					alarm.Since = s.AlarmsSince[i]
				}
				out = append(out, alarm)
			}
			for _, p := range s.CurrentProblems {
				out = append(out, wire.Alarm{Code: wire.AlarmStation, Subject: s.Station, Problem: p.Code,
					Since: a.Scheduler.Network.StationProblems.Since(s.Station, p), Message: p.Message})
			}
		}
	}
	out = append(out, access.MassEnds(a.Replica, a.Now())...)
	return page(c, append(out, a.SignIn.Alarms()...), "")
}
