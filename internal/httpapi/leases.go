package httpapi

import (
	"fmt"
	"net/http"

	"lifeline/internal/fault"
	"lifeline/internal/httpapi/apidoc"
	"lifeline/internal/openapi"
	"lifeline/internal/wire"
)

// leaseHandlers give stations what holds for a short time: leases and the signed time.
type leaseHandlers struct{ *Parts }

func (a leaseHandlers) routes() []route {
	return []route{
		{a.lease, apidoc.Route{Method: http.MethodGet, Path: "/v1/stations/:station/lease.dsse", Roles: stations,
			ID: "getSignedLease", Tag: apidoc.ForStations,
			Summary: "A fresh lease to air what is sensitive", Query: []openapi.Parameter{nonceParameter},
			Detail: "A DSSE envelope of type " + wire.LeaseType + `; its payload is {"schema":"` + wire.LeaseSchema +
				`","station","nonce","issued_at","expires_at","segments":[ids]}. ` +
				"The lease names the nonce of the request. A player takes one only in answer to its own request, and starts, or " +
				"rejoins, an item with sensitive: true only if a lease that it verified names its segment and holds at that " +
				"moment, by the service's clock, " +
				"which setting its own clock back must not move. It airs its fallback otherwise, renews after a third of the " +
				"lease's time, and keeps the latest through a restart. " +
				"What is on the air when the lease ends may end, unless it was recalled. Bundles have no lease; lists of items " +
				"and rendered windows have the fallback in place of what is sensitive.",
			Answers: []apidoc.Answer{apidoc.GivesAs(envelopeType, http.StatusOK, "The envelope.", exampleLease)}}},
		{a.freshness, apidoc.Route{Method: http.MethodGet, Path: "/v1/stations/:station/freshness.dsse", Roles: stations,
			ID: "getSignedFreshness", Tag: apidoc.ForStations,
			Summary: "The service's time and the newest revisions, signed",
			Query:   []openapi.Parameter{nonceParameter},
			Detail: "A DSSE envelope of type " + wire.FreshnessType + `; its payload is {"schema":"` + wire.FreshnessSchema +
				`","station","nonce","at","recalls_revision","fallback_revision","queue_revisions":{date:revision}}. ` +
				"A station corrects its clock by nothing else, and believes it only if it names the nonce of the station's own " +
				"request. The time lies between the request and the answer. " +
				"A station that has had none for some time, or that cannot get a revision that one named, is being kept from news.",
			Answers: []apidoc.Answer{apidoc.GivesAs(envelopeType, http.StatusOK, "The envelope.", exampleFreshness)}}},
	}
}

// lease answers a fresh lease, which nobody may keep for another.
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
	nonce, err := c.query().nonce()
	if err == nil && nonce == "" {
		err = fault.Fields(fault.Field{Field: "nonce", Message: "is needed: random characters, others with each request"})
	}
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

var nonceParameter = openapi.Parameter{Name: "nonce", Description: "Random letters, digits, - or _, others with each " +
	"request. The answer names it, so that a station knows that it was not stored up on the way.",
	Schema: openapi.Match(fmt.Sprintf("^[0-9A-Za-z_-]{0,%d}$", wire.MaxNonce)), Example: "0c9d1fa2b7e84c35"}
