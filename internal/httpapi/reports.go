package httpapi

import (
	"cmp"
	"fmt"
	"net/http"

	"lifeline/internal/access"
	"lifeline/internal/fault"
	"lifeline/internal/httpapi/apidoc"
	"lifeline/internal/openapi"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// reportHandlers store the stations' as-run reports.
type reportHandlers struct{ *Parts }

func (a reportHandlers) routes() []route {
	return []route{
		{a.asRun, apidoc.Route{Method: http.MethodPost, Path: "/v1/stations/:station/as-run", Roles: stations,
			ID: "reportAsRun", Tag: apidoc.ForStations, Summary: "Report as-run entries",
			Detail: "Entries may be sent repeatedly: the first entry with a sequence counts. An invalid entry, or one from " +
				"the future, is rejected on its own and may be sent again. A station that has enrolled a key sends a DSSE " +
				"envelope of type " + wire.AsRunType + `; its payload is {"schema":"` + wire.AsRunSchema +
				`","station","entries"}. Without the signature of that key all entries are kept beside the record, and rejected.`,
			MaxBytes: maxLarge,
			Takes: append(apidoc.TakesJSON(wire.AsRunReport{Entries: []schedules.AsRun{{Sequence: 17, ItemID: exampleItem.ID,
				SegmentID: exampleItem.SegmentID, SHA256: exampleHash,
				StartedAt: exampleStart, EndedAt: examplePlus(1), Outcome: schedules.Aired}}}),
				takesEnvelope(wire.AsRunType)...),
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "The result of each entry, in the order of the request.",
				wire.AsRunResults{Results: []wire.AsRunResult{{Sequence: 17, Status: "accepted"}}})}}},
		{a.receipts, apidoc.Route{Method: http.MethodGet, Path: "/v1/stations/:station/receipts.dsse", Roles: stations,
			ID: "getSignedReceipts", Tag: apidoc.ForStations, Summary: "Get the receipts of entries that others brought",
			Detail: "The answer is a DSSE envelope of type " + wire.ReceiptsType + `; its payload is {"schema":"` +
				wire.ReceiptsSchema + `","station","issued_at","entries":[{"sequence","digest"}]}. It names the entries on ` +
				"record that somebody else than the station reported in the last days, such as lifeline drops read. They reach " +
				"the station by mirrors and bundles: it drops from its spool exactly the entries whose digest is equal, the " +
				"first 32 hexadecimal digits of the SHA-256 of the entry's JSON without detail.",
			Answers: []apidoc.Answer{apidoc.GivesAs(envelopeType, http.StatusOK, "The envelope.", exampleReceipts)}}},
		{a.listAsRun, apidoc.Route{Method: http.MethodGet, Path: "/v1/stations/:station/as-run", Roles: relays,
			ID: "listAsRun", Tag: apidoc.ForStations, Summary: "List the as-run entries of a day",
			Query: []openapi.Parameter{dateParameter},
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "The entries, ordered by sequence.",
				wire.Page[schedules.AsRun]{Items: []schedules.AsRun{{Sequence: 17, ItemID: exampleItem.ID,
					SegmentID: exampleItem.SegmentID, SHA256: exampleHash, StartedAt: exampleStart, EndedAt: examplePlus(1),
					Outcome: schedules.Aired}}})}}},
	}
}

func (a reportHandlers) asRun(c *call) error {
	if _, err := a.Scheduler.Network.Station(c.station()); err != nil {
		return err
	}
	results, err := a.reported(c)
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, wire.AsRunResults{Results: results})
}

// reported keeps a report in either form.
func (a reportHandlers) reported(c *call) ([]wire.AsRunResult, error) {
	var signed wire.SignedAsRun
	var plain wire.AsRunReport
	envelope, err := c.signedOr(wire.AsRunSchema, &signed, &plain)
	if err = cmp.Or(err, fewEntries(signed.Entries), fewEntries(plain.Entries)); err != nil {
		return nil, err
	}
	entries, results := plain.Entries, []wire.AsRunResult(nil)
	if envelope != nil {
		entries = signed.Entries
		results, err = a.Logbook.ReportSigned(c.r.Context(), c.station(), envelope, signed)
	} else {
		results, err = a.Logbook.Report(c.r.Context(), c.station(), plain.Entries)
	}
	if err == nil && c.actor.Role != access.StationJob { // the station has no answer
		err = a.Receipts.Keep(c.r.Context(), c.actor, c.station(), entries)
	}
	return results, err
}

// receipts answers with the receipts of reports to which the station had no answer.
func (a reportHandlers) receipts(c *call) error {
	if _, err := a.Scheduler.Network.Station(c.station()); err != nil {
		return err
	}
	envelope, err := a.Receipts.Envelope(c.station())
	if err != nil {
		return err
	}
	c.w.Header().Set("Cache-Control", "no-store")
	return c.bytes(http.StatusOK, envelopeType, envelope)
}

func fewEntries(entries []schedules.AsRun) error {
	if len(entries) <= wire.MostAsRun {
		return nil
	}
	return fault.Fields(fault.Field{Field: "entries", Message: fmt.Sprintf("has more than %d entries: send several "+
		"reports", wire.MostAsRun)})
}

// listAsRun answers with a station's reports for a broadcast day.
func (a reportHandlers) listAsRun(c *call) error {
	st, err := a.Scheduler.Network.Station(c.station())
	if err != nil {
		return err
	}
	date, err := a.dateOrToday(c)
	if err != nil {
		return err
	}
	from, to, err := st.DayBounds(date())
	if err != nil {
		return err
	}
	entries, err := a.Logbook.AsRun(c.r.Context(), st.ID, from, to)
	if err != nil {
		return err
	}
	return page(c, entries, "")
}
