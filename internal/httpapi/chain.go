package httpapi

import (
	"net/http"
	"strconv"

	"lifeline/internal/fault"
	"lifeline/internal/httpapi/apidoc"
	"lifeline/internal/openapi"
	"lifeline/internal/record"
	"lifeline/internal/replica"
	"lifeline/internal/wire"
)

// chainHandlers serve the chain over what was published and what aired.
type chainHandlers struct{ *Parts }

func (a chainHandlers) routes() []route {
	head := wire.ChainHead{Station: "lantern-coast", Number: 1, SHA256: exampleHash}
	link := wire.SealedLink{Link: wire.Link{Schema: wire.LinkSchema, Station: "lantern-coast", Number: 1,
		SealedAt: exampleStart, Kind: wire.LinkQueue, Date: exampleDate,
		Revision: 7, Queue: exampleHash, Rundown: exampleHash},
		Envelope: []byte(`{"payloadType":"application/vnd.lifeline.link+json"}`)}
	auditLink := link
	auditLink.Link = wire.Link{Schema: wire.LinkSchema, Station: wire.AuditChain, Number: 1, SealedAt: exampleStart,
		Kind: wire.LinkAudit, Date: exampleDate, Sequences: [][2]int64{{1, 41}}, Records: exampleHash}
	span := func(name, says string) openapi.Parameter {
		return openapi.Parameter{Name: name, Description: says, Schema: instantSchema()}
	}
	return []route{
		{a.chain, apidoc.Route{Method: http.MethodGet, Path: "/v1/stations/:station/chain", Roles: people,
			ID: "listChain", Tag: apidoc.ForSchedulers,
			Summary: "List the links of a station's chain",
			Detail: "The chain has a signed link for every publication and every day of as-run entries. Each link has the " +
				"SHA-256 of the envelope before, so that anybody with the public key can detect changes.",
			Query: paged,
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "One page of links, ordered by number, and the head of the "+
				"chain.",
				wire.ChainPage{Page: wire.Page[wire.SealedLink]{Items: []wire.SealedLink{link}}, Head: head})}}},
		{a.chainRecords, apidoc.Route{Method: http.MethodGet, Path: "/v1/stations/:station/chain/records", Roles: people,
			ID: "listChainRecords", Tag: apidoc.ForSchedulers,
			Summary: "List the sealed records of a station",
			Detail: "The records have exactly the bytes that the station sent. The hash in a link covers the sequence, " +
				"instant and length (64 bits each, big endian) and the body of each record, ordered by " +
				"sequence.",
			Query: append([]openapi.Parameter{span("from", "The first instant. Default: the beginning."),
				required(span("to", "The instant after the last."))}, paged...),
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "One page of records, ordered by sequence.",
				wire.Page[wire.ChainRecord]{Items: []wire.ChainRecord{
					{Sequence: 17, AtMs: exampleStart.UnixMilli(), Body: []byte(`{"sequence":17}`)}}})}}},
		{a.auditChain, apidoc.Route{Method: http.MethodGet, Path: "/v1/audit/chain", Roles: planning,
			ID: "listAuditChain", Tag: apidoc.ForSchedulers, Summary: "List the links of the chain of the audit",
			Detail: "Each link seals the entries of the audit that followed those of the link before, within ten minutes.",
			Query:  paged,
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "One page of links, ordered by number, and the head of the "+
				"chain.", wire.ChainPage{Page: wire.Page[wire.SealedLink]{Items: []wire.SealedLink{auditLink}},
				Head: wire.ChainHead{Station: wire.AuditChain, Number: 1, SHA256: exampleHash}})}}},
		{a.auditRecords, apidoc.Route{Method: http.MethodGet, Path: "/v1/audit/chain/records", Roles: planning,
			ID: "listAuditChainRecords", Tag: apidoc.ForSchedulers, Summary: "List the sealed entries of the audit",
			Detail: "The hash in a link covers the sequence, instant and length (64 bits each, big endian) and the body of " +
				"each entry, ordered by sequence. Entries say which persons were recalled: only who is named for it reads them.",
			Query: []openapi.Parameter{
				required(openapi.Parameter{Name: "first", Description: "The first sequence.",
					Schema: openapi.Integer().AtLeast(1)}),
				required(openapi.Parameter{Name: "last", Description: "The last sequence. An answer has at most the first 5000 " +
					"of them.",
					Schema: openapi.Integer().AtLeast(1)})},
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "The entries, ordered by sequence.",
				wire.Page[wire.ChainRecord]{Items: []wire.ChainRecord{
					{Sequence: 17, AtMs: exampleStart.UnixMilli(), Body: []byte(`{"sequence":17}`)}}})}}},
	}
}

// auditChain lists the links of the audit's chain.
func (a chainHandlers) auditChain(c *call) error { return a.links(c, wire.AuditChain) }

// auditRecords lists entries of the audit in the form that links seal.
func (a chainHandlers) auditRecords(c *call) error {
	if !c.actor.Sensitive {
		return fault.New(fault.Forbidden, "the entries of the audit, byte for byte, say which persons were recalled, and only "+
			"persons who are named for it read them: %s", mayKnow)
	}
	var bounds [2]int64
	var wrong []fault.Field
	for i, name := range []string{"first", "last"} {
		n, err := strconv.ParseInt(c.query().Get(name), 10, 64)
		if err != nil || n < 1 {
			wrong = append(wrong, fault.Field{Field: name, Message: "must be the sequence of an entry"})
		}
		bounds[i] = n
	}
	if err := fault.Fields(wrong...); err != nil {
		return err
	}
	records, err := a.Logbook.Chain().Audit(c.r.Context(), bounds[0], bounds[1])
	if err != nil {
		return err
	}
	return page(c, records, "")
}

// chain lists the links of a station's chain, each with its signed envelope.
func (a chainHandlers) chain(c *call) error {
	if _, err := a.Scheduler.Network.Station(c.station()); err != nil {
		return err
	}
	return a.links(c, c.station())
}

// links lists the links of a chain.
func (a chainHandlers) links(c *call, chain string) error {
	after, limit, err := c.query().number()
	if err != nil {
		return err
	}
	source := a.Logbook.Chain()
	links, err := source.Page(c.r.Context(), chain, after, limit)
	if err != nil {
		return err
	}
	out := wire.ChainPage{Page: wire.Page[wire.SealedLink]{Items: []wire.SealedLink{}}}
	for _, l := range links {
		sealed := wire.SealedLink{Envelope: l.Envelope}
		if sealed.Link, err = record.OpenLink(l.Envelope); err != nil {
			sealed.Link = wire.Link{} // the link was tampered with: its envelope shows that
		}
		sealed.Number, sealed.Date = l.Number, l.Date
		out.Items = append(out.Items, sealed)
	}
	if len(links) == limit {
		out.NextCursor = cursor(strconv.FormatInt(links[limit-1].Number, 10))
	}
	if after == 0 {
		for _, queue := range replica.QueuesIn(a.Replica).After(chain+"/", "") {
			out.Published = append(out.Published, queue.Value.Value.Date)
		}
	}
	if out.Head, err = source.Head(c.r.Context(), chain); err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	if out.Late, err = source.Unsealed(c.r.Context(), chain); err != nil {
		return err
	}
	return c.json(http.StatusOK, out)
}

// chainRecords lists a station's reports of the days [from, to), by sequence, byte for byte as sealed.
func (a chainHandlers) chainRecords(c *call) error {
	if _, err := a.Scheduler.Network.Station(c.station()); err != nil {
		return err
	}
	after, limit, err := c.query().number()
	if err != nil {
		return err
	}
	from, err := c.query().instant("from")
	if err != nil {
		return err
	}
	to, err := c.query().instant("to")
	if err != nil {
		return err
	}
	if to.IsZero() {
		return fault.Fields(fault.Field{Field: "to", Message: "is missing: give the end of the period"})
	}
	records, err := a.Logbook.Chain().Records(c.r.Context(), c.station(), from, to)
	if err != nil {
		return err
	}
	first := len(records)
	for i, r := range records {
		if c.query().Get("cursor") == "" || r.Sequence > after {
			first = i
			break
		}
	}
	records = records[first:]
	next := ""
	if len(records) > limit {
		records = records[:limit]
		next = strconv.FormatInt(records[limit-1].Sequence, 10)
	}
	return page(c, records, next)
}

func required(p openapi.Parameter) openapi.Parameter {
	p.Required = true
	return p
}
