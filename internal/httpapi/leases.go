package httpapi

import (
	"fmt"
	"net/http"

	"lifeline/internal/httpapi/apidoc"
	"lifeline/internal/openapi"
	"lifeline/internal/wire"
)

// leaseHandlers serve what is valid for a short time: leases and the signed time.
type leaseHandlers struct{ *Parts }

func (a leaseHandlers) routes() []route {
	return []route{
		{a.lease, apidoc.Route{Method: http.MethodGet, Path: "/v1/stations/:station/lease.dsse", Roles: stations,
			ID: "getSignedLease", Tag: apidoc.ForStations,
			Summary: "Get a new lease to air sensitive segments", Query: []openapi.Parameter{nonceParameter},
			Detail: "The answer is a DSSE envelope of type " + wire.LeaseType +
				`; its payload is {"schema":"` + wire.LeaseSchema +
				`","station","nonce","issued_at","expires_at","segments":[ids]}. The lease has the nonce of the ` +
				"request. A " +
				"player accepts a lease only as the answer to its own request. It starts or resumes an item " +
				"with sensitive: true only while a lease that it has verified names the segment and is valid " +
				"by the service's clock. To set the player's clock back does not extend a lease. Without a " +
				"valid lease the player airs its fallback. It renews a lease after a third of its time and " +
				"keeps the latest through a restart. An item on the air may end after the lease, unless it " +
				"was recalled. Bundles have no lease. Lists for other players and rendered windows have " +
				"items of the fallback in place of sensitive ones.",
			Answers: []apidoc.Answer{apidoc.GivesAs(envelopeType, http.StatusOK, "The envelope.", exampleLease)}}},
		{a.freshness, apidoc.Route{Method: http.MethodGet, Path: "/v1/stations/:station/freshness.dsse", Roles: stations,
			ID: "getSignedFreshness", Tag: apidoc.ForStations,
			Summary: "Get the signed time and the newest revisions",
			Query:   []openapi.Parameter{nonceParameter},
			Detail: "The answer is a DSSE envelope of type " + wire.FreshnessType +
				`; its payload is {"schema":"` + wire.FreshnessSchema +
				`","station","nonce","at","recalls_revision","fallback_revision","queue_revisions":{date:revision}}. A station ` +
				"corrects its clock only by this statement, and accepts it only with the nonce of its own " +
				"request. The time lies between the request and the answer. If a station gets no statement " +
				"for some time, or cannot get a revision that a statement names, somebody may be blocking " +
				"its connection.",
			Answers: []apidoc.Answer{apidoc.GivesAs(envelopeType, http.StatusOK, "The envelope.", exampleFreshness)}}},
	}
}

// lease answers with a fresh lease, which must not be cached.
func (a leaseHandlers) lease(c *call) error {
	nonce, err := c.query().nonce()
	if err != nil {
		return err
	}
	l, err := a.Scheduler.Leases.Issue(c.r.Context(), c.station(), nonce)
	if err != nil {
		return err
	}
	c.w.Header().Set("Cache-Control", "no-store")
	return c.text(http.StatusOK, envelopeType, l.Envelope)
}

func (a leaseHandlers) freshness(c *call) error {
	nonce, err := c.query().freshNonce()
	if err != nil {
		return err
	}
	f, err := a.Scheduler.Leases.Freshness(c.r.Context(), c.station(), nonce)
	if err != nil {
		return err
	}
	c.w.Header().Set("Cache-Control", "no-store")
	return c.text(http.StatusOK, envelopeType, f)
}

var nonceParameter = openapi.Parameter{Name: "nonce", Description: "Random letters, digits, - or _, different in " +
	"each request. The answer contains the nonce, so that the station knows that it is not an " +
	"old answer.",
	Schema: openapi.Match(fmt.Sprintf("^[0-9A-Za-z_-]{0,%d}$", wire.MaxNonce)), Example: "0c9d1fa2b7e84c35"}
