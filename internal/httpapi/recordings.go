package httpapi

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"mime"
	"net/http"
	"regexp"

	"lifeline/internal/access"
	"lifeline/internal/fault"
	"lifeline/internal/httpapi/apidoc"
	"lifeline/internal/openapi"
	"lifeline/internal/wire"
)

// recordingHandlers serve the recordings of segments.
type recordingHandlers struct{ *Parts }

func (a recordingHandlers) routes() []route {
	return []route{
		{a.replaceAudio, apidoc.Route{Method: http.MethodPut, Path: "/v1/segments/:segment/audio", Roles: producing,
			Confirmed: true, ID: replaceAudio, Tag: apidoc.ForProducers, Summary: replacesRecording,
			Match: apidoc.MatchNeeded, Headers: []openapi.Parameter{digestParameter},
			Detail: "The body is the recording. The old recording stays available by its hash. The new one needs approval." +
				approvedConfirmed,
			Takes: []apidoc.Body{{MediaType: "audio/mpeg", Schema: openapi.String()}, {MediaType: "application/octet-stream",
				Schema: openapi.String()}},
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "The segment with its new recording.", exampleChanged, "ETag")},
			Faults: map[int]string{http.StatusConflict: "The segment is recalled.",
				http.StatusInsufficientStorage: "The service has no space left."}}},
		{a.segmentAudio, apidoc.Route{Method: http.MethodGet, Path: "/v1/segments/:segment/audio", Roles: people,
			ID: "listen", Tag: apidoc.ForProducers, Summary: "Get the recording of a segment",
			Headers: []openapi.Parameter{rangeHeader},
			Answers: audioAnswers("Content-Disposition"), Faults: audioFaults}},
		{a.waveform, apidoc.Route{Method: http.MethodGet, Path: "/v1/segments/:segment/waveform", Roles: people,
			ID: "getWaveform", Tag: apidoc.ForProducers, Summary: "Get the waveform of a segment",
			Detail: "The answer has version 2 of the JSON format of BBC audiowaveform.",
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "For each pixel the lowest and the highest sample value.",
				wire.Waveform{Version: 2, Channels: 1, SampleRate: 24000, SamplesPerPixel: 256, Bits: 8, Length: 3,
					Data: []int{-3, 4, -60, 58, -2, 2}})}}},
		{a.audio, apidoc.Route{Method: http.MethodGet, Path: "/v1/audio/:file", Signed: true, Roles: everybody,
			ID: "getAudio", Tag: apidoc.ForStations, Summary: "Get a recording by its hash",
			Headers: []openapi.Parameter{rangeHeader},
			Detail:  "A station may fetch only the recordings that its queues and its fallback name.",
			Answers: audioAnswers(), Faults: audioFaults}},
	}
}

// replaceAudio takes the body as a segment's new recording.
func (a recordingHandlers) replaceAudio(c *call) error {
	revision, err := c.mustMatch()
	if err != nil {
		return err
	}
	if t, _, _ := mime.ParseMediaType(c.r.Header.Get("Content-Type")); t != "audio/mpeg" &&
		t != "application/octet-stream" && t != "" {
		return fault.New(fault.Unsupported, "send the recording as audio/mpeg")
	}
	announced, err := digestOf(c.r)
	if err != nil {
		return err
	}
	if _, err := a.Library.Segments.Get(c.param("segment")); err != nil {
		return err
	}
	release, err := a.Library.Recordings.Reserve(c.actor, c.r.ContentLength)
	if err != nil {
		return err
	}
	patient(c)
	received, err := a.Library.Recordings.Receive(c.r.Context(), c.r.Body)
	if err == nil && announced != "" && announced != received.SHA256() {
		err = fault.Fields(fault.Field{Field: digestHeader, Message: "is not that of the bytes that arrived: their SHA-256 " +
			"is " + received.SHA256()})
	}
	if err != nil {
		release()
		return uploadFault(err)
	}
	s, err := a.Library.Segments.Replace(c.r.Context(), c.actor, c.param("segment"), revision, received)
	if err != nil {
		release()
	}
	return a.changed(c, s, err)
}

func (a recordingHandlers) segmentAudio(c *call) error {
	s, err := a.Library.Segments.Get(c.param("segment"))
	if err != nil {
		return err
	}
	if s.Recording == nil {
		return fault.New(fault.NotFound, "segment %q has no recording", s.ID)
	}
	if err := a.hear(c, "segment.listen", s); err != nil {
		return err
	}
	c.w.Header().Set("Content-Disposition", fmt.Sprintf("inline; filename=%q", s.ID+".mp3"))
	return a.serve(c, s.Recording.SHA256, "private, no-cache")
}

func (a recordingHandlers) waveform(c *call) error {
	s, err := a.Library.Segments.Get(c.param("segment"))
	if err != nil {
		return err
	}
	if s.Recording == nil {
		return fault.New(fault.NotFound, "segment %q has no recording", s.ID)
	}
	if err := a.hear(c, "segment.waveform", s); err != nil {
		return err
	}
	b, err := a.Library.Recordings.Waveform(c.r.Context(), s.Recording.SHA256)
	if err != nil {
		return err
	}
	return c.bytes(http.StatusOK, "application/json", b)
}

var audioFile = regexp.MustCompile(`^([0-9a-f]{64})\.mp3$`)

// audioHash returns the hash in the path; empty if there is none.
func audioHash(c *call) string {
	if m := audioFile.FindStringSubmatch(c.param("file")); m != nil {
		return m[1]
	}
	return ""
}

// audio serves a recording by its hash. A station, by its token or by a signed address, may fetch only recordings in
// its current queues and fallback: a recording that was removed from them is not found, even by a fresh address.
func (a recordingHandlers) audio(c *call) error {
	sha256 := audioHash(c)
	if sha256 == "" || c.actor.Role == access.StationJob && !a.Scheduler.Lists.StationHears(c.actor.Station, sha256) {
		return fault.New(fault.NotFound, "the recording does not exist")
	}
	if err := a.hear(c, "segment.listen", a.Library.Segments.Having(sha256)...); err != nil {
		return err
	}
	cache := "private, max-age=31536000, immutable"
	if by, err := a.Access.Hearer(c.actor); err != nil || by.Role != access.StationJob {
		cache = "private, no-cache" // the caller's right to hear it may end
	}
	return a.serve(c, sha256, cache)
}

// serve answers with a recording's bytes, whole or in ranges.
func (a recordingHandlers) serve(c *call, sha256, cache string) error {
	content, _, err := a.Library.Recordings.Open(c.r.Context(), sha256)
	if err != nil {
		return err
	}
	defer content.Close()
	sum, err := hex.DecodeString(sha256)
	if err != nil {
		return err
	}
	h := c.w.Header()
	h.Set("Content-Type", "audio/mpeg")
	h.Set("Cache-Control", cache)
	h.Set("ETag", `"`+sha256+`"`)
	h.Set("Repr-Digest", "sha-256=:"+base64.StdEncoding.EncodeToString(sum)+":")
	return serveContent(c, content)
}

// audioAnswers are the answers for a whole recording, and for a range of it.
func audioAnswers(headers ...string) []apidoc.Answer {
	headers = append(headers, "ETag", "Repr-Digest", "Accept-Ranges")
	return []apidoc.Answer{
		apidoc.GivesBytes("audio/mpeg", http.StatusOK, "The recording.", headers...),
		{Status: http.StatusPartialContent, Says: "The requested range or ranges.",
			Bodies: []apidoc.Body{{MediaType: "audio/mpeg", Schema: openapi.String()},
				{MediaType: "multipart/byteranges", Schema: openapi.String()}},
			Headers: append(headers, "Content-Range")},
		apidoc.GivesNothing(http.StatusNotModified, "The caller already has the recording.", "ETag"),
	}
}

var audioFaults = map[int]string{http.StatusRequestedRangeNotSatisfiable: "The recording has no such range.",
	http.StatusPreconditionFailed: "If-Match does not name the recording."}

var rangeHeader = openapi.Parameter{Name: "Range", In: "header", Schema: openapi.String(),
	Description: "The bytes to return, such as bytes=0-1023."}
