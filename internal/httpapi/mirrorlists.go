package httpapi

import (
	"net/http"

	"lifeline/internal/httpapi/apidoc"
	"lifeline/internal/replica"
	"lifeline/internal/wire"
)

// mirrorListHandlers take and serve the signed lists of mirrors.
type mirrorListHandlers struct{ *Parts }

func (a mirrorListHandlers) routes() []route {
	return []route{
		{a.setMirrorList, apidoc.Route{Method: http.MethodPost, Path: "/v1/stations/:station/mirrors", Roles: admins,
			Confirmed: true, ID: "setMirrorList", Tag: apidoc.ForStations, Summary: "Tell a station where mirrors are",
			Detail: "The body is a DSSE envelope of type " + wire.MirrorListType + `; its payload is {"schema":"` +
				wire.MirrorListSchema + `","station","issued_at","mirrors":[addresses],"drops"}, signed by the key of the role ` +
				"mirror, which the service need not have. lifeline mirror push makes it.",
			Takes: takesEnvelope(wire.MirrorListType),
			Faults: map[int]string{http.StatusForbidden: "No key of the role mirror signed it.",
				http.StatusConflict: "A later list is there."},
			Answers: []apidoc.Answer{apidoc.GivesNothing(http.StatusNoContent, "The list is stored.")}}},
		{a.mirrorList, apidoc.Route{Method: http.MethodGet, Path: "/v1/stations/:station/mirrors.dsse", Roles: stations,
			ID: "getSignedMirrorList", Tag: apidoc.ForStations, Summary: "Get the signed list of mirrors of a station",
			Answers: []apidoc.Answer{apidoc.GivesAs(envelopeType, http.StatusOK, "The envelope.", exampleMirrorList)}}},
	}
}

func (a mirrorListHandlers) setMirrorList(c *call) error {
	if _, err := a.Scheduler.Network.Station(c.station()); err != nil {
		return err
	}
	envelope, err := c.envelope()
	if err != nil {
		return err
	}
	if err := a.MirrorLists.Set(c.r.Context(), c.actor, c.station(), envelope); err != nil {
		return err
	}
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

func (a mirrorListHandlers) mirrorList(c *call) error {
	if _, err := a.Scheduler.Network.Station(c.station()); err != nil {
		return err
	}
	envelope, revision, err := a.MirrorLists.Of(c.station())
	if err != nil {
		return err
	}
	return writeSigned(c, revision, envelopeType, replica.NewText(envelope))
}
