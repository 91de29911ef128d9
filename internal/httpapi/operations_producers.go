package httpapi

import (
	"net/http"
	"reflect"

	"lifeline/internal/openapi"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

func producerOperations() []operation {
	const segments, segment = "/v1/segments", "/v1/segments/:segment"
	return []operation{
		{at: "POST " + segments, id: "uploadSegment", tag: forProducers, summary: "Upload a recording with its metadata",
			detail: "Takes the parts meta and audio in either order; with meta first, what is wrong with it is told before " +
				"the audio is sent. " +
				"Faults of the audio are the segment's state, not a failure of the upload.",
			query: []openapi.Parameter{{Name: "wait", Description: "How long to wait until the recording is analysed, such as " +
				"30s.",
				Schema: openapi.Match(durationPattern), Example: "30s"}},
			takes: []form{{mediaType: "multipart/form-data", goType: reflect.TypeFor[wire.Upload](), use: openapi.Request}},
			answers: []answer{gives(http.StatusCreated, "The segment, as far as it is analysed.", exampleSegmentNow, "Location",
				"ETag")},
			faults: map[int]string{http.StatusConflict: "The id is taken.",
				http.StatusInsufficientStorage: "No space is left."}},
		{at: "GET " + segments, id: "listSegments", tag: forProducers, summary: "Find segments",
			query: append([]openapi.Parameter{
				{Name: "q", Description: "Beginnings of words of the title, id, voice, series or tags, in any script: all of " +
					"them are there. What is written without spaces between words is found by any part of it.",
					Schema: openapi.String()},
				{Name: "kind", Description: "Of this kind.", Schema: openapi.OneOf(schedules.Kinds...)},
				{Name: "language", Description: "In this language.", Schema: openapi.String(), Example: "ko-KP"},
				{Name: "state", Description: "In this state.", Schema: openapi.OneOf(states...)},
				{Name: "script", Description: "Reading this script.", Schema: openapi.String()},
				{Name: "tag", Description: "With this tag.", Schema: openapi.String()},
				{Name: "sha256", Description: "With this recording.", Schema: openapi.Match(hashPattern)},
				{Name: "expiring_before", Description: "That may not air any more from this instant on.", Schema: instantSchema(),
					Example: "2023-12-01T00:00:00.000Z"},
			}, paged...),
			answers: []answer{gives(http.StatusOK, "One page of segments, by id.",
				wire.Page[schedules.Segment]{Items: []schedules.Segment{exampleSegment}})}},
		{at: "GET " + segment, id: "getSegment", tag: forProducers, summary: "One segment", known: true,
			detail: "While its recording is being analysed, analysis says how far that has come. airable_on are the stations " +
				"with a window that allows its language; " +
				"where it is empty, the segment never airs as the network is now. Languages match by RFC 4647: a window of ko " +
				"takes ko and ko-KP, one of ko-KP does " +
				"not take ko, and zxx goes anywhere. The ETag is that of the revision, which neither belongs to.",
			answers: []answer{gives(http.StatusOK, "The segment.", exampleSegmentNow)}},
		{at: "PATCH " + segment, id: "editSegment", tag: forProducers, summary: "Change a segment's metadata",
			match: matchNeeded,
			detail: "A merge patch (RFC 7396): what is left out stays, null empties. An approved segment that now says " +
				"something else awaits approval anew, " +
				"as does one that protects the persons in it less: no longer sensitive, or with a longer consent.",
			takes: takesPatch[wire.SegmentMeta](map[string]any{"title": "Letter to a sister, read again",
				"tags": []string{"appeal"}}),
			answers: []answer{gives(http.StatusOK, "The segment as it is now.", exampleChanged, "ETag")}},
		{at: "PUT " + segment + "/audio", id: "replaceAudio", tag: forProducers, summary: "Give a segment a new recording",
			match:  matchNeeded,
			detail: "The body is the recording. The old one stays known by its hash; the new one awaits approval.",
			takes: []form{{mediaType: "audio/mpeg", schema: openapi.String()}, {mediaType: "application/octet-stream",
				schema: openapi.String()}},
			answers: []answer{gives(http.StatusOK, "The segment with its new recording.", exampleChanged, "ETag")},
			faults: map[int]string{http.StatusConflict: "The segment is recalled.",
				http.StatusInsufficientStorage: "No space is left."}},
		{at: "GET " + segment + "/audio", id: "listen", tag: forProducers, summary: "A segment's recording",
			headers: []openapi.Parameter{rangeHeader},
			answers: audioAnswers("Content-Disposition"), faults: audioFaults},
		{at: "GET " + segment + "/waveform", id: "getWaveform", tag: forProducers, summary: "A segment's waveform, to draw",
			detail: "The JSON version 2 format of BBC audiowaveform.",
			answers: []answer{gives(http.StatusOK, "Pairs of least and most sample values, pixel by pixel.",
				wire.Waveform{Version: 2, Channels: 1, SampleRate: 24000, SamplesPerPixel: 256, Bits: 8, Length: 3,
					Data: []int{-3, 4, -60, 58, -2, 2}})}},
		act("approve", "Let a pending segment go to air", "Whoever uploaded it, or reinstated it, cannot approve it. A "+
			"recording with the warning silent or very_quiet is refused (409) unless accept_warnings is true.",
			takesJSON(wire.Approval{Reason: "heard from end to end"})),
		act("reject", "Keep a segment off the air", "Needs a reason, which its producer sees.", because),
		act("recall", "Take a segment off the air everywhere, now", "Needs a reason. The segment leaves every queue, "+
			"frozen or not, and every station is told.", because),
		act("reinstate", "End a recall", "Needs a reason. Stations go on refusing the segment until another person has "+
			"approved it.", because),
		{at: "GET /v1/scripts", id: "listScripts", tag: forProducers, summary: "All scripts", query: paged,
			answers: []answer{gives(http.StatusOK, "One page of scripts, by id.",
				wire.Page[schedules.Script]{Items: []schedules.Script{exampleScript}})}},
		{at: "GET /v1/scripts/:script", id: "getScript", tag: forProducers, summary: "One script with its versions",
			known:   true,
			answers: []answer{gives(http.StatusOK, "The script.", exampleScript)}},
		{at: "PUT /v1/scripts/:script", id: "putScript", tag: forProducers, summary: "Make or change a script",
			match: matchTaken,
			takes: takesJSON(exampleScript), answers: puts(exampleScript), faults: putFaults},
		{at: "GET /v1/scripts/:script/missing", id: "listMissingReadings", tag: forProducers,
			summary: "What of a script must be recorded anew",
			answers: []answer{gives(http.StatusOK, "Passages that no approved reading speaks as they now read.",
				wire.Page[schedules.ToRecord]{
					Items: []schedules.ToRecord{{Script: "appeal", Version: 3, Passage: 2, Language: "ko-KP",
						Why: "nobody has read it"}}})}},
		{at: "GET /v1/scripts/:script/exposure", id: "getExposure", tag: forProducers,
			summary: "Which passages of a script reached whom, and when",
			answers: []answer{gives(http.StatusOK, "By passage, station and language.",
				wire.Page[schedules.Exposure]{Items: []schedules.Exposure{
					{Script: "appeal", Passage: 1, Station: "lantern-coast", Language: "ko-KP",
						Airings: []schedules.Instant{exampleStart}}}})}},
	}
}

// because is the body of acts that say why.
var because = takesJSON(wire.Reason{Reason: "the family is in danger"})

// act is one of the acts that move a segment from state to state.
func act(name, summary, detail string, takes []form) operation {
	return operation{at: "POST /v1/segments/:segment/" + name, id: name + "Segment", tag: forProducers, summary: summary,
		detail: detail,
		match:  matchTaken, takes: takes, lenient: true,
		answers: []answer{gives(http.StatusOK, "The segment as it is now.", exampleChanged, "ETag")},
		faults: map[int]string{http.StatusConflict: "The segment's state does not allow it.",
			http.StatusForbidden: "The role, or this person, may not."}}
}

// audioAnswers are a recording whole, or the range of it that was asked for.
func audioAnswers(headers ...string) []answer {
	headers = append(headers, "ETag", "Repr-Digest", "Accept-Ranges")
	return []answer{
		givesBytes("audio/mpeg", http.StatusOK, "The recording.", headers...),
		{http.StatusPartialContent, "The range that was asked for, or several.",
			[]form{{mediaType: "audio/mpeg", schema: openapi.String()},
				{mediaType: "multipart/byteranges", schema: openapi.String()}}, append(headers, "Content-Range")},
		givesNothing(http.StatusNotModified, "The caller has the recording already.", "ETag"),
	}
}

var audioFaults = map[int]string{http.StatusRequestedRangeNotSatisfiable: "The recording has no such range.",
	http.StatusPreconditionFailed: "If-Match does not name the recording."}

// puts are the answers to a document that was put.
func puts[T any](example T) []answer {
	return []answer{gives(http.StatusOK, "It is as it was sent.", example, "ETag"),
		gives(http.StatusCreated, "It is there now, and was not before.", example, "ETag", "Location")}
}

var putFaults = map[int]string{http.StatusPreconditionRequired: "It exists, and If-Match is missing."}
