package httpapi

import (
	"encoding/json"
	"net/http"
	"reflect"

	"lifeline/internal/openapi"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

func schedulerOperations() []operation {
	const station = "/v1/stations/:station"
	const day = station + "/rundowns/:date"
	yaml := func(mediaType string) form {
		return form{mediaType: mediaType, goType: reflect.TypeFor[wire.Apply](), use: openapi.Request}
	}
	unplannable := map[int]string{http.StatusUnprocessableEntity: "The input is wrong, or the rules cannot all hold: " +
		"detail says which of them conflict, as few as could be shown.",
		http.StatusConflict: "The day's state does not allow it."}
	rundown := []answer{gives(http.StatusOK, "The rundown, with its warnings.", exampleRundown, "ETag")}
	return []operation{
		{at: "GET /v1/stations", id: "listStations", tag: forSchedulers, summary: "All stations", query: paged,
			answers: []answer{gives(http.StatusOK, "One page of stations, by id.",
				wire.Page[schedules.Station]{Items: []schedules.Station{exampleStation}})}},
		{at: "GET " + station, id: "getStation", tag: forSchedulers, summary: "One station with its windows", known: true,
			answers: []answer{gives(http.StatusOK, "The station.", exampleStation)}},
		{at: "PUT " + station, id: "putStation", tag: forSchedulers, summary: "Make or change a station", match: matchTaken,
			detail: "A window in wall time that follows another goes on doing so in the nights when clocks change: it ends " +
				"where the next begins, or falls away, " +
				"and one that adjoins the next, with a pause of at most five minutes, reaches across the hour that comes twice. " +
				"Its day's rundown warns of it (clock_change).",
			takes: takesJSON(exampleStation), answers: puts(exampleStation), faults: putFaults},
		{at: "GET /v1/clocks", id: "listClocks", tag: forSchedulers, summary: "All clocks", query: paged,
			answers: []answer{gives(http.StatusOK, "One page of clocks, by id.",
				wire.Page[schedules.Clock]{Items: []schedules.Clock{exampleClock}})}},
		{at: "GET /v1/clocks/:clock", id: "getClock", tag: forSchedulers, summary: "One clock with its positions and rules",
			known:   true,
			answers: []answer{gives(http.StatusOK, "The clock.", exampleClock)}},
		{at: "PUT /v1/clocks/:clock", id: "putClock", tag: forSchedulers, summary: "Make or change a clock",
			match: matchTaken,
			takes: takesJSON(exampleClock), answers: puts(exampleClock), faults: putFaults},
		{at: "GET /v1/campaigns", id: "listCampaigns", tag: forSchedulers, summary: "All campaigns", query: paged,
			answers: []answer{gives(http.StatusOK, "One page of campaigns, by id.",
				wire.Page[schedules.Campaign]{Items: []schedules.Campaign{exampleCampaign}})}},
		{at: "GET /v1/campaigns/:campaign", id: "getCampaign", tag: forSchedulers, summary: "One campaign", known: true,
			answers: []answer{gives(http.StatusOK, "The campaign.", exampleCampaign)}},
		{at: "PUT /v1/campaigns/:campaign", id: "putCampaign", tag: forSchedulers, summary: "Make or change a campaign",
			match: matchTaken,
			takes: takesJSON(exampleCampaign), answers: puts(exampleCampaign), faults: putFaults},
		{at: "POST /v1/apply", id: "apply", tag: forSchedulers, summary: "Make the network as one document says",
			detail: "All of it or nothing. What the document does not name stays as it is. Only problems that the document " +
				"brings are refused; problems names what stands " +
				"against stations all the same, and the published days that the change leaves behind.",
			query: []openapi.Parameter{dryRunParameter},
			takes: append(takesJSON(wire.Apply{Campaigns: []schedules.Campaign{exampleCampaign}}), yaml("application/yaml"),
				yaml("application/x-yaml"),
				yaml("text/yaml"), yaml("text/plain"), yaml("application/x-www-form-urlencoded")),
			answers: []answer{gives(http.StatusOK, "What changed, or would change, document by document.",
				wire.Applied{DryRun: true, Changes: []wire.AppliedChange{
					{Kind: "campaign", ID: "appeal-daily", Action: "create", Revision: 1,
						After: json.RawMessage(`{"id":"appeal-daily"}`)}}})}},

		{at: "GET " + day, id: "getRundown", tag: forSchedulers, summary: "A station's day as it is planned", known: true,
			query: []openapi.Parameter{revisionParameter}, answers: rundown},
		{at: "PATCH " + day, id: "editRundown", tag: forSchedulers, summary: "Edit a day by hand", match: matchNeeded,
			detail: "Answers the rundown re-timed. What was edited is locked, so that a later plan fills around it.",
			takes: takesJSON(wire.EditRequest{Edits: []schedules.Edit{{Op: "replace", Item: "8d0e1c66a4f2b913",
				Segment: "letter-ko-sister"}}}), answers: rundown, faults: unplannable},
		{at: "POST " + day + "/plan", id: "plan", tag: forSchedulers, summary: "Draft a day", match: matchTaken,
			lenient: true,
			detail: "What is published and frozen, locked, or named in keep stays. The day follows what is drafted or " +
				"published for the days before it. The same seed and state give the same day.",
			query: []openapi.Parameter{dryRunParameter}, takes: takesJSON(wire.PlanRequest{Seed: 7}), answers: rundown,
			faults: unplannable},
		{at: "POST " + day + "/publish", id: "publish", tag: forSchedulers, summary: "Sign a day and hand it to its station",
			match: matchTaken, lenient: true,
			detail: "Publishing a day again that is published as it stands changes nothing.",
			takes:  takesJSON(wire.PublishRequest{}), answers: rundown, faults: unplannable},
		{at: "POST " + day + "/withdraw", id: "withdrawDay", tag: forSchedulers, summary: "Take back a published day",
			match: matchTaken,
			detail: "The station is told so, airs its fallback in the hours of the day's windows, and owes nothing of the " +
				"day. A day whose first window has begun or is frozen is refused. " +
				"Withdrawing a day again changes nothing.",
			takes: takesJSON(wire.Reason{Reason: "the windows moved"}), answers: rundown},
		{at: "GET " + day + "/diff", id: "diffRundowns", tag: forSchedulers,
			summary: "What differs between two revisions of a day",
			query: []openapi.Parameter{
				{Name: "from", Description: "The revision to compare from.", Required: true, Schema: openapi.Integer().AtLeast(1),
					Example: 3},
				{Name: "to", Description: "The revision to compare with. Default: the latest.", Schema: openapi.Integer().AtLeast(
					1)}},
			answers: []answer{gives(http.StatusOK, "The items that differ, by start.", wire.Page[schedules.ItemChange]{
				Items: []schedules.ItemChange{{Change: schedules.ItemAdded, Window: "evening", After: &exampleItem}}})}},
		{at: "GET " + day + "/items/:item/explain", id: "explainItem", tag: forSchedulers,
			summary: "Why an item is where it is", query: []openapi.Parameter{revisionParameter},
			answers: []answer{gives(http.StatusOK, "The record of the choice, from which it can be made again.",
				schedules.Explanation{
					Item: exampleItem.ID, Window: "evening", Position: "appeal", SegmentID: "reading-ko-full-hana",
					Why: "due first; it has never aired",
					Choice: &schedules.Choice{Method: schedules.MethodDue, StartAt: exampleStart, Candidates: []schedules.Candidate{},
						Aired: []string{"reading-ko-full-hana"}}})}},
		{at: "POST /v1/plan", id: "planMany", tag: forSchedulers, summary: "Draft many stations' days at once", lenient: true,
			detail: "The days of a station are planned and answered in their order, each after those before it. What fails is " +
				"told in its place and does not stop the others. No stations means all, no dates today.",
			query: []openapi.Parameter{dryRunParameter},
			takes: takesJSON(wire.ManyRequest{Stations: []string{"lantern-coast"}, Dates: []schedules.Date{exampleDate},
				Seed: 7}), answers: manyAnswers},
		{at: "POST /v1/publish", id: "publishMany", tag: forSchedulers, summary: "Publish many stations' days at once",
			lenient: true,
			takes:   takesJSON(wire.ManyRequest{Stations: []string{"lantern-coast"}, Dates: []schedules.Date{exampleDate}}),
			answers: manyAnswers},
		{at: "GET " + station + "/reconciliation/:date", id: "reconcile", tag: forSchedulers,
			summary: "What was planned against what aired",
			query:   []openapi.Parameter{{Name: "window", Description: "One window alone.", Schema: openapi.String()}},
			answers: []answer{gives(http.StatusOK, "Item by item, with what is owed. What is still to come is left out. What "+
				"the station has not been heard of since is `unreported`: it may have aired without a link, and is owed once a "+
				"week has passed.", schedules.Reconciliation{
				Station: "lantern-coast", Date: exampleDate, Revision: 7, Tolerance: schedules.Ms(1000),
				MakeGoods: []schedules.MakeGood{},
				Totals:    map[schedules.Verdict]int{schedules.AsPlanned: 1},
				Items: []schedules.Discrepancy{{Verdict: schedules.AsPlanned, ItemID: exampleItem.ID,
					SegmentID: "reading-ko-full-hana", PlannedAt: exampleStart, StartedAt: exampleStart, Planned: exampleItem.Duration,
					AiredMs: exampleItem.Duration}}})}},
		{at: "GET /v1/audit", id: "listAudit", tag: forSchedulers, summary: "Who changed what, and when",
			query: append([]openapi.Parameter{
				{Name: "kind", Description: "Of documents of this kind.", Schema: openapi.String(), Example: "segment"},
				{Name: "id", Description: "Of this document.", Schema: openapi.String()},
				{Name: "by", Description: "By this person or station.", Schema: openapi.String()},
				{Name: "from", Description: "At this instant or later.", Schema: instantSchema()},
				{Name: "to", Description: "Before this instant.", Schema: instantSchema()}}, paged...),
			answers: []answer{gives(http.StatusOK, "One page of records, newest first. One may be short, or empty, where "+
				"another follows: older months are looked through a few at a time.",
				wire.Page[wire.AuditRecord]{Items: []wire.AuditRecord{
					{Sequence: 41, At: exampleStart, By: "Ruth", Action: "segment.approve", Reason: "heard from end to end",
						Kind: "segment", ID: "reading-ko-full-hana", From: 1, To: 2}}})}},
		{at: "POST /v1/tokens", id: "createToken", tag: forSchedulers, summary: "Make an access token",
			detail: "The secret is in this answer and nowhere else.", takes: takesJSON(wire.NewToken{Name: "lantern-coast",
				Role: "station", Station: "lantern-coast"}),
			answers: []answer{gives(http.StatusCreated, "The token.", wire.Token{ID: "0d9c6f2e41b7a8035c1e",
				Name: "lantern-coast", Role: "station", Station: "lantern-coast",
				CreatedAt: exampleStart, Secret: "lifeline_0d9c6f2e41b7a8035c1e_…"})}},
		{at: "GET /v1/tokens", id: "listTokens", tag: forSchedulers, summary: "All access tokens, without their secrets",
			query: paged,
			answers: []answer{gives(http.StatusOK, "One page of tokens, by id.", wire.Page[wire.Token]{Items: []wire.Token{
				{ID: "0d9c6f2e41b7a8035c1e", Name: "lantern-coast", Role: "station", Station: "lantern-coast",
					CreatedAt: exampleStart}}})}},
		{at: "DELETE /v1/tokens/:token", id: "revokeToken", tag: forSchedulers,
			summary: "Revoke an access token: from then on it opens nothing",
			answers: []answer{givesNothing(http.StatusNoContent, "It is revoked.")}},
	}
}

var manyAnswers = []answer{gives(http.StatusOK, "One result for each station and day.", wire.Page[wire.ManyResult]{
	Items: []wire.ManyResult{{Station: "lantern-coast", Date: exampleDate, Revision: 7, Items: 12}}})}
