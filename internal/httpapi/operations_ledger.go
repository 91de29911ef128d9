package httpapi

import (
	"net/http"

	"lifeline/internal/openapi"
	"lifeline/internal/record"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// ledgerOperations are those on what aired, what is owed, and the proof of both.
func ledgerOperations() []operation {
	const station = "/v1/stations/:station"
	ofStation := openapi.Parameter{Name: "station", Description: "Of this station.", Schema: openapi.String()}
	noStation := map[int]string{http.StatusNotFound: "There is no such station, or no such segment."}
	days := []openapi.Parameter{
		{Name: "from", Description: "The first broadcast day.", Schema: dateSchema(), Example: "2023-10-01"},
		{Name: "to", Description: "The day after the last; at most 400 days later.", Schema: dateSchema(),
			Example: "2023-11-01"}}
	span := func(name, says string) openapi.Parameter {
		return openapi.Parameter{Name: name, Description: says, Schema: instantSchema()}
	}
	reportFaults := map[int]string{http.StatusNotFound: noStation[http.StatusNotFound],
		http.StatusNotAcceptable: "Accept names none of the forms."}
	counts := schedules.TallyCounts{Planned: 3, Aired: 2, Missed: 1, MadeGood: 1, PlannedMs: schedules.Ms(1379040),
		AiredMs: schedules.Ms(919360)}
	owed := wire.OwedAiring{MakeGood: schedules.MakeGood{ID: "mg-" + exampleItem.ID, Station: "lantern-coast",
		SegmentID: "reading-ko-full-hana", ItemID: exampleItem.ID,
		MissedAt: exampleStart}, Revision: 1, Date: exampleDate, Verdict: schedules.Missed, State: wire.MakeGoodPlanned,
		By: &wire.MadeGoodBy{Date: exampleDate.AddDays(1), ItemID: "1b7d0f3c9a5e2468", StartAt: examplePlus(24)}}
	head := wire.ChainHead{Station: "lantern-coast", Number: 1, SHA256: exampleHash}
	link := wire.SealedLink{Link: wire.Link{Schema: wire.LinkSchema, Station: "lantern-coast", Number: 1,
		SealedAt: exampleStart, Kind: wire.LinkQueue, Date: exampleDate,
		Revision: 7, Queue: exampleHash, Rundown: exampleHash},
		Envelope: []byte(`{"payloadType":"application/vnd.lifeline.link+json"}`)}
	person := wire.Person{ID: "p17", Segments: []wire.PersonSegment{{ID: "reading-ko-full-hana", Kind: "reading",
		State: schedules.Recalled}}, Recalls: 3,
		Stations: []wire.PersonStation{{Station: "lantern-coast", Acknowledged: true, LastContact: exampleStart}}}
	return []operation{
		{at: "GET /v1/persons/:person", id: "getPerson", tag: forProducers, summary: "What names a person, and which " +
			"stations have it off the air",
			detail: "off_by is the worst case: a station that has not acknowledged the recall may hold any revision that was " +
				"ever published, and its fallback.",
			answers: []answer{gives(http.StatusOK, "How it stands.", person)}},
		{at: "POST /v1/persons/:person/recall", id: "recallPerson", tag: forProducers,
			summary: "Take everything that names a person off the air, now",
			detail: "All of it in one act, with what airs in one chain with it. Each segment is reinstated by itself: by one " +
				"person, and approved by another.",
			takes: takesJSON(wire.Reason{Reason: "the family is in danger"}), lenient: true,
			answers: []answer{gives(http.StatusOK, "How it stands.", person)},
			faults:  map[int]string{http.StatusConflict: "All of it is recalled already."}},
		{at: "GET /v1/segments/:segment/airings", id: "listAirings", tag: forProducers,
			summary: "Every place of a segment, and what became of it",
			detail: "Of published queues of days past and to come, by station and time, and its airings without a place. " +
				"Default: from four weeks ago to two weeks ahead.",
			query: append(append([]openapi.Parameter{ofStation}, days...), paged...), faults: noStation,
			answers: []answer{gives(http.StatusOK, "One page.", wire.Page[schedules.AiringRecord]{
				Items: []schedules.AiringRecord{{Station: "lantern-coast", Date: exampleDate, Window: "evening",
					ItemID: exampleItem.ID, SegmentID: "reading-ko-full-hana", Title: "The appeal, whole", Language: "ko-KP",
					PlannedAt: exampleStart, Planned: exampleItem.Duration,
					StartedAt: exampleStart, EndedAt: schedules.At(exampleStart.Add(exampleItem.Duration.Duration)),
					AiredMs: exampleItem.Duration, Outcome: schedules.AsPlanned}}})}},
		{at: "GET /v1/reports/airings", id: "reportAirings", tag: forSchedulers,
			summary: "What was planned, aired, missed and made good",
			detail: "As JSON, as CSV or as a page to print, as Accept says. An airing of several passages, or within several " +
				"campaigns, counts in the row of each, and once in the totals. Default: the last week.",
			query: append([]openapi.Parameter{
				{Name: "group", Description: "What to count by: some of segment, campaign, script, passage, language, station " +
					"and day, with commas between. Default: segment.",
					Schema: openapi.Match(
						`^(segment|campaign|script|passage|language|station|day)(,(segment|campaign|script|passage|language|station|day))*$`),
					Example: "script,passage,language"},
				ofStation,
				{Name: "segment", Description: "Of this segment.", Schema: openapi.String()},
				{Name: "campaign", Description: "Within this campaign.", Schema: openapi.String()},
				{Name: "script", Description: "Of readings of this script.", Schema: openapi.String()},
				{Name: "passage", Description: "Of readings of this passage.", Schema: openapi.Integer().AtLeast(1)},
				{Name: "language", Description: "In this language: ko is of ko-KP, too.", Schema: openapi.String()}}, days...),
			faults: reportFaults,
			answers: []answer{{status: http.StatusOK, says: "The report.", forms: []form{
				gives(http.StatusOK, "", wire.AiringReport{From: exampleDate, To: exampleDate.AddDays(1),
					Group: []string{"segment"}, MadeAt: exampleStart, Totals: counts,
					Rows: []schedules.TallyRow{{TallyKey: schedules.TallyKey{Segment: "reading-ko-full-hana"},
						Title: "The appeal, whole", TallyCounts: counts}}}).forms[0],
				{mediaType: "text/csv", schema: openapi.String()}, {mediaType: "text/html", schema: openapi.String()}}}}},
		{at: "GET /v1/make-goods", id: "listMakeGoods", tag: forSchedulers,
			summary: "What stations missed and owe, and what has become of it",
			detail: "What is open comes first, by station; what has aired or was waived after it. A miss is looked for " +
				"within minutes, and before every plan.",
			query: append([]openapi.Parameter{ofStation, {Name: "state", Description: "In this state.",
				Schema: openapi.OneOf(record.MakeGoodStates...)}}, paged...), faults: noStation,
			answers: []answer{gives(http.StatusOK, "One page.", wire.Page[wire.OwedAiring]{Items: []wire.OwedAiring{owed}})}},
		{at: "POST " + station + "/make-goods/:make_good/waive", id: "waiveMakeGood", tag: forSchedulers,
			summary: "Owe an airing no longer",
			takes:   takesJSON(wire.Reason{Reason: "out of date"}), lenient: true,
			answers: []answer{gives(http.StatusOK, "What was owed.", owed)},
			faults:  map[int]string{http.StatusConflict: "It has aired, or was waived before."}},
		{at: "GET " + station + "/chain", id: "listChain", tag: forSchedulers,
			summary: "The chain that seals a station's record",
			detail: "One signed link for every publication and every day of as-run reports. Each names the one before by the " +
				"SHA-256 of its envelope, so that whoever has the public key can see what was changed.",
			query: paged, answers: []answer{gives(http.StatusOK, "One page of links, by number, and how far the chain has come.",
				wire.ChainPage{Page: wire.Page[wire.SealedLink]{Items: []wire.SealedLink{link}}, Head: head})}},
		{at: "GET " + station + "/chain/records", id: "listChainRecords", tag: forSchedulers,
			summary: "What a station reported, byte for byte",
			detail: "As the links of the chain seal it: their hash is of each record's sequence, instant, length (64 bits " +
				"each, big endian) and body, by sequence.",
			query: append([]openapi.Parameter{span("from", "The first instant. Default: since ever."),
				required(span("to", "The instant after the last."))}, paged...),
			answers: []answer{gives(http.StatusOK, "One page of records, by sequence.",
				wire.Page[wire.ChainRecord]{Items: []wire.ChainRecord{
					{Sequence: 17, AtMs: exampleStart.UnixMilli(), Body: []byte(`{"sequence":17}`)}}})}},
	}
}

func required(p openapi.Parameter) openapi.Parameter {
	p.Required = true
	return p
}
