package httpapi

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"lifeline/internal/fault"
	"lifeline/internal/httpapi/apidoc"
	"lifeline/internal/kinds"
	"lifeline/internal/openapi"
	"lifeline/internal/replica"
	"lifeline/internal/store"
	"lifeline/internal/wire"
)

// auditHandlers list the audit trail.
type auditHandlers struct{ *Parts }

func (a auditHandlers) routes() []route {
	return []route{
		{a.audit, apidoc.Route{Method: http.MethodGet, Path: "/v1/audit", Roles: planning,
			ID: "listAudit", Tag: apidoc.ForSchedulers, Summary: "List the records of the audit trail",
			Query: append([]openapi.Parameter{
				{Name: "kind", Description: "Only records of documents of this kind.",
					Schema: openapi.OneOf(kinds.All.Names()...), Example: "segment"},
				{Name: "id", Description: "Only records of this document.", Schema: openapi.String()},
				{Name: "by", Description: "Only changes by this person, by id or name, or by this station or machine.",
					Schema: openapi.String()},
				{Name: "from", Description: "Only changes at this instant or later.", Schema: instantSchema()},
				{Name: "to", Description: "Only changes before this instant.", Schema: instantSchema()}}, paged...),
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK,
				"One page of records, newest first. A page may be short or empty although another follows, because each "+
					"request searches only a few months.",
				wire.Page[wire.AuditRecord]{Items: []wire.AuditRecord{
					{Sequence: 41, At: exampleStart, By: "Ruth", Action: "segment.approve", Reason: "heard from end to end",
						Kind: "segment", ID: "reading-ko-full-hana", From: 1, To: 2}}})}}},
	}
}

func (a auditHandlers) audit(c *call) error {
	q := c.query()
	before, limit, badPage := q.number()
	if badPage == nil && q.Get("cursor") != "" && before < 1 {
		badPage = fault.Fields(fault.Field{Field: "cursor", Message: "is not a cursor of this service"})
	}
	query := store.AuditQuery{Kind: q.Get("kind"), ID: q.Get("id"), By: q.Get("by"), Before: before, Limit: limit}
	var unknown, badFrom, badTo error
	if _, known := a.Replica.Kinds.Find(query.Kind); query.Kind != "" && !known {
		unknown = fault.Fields(fault.Field{Field: "kind", Message: fmt.Sprintf("is no kind of document: it is one of %s",
			strings.Join(a.Replica.Kinds.Names(), ", "))})
	}
	if p, known := replica.PersonsIn(a.Replica).Get(query.By); known {
		query.By = p.Value.Name
	}
	query.From, badFrom = q.instant("from")
	query.To, badTo = q.instant("to")
	if err := joinFindings(badPage, unknown, badFrom, badTo); err != nil {
		return err
	}
	records, next, err := a.Logbook.Audit(c.r.Context(), query)
	if err != nil {
		return err
	}
	a.viewAudit(c, records)
	follows := ""
	if next > 0 {
		follows = strconv.FormatInt(next, 10)
	}
	return page(c, records, follows)
}
