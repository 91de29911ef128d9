package httpapi

import (
	"net/http"
	"strings"

	"lifeline/internal/kinds"
	"lifeline/internal/openapi"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// windowForms are the forms of a rendered window.
func windowForms() (forms []form) {
	for _, ending := range []string{"wav", "flac"} {
		forms = append(forms, form{mediaType: windowTypes[ending], schema: openapi.String()})
	}
	return forms
}

func stationOperations() []operation {
	const station = "/v1/stations/:station"
	day := []openapi.Parameter{dateParameter, waitParameter}
	return []operation{
		{at: "GET " + station + "/queue", id: "getQueue", tag: forStations, summary: "The published queue of a day",
			query: day, known: true,
			detail:  "With wait and If-None-Match the request is held until there is a change. Compressed when asked.",
			answers: []answer{gives(http.StatusOK, "The queue: exactly the bytes that are signed.", exampleQueue)}},
		{at: "GET " + station + "/queue.dsse", id: "getSignedQueue", tag: forStations,
			summary: "The queue in its signed envelope", query: day, known: true,
			detail:  "A DSSE envelope; its payload is exactly the bytes of the queue, its type " + wire.QueueType + ".",
			answers: []answer{givesAs(envelopeType, http.StatusOK, "The envelope.", exampleEnvelope)}},
		{at: "GET " + station + "/fallback", id: "getFallback", tag: forStations,
			summary: "What the station airs without a valid queue",
			query:   []openapi.Parameter{waitParameter}, known: true,
			answers: []answer{gives(http.StatusOK, "The windows of the coming days, and the list.",
				wire.Fallback{Schema: wire.FallbackSchema, Station: "lantern-coast", Timezone: "Asia/Tashkent", Revision: 2,
					IssuedAt: exampleStart, ExpiresAt: examplePlus(30 * 24), Windows: []schedules.Occurrence{exampleSlot.Occurrence},
					Items: []wire.QueueItem{}, Recalled: []string{}})}},
		{at: "GET " + station + "/fallback.dsse", id: "getSignedFallback", tag: forStations,
			summary: "The fallback in its signed envelope",
			query:   []openapi.Parameter{waitParameter}, known: true, answers: []answer{givesAs(envelopeType, http.StatusOK,
				"The envelope.", exampleEnvelope)}},
		{at: "GET " + station + "/lease.dsse", id: "getSignedLease", tag: forStations,
			summary: "A fresh lease to air what is sensitive", query: []openapi.Parameter{nonceParameter},
			detail: "A DSSE envelope of type " + wire.LeaseType + `; its payload is {"schema":"` + wire.LeaseSchema +
				`","station","nonce","issued_at","expires_at","segments":[ids]}. ` +
				"The lease names the nonce of the request. A player takes one only in answer to its own request, and starts, or " +
				"rejoins, an item with sensitive: true only if a lease that it verified names its segment and holds at that " +
				"moment, by the service's clock, " +
				"which setting its own clock back must not move. It airs its fallback otherwise, renews after a third of the " +
				"lease's time, and keeps the latest through a restart. " +
				"What is on the air when the lease ends may end, unless it was recalled. Bundles have no lease; lists of items " +
				"and rendered windows have the fallback in place of what is sensitive.",
			answers: []answer{givesAs(envelopeType, http.StatusOK, "The envelope.", exampleLease)}},
		{at: "GET " + station + "/freshness.dsse", id: "getSignedFreshness", tag: forStations,
			summary: "The service's time and the newest revisions, signed",
			query:   []openapi.Parameter{nonceParameter},
			detail: "A DSSE envelope of type " + wire.FreshnessType + `; its payload is {"schema":"` + wire.FreshnessSchema +
				`","station","nonce","at","recalls_revision","fallback_revision","queue_revisions":{date:revision}}. ` +
				"A station corrects its clock by nothing else, and believes it only if it names the nonce of the station's own " +
				"request. The time lies between the request and the answer. " +
				"A station that has had none for some time, or that cannot get a revision that one named, is being kept from news.",
			answers: []answer{givesAs(envelopeType, http.StatusOK, "The envelope.", exampleFreshness)}},
		{at: "GET " + station + "/windows/:window/:rendered", id: "getWindow", tag: forStations,
			summary: "A whole published window as one file",
			detail: "For sites that only take a file: what the player would put out without a lease, sample for sample, as " +
				"16-bit stereo: in place of what is sensitive airs the fallback. It is made with the first request and sent " +
				"while it " +
				"is made; until it is whole, the length of a FLAC is not known and it has no ranges. A file that changes while " +
				"it is read breaks off: ask again.",
			query: []openapi.Parameter{{Name: "start_at", Description: "When the window starts, where it starts several times " +
				"a day.", Schema: instantSchema(),
				Example: exampleStart}},
			headers: []openapi.Parameter{rangeHeader},
			answers: []answer{
				{http.StatusOK, "The file.", windowForms(), []string{"ETag", "Accept-Ranges"}},
				{http.StatusPartialContent, "The range that was asked for, or several.",
					append(windowForms(), form{mediaType: "multipart/byteranges", schema: openapi.String()}),
					[]string{"ETag", "Accept-Ranges", "Content-Range"}},
				givesNothing(http.StatusNotModified, "The caller has the file already.", "ETag"),
			},
			faults: map[int]string{http.StatusRequestedRangeNotSatisfiable: "The file has no such range.",
				http.StatusPreconditionFailed:    "If-Match does not name the file.",
				http.StatusRequestEntityTooLarge: "A WAV cannot hold so long a window: ask for .flac.",
				http.StatusInsufficientStorage:   "There is no space to render it.",
				http.StatusGone:                  "The window was changed meanwhile."}},
		{at: "POST " + station + "/as-run", id: "reportAsRun", tag: forStations, summary: "Report what aired",
			detail: "Repeats are harmless: the first entry of a sequence counts. An entry that makes no sense, or tells of " +
				"what is still to come, is rejected by itself, and may be sent again.",
			takes: takesJSON(wire.AsRunReport{Entries: []schedules.AsRun{{Sequence: 17, ItemID: exampleItem.ID,
				SegmentID: exampleItem.SegmentID, SHA256: exampleHash,
				StartedAt: exampleStart, EndedAt: examplePlus(1), Outcome: schedules.Aired}}}),
			answers: []answer{gives(http.StatusOK, "What became of each entry, in its order.",
				wire.AsRunResults{Results: []wire.AsRunResult{{Sequence: 17, Status: "accepted"}}})}},
		{at: "GET " + station + "/as-run", id: "listAsRun", tag: forStations, summary: "What a station reported for a day",
			query: []openapi.Parameter{dateParameter},
			answers: []answer{gives(http.StatusOK, "The entries, by sequence.",
				wire.Page[schedules.AsRun]{Items: []schedules.AsRun{{Sequence: 17, ItemID: exampleItem.ID,
					SegmentID: exampleItem.SegmentID, SHA256: exampleHash, StartedAt: exampleStart, EndedAt: examplePlus(1),
					Outcome: schedules.Aired}}})}},
		{at: "POST " + station + "/status", id: "reportStatus", tag: forStations, summary: "Report how the station stands",
			takes: takesJSON(wire.Status{QueueDate: "2023-10-27", QueueRevision: 7, RecallsSeen: 2, AudioVerified: 40,
				CoverHours: 71.5, PlayerVersion: "1.0"}),
			answers: []answer{givesNothing(http.StatusNoContent, "Noted.")}},
		{at: "GET " + station + "/status", id: "getStatus", tag: forStations, summary: "How a station last said it stands",
			answers: []answer{gives(http.StatusOK, "Its own words, and when they arrived.", wire.Status{Station: "lantern-coast",
				ReceivedAt: exampleStart, QueueRevision: 7, CoverHours: 71.5, PlayerVersion: "1.0"})}},
		{at: "GET /v1/status", id: "listStatus", tag: forSchedulers, summary: "How every station last said it stands",
			query:  paged,
			detail: "One that has said nothing has a received_at of null.",
			answers: []answer{gives(http.StatusOK, "One page, by station.", wire.Page[wire.Status]{Items: []wire.Status{
				{Station: "lantern-coast", ReceivedAt: exampleStart, QueueDate: "2023-10-27", QueueRevision: 7,
					PublishedRevision: 7, CoverHours: 71.5, PlayerVersion: "1.0"}}})}},
		{at: "GET /v1/alarms", id: "listAlarms", tag: forSchedulers, summary: "What is wrong now and needs a person",
			detail: "Webhooks whose receivers have failed for a quarter of an hour, or that were given up, what stations' " +
				"players say is wrong with them, and what stands against stations. Each is gone once it is over.",
			answers: []answer{gives(http.StatusOK, "All of them.",
				wire.Page[wire.Alarm]{Items: []wire.Alarm{{Code: wire.AlarmWebhookFailing, Subject: "newsroom", Since: exampleStart,
					Error: "answered 503 Service Unavailable", Waiting: 12, Message: "webhook newsroom is not reached since " +
						"2023-10-27T13:09:25.000Z: answered 503 Service Unavailable; 12 changes wait"}}})}},
		{at: "GET /v1/recalls", id: "getRecalls", tag: forStations, summary: "The signed list of recalled segments",
			query: []openapi.Parameter{waitParameter}, known: true,
			answers: []answer{gives(http.StatusOK, "The list, readable, with the envelope that signs it.",
				wire.Recalls{Schema: wire.RecallsSchema, Revision: 3, IssuedAt: exampleStart,
					Segments: []wire.Recalled{{SegmentID: "letter-ko-sister", SHA256: exampleHash, RecalledAt: exampleStart}},
					Envelope: &exampleEnvelope})}},
		{at: "GET /v1/changes", id: "followChanges", tag: forStations, summary: "Follow changes as they happen",
			detail: "Server-sent events, each with a change as JSON, its id and one of the names " +
				strings.Join(kinds.All.ChangeNames(), ", ") + ". " +
				"Resumable by Last-Event-ID or since; an event reset means that some are no longer kept: list again. A comment " +
				"every 15 s says that the stream lives.",
			query: []openapi.Parameter{{Name: "since", Description: "Id of the last change that the caller has. Default: " +
				"from now on.", Schema: openapi.Integer().AtLeast(0)}},
			headers: []openapi.Parameter{{Name: "Last-Event-ID", In: "header", Description: "As since, and before it.",
				Schema: openapi.Integer().AtLeast(0)}},
			answers: []answer{{status: http.StatusOK, says: "The stream.", forms: []form{{mediaType: "text/event-stream",
				schema: openapi.String(),
				example: "id: 42\nevent: queue\ndata: " +
					"{\"id\":42,\"kind\":\"queue\",\"name\":\"lantern-coast/2023-10-27\",\"revision\":7,\"at\":\"2023-10-27T12:00:00.000Z\"}\n\n"}}}}},
		{at: "GET /v1/audio/:file", id: "getAudio", tag: forStations, summary: "A recording by its hash",
			headers: []openapi.Parameter{rangeHeader},
			detail:  "A station may fetch what its queues and its fallback name, and nothing else.",
			answers: audioAnswers(), faults: audioFaults},
		{at: "GET /v1/time", id: "getTime", tag: forStations, summary: "The server's clock, not signed",
			answers: []answer{gives(http.StatusOK, "Now.", wire.Time{Now: exampleStart, NowMs: exampleStart.UnixMilli()})}},
		{at: "GET /v1/keys", id: "listKeys", tag: forStations, summary: "The public keys that queues are signed with",
			answers: []answer{gives(http.StatusOK, "The keys. Stations pin them.",
				wire.Keys{Keys: []wire.Key{{ID: "9f2c51d07be3a846", Algorithm: "ed25519",
					PublicKey: "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="}}})}},
	}
}
