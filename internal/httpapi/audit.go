package httpapi

import (
	"net/http"
	"strconv"

	"lifeline/internal/fault"
	"lifeline/internal/httpapi/apidoc"
	"lifeline/internal/openapi"
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
				{Name: "kind", Description: "Only records of documents of this kind.", Schema: openapi.String(),
					Example: "segment"},
				{Name: "id", Description: "Only records of this document.", Schema: openapi.String()},
				{Name: "by", Description: "Only changes by this person or station.", Schema: openapi.String()},
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
	before, limit, err := c.query().page()
	if err != nil {
		return err
	}
	q := c.query()
	query := store.AuditQuery{Kind: q.Get("kind"), ID: q.Get("id"), By: q.Get("by"), Limit: limit}
	if query.From, err = c.query().instant("from"); err != nil {
		return err
	}
	if query.To, err = c.query().instant("to"); err != nil {
		return err
	}
	if before != "" {
		if query.Before, err = strconv.ParseInt(before, 10, 64); err != nil || query.Before < 1 {
			return fault.Fields(fault.Field{Field: "cursor", Message: "is not a cursor of this service"})
		}
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
