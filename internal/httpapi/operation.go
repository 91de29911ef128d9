package httpapi

import (
	"net/http"
	"reflect"
	"strings"

	"lifeline/internal/openapi"
)

// operation documents one route: what it takes and what it answers. What follows from the route itself (the parts of
// its path, who may, how any call can fail) is added when the document is made.
type operation struct {
	at      string // method and path, as the table of routes has them
	id      string // by which client generators name it
	tag     string
	summary string
	detail  string
	query   []openapi.Parameter
	headers []openapi.Parameter
	match   match
	known   bool   // answers an ETag, and 304 to who has it
	takes   []form // one body, by media type; none: no body
	lenient bool   // the body may be left out
	answers []answer
	faults  map[int]string // failures of its own, and when they come
}

// match says what an operation makes of If-Match.
type match int

const (
	matchIgnored match = iota
	matchTaken         // honours it
	matchNeeded        // and refuses to go without (428)
)

// form is one form of a body.
type form struct {
	mediaType string
	goType    reflect.Type // nil: bytes or text that schema describes
	use       openapi.Use
	schema    *openapi.Schema
	example   any
}

// answer is one outcome that is no failure.
type answer struct {
	status  int
	says    string
	forms   []form
	headers []string // of answerHeaders
}

// takesJSON is a JSON body that is decoded into a T.
func takesJSON[T any](example T) []form {
	return []form{{mediaType: "application/json", goType: reflect.TypeFor[T](), use: openapi.Request, example: example}}
}

// takesPatch is a merge patch (RFC 7396) of a T.
func takesPatch[T any](example map[string]any) []form {
	f := form{goType: reflect.TypeFor[T](), use: openapi.Patch, example: example}
	merge := f
	merge.mediaType, f.mediaType = "application/merge-patch+json", "application/json"
	return []form{merge, f}
}

// gives is an answer whose JSON body is a T.
func gives[T any](status int, says string, example T, headers ...string) answer {
	return givesAs("application/json", status, says, example, headers...)
}

func givesAs[T any](mediaType string, status int, says string, example T, headers ...string) answer {
	return answer{status, says, []form{{mediaType: mediaType, goType: reflect.TypeFor[T](), example: example}}, headers}
}

// givesBytes is an answer of bytes that no JSON schema describes.
func givesBytes(mediaType string, status int, says string, headers ...string) answer {
	return answer{status, says, []form{{mediaType: mediaType, schema: openapi.String()}}, headers}
}

// givesNothing is an answer without a body.
func givesNothing(status int, says string, headers ...string) answer {
	return answer{status: status, says: says, headers: headers}
}

// operations is the documentation of every route, in the order in which it is read.
func operations() []operation {
	var out []operation
	for _, part := range [][]operation{uploadOperations(), listOperations(), feedOperations(), producerOperations(),
		schedulerOperations(), ledgerOperations(), stationOperations(), webhookOperations(), everybodyOperations()} {
		out = append(out, part...)
	}
	return out
}

// The tags: who an operation is for.
const (
	forProducers  = "producers"
	forSchedulers = "schedulers"
	forStations   = "stations"
	forEverybody  = "everybody"
)

var tags = []openapi.Tag{
	{Name: forProducers, Description: "Upload recordings, describe them, let them go to air, take them off it. Scripts " +
		"and what has been read of them."},
	{Name: forSchedulers, Description: "Stations, clocks and campaigns; plan, edit and publish days; compare them with " +
		"what aired."},
	{Name: forStations, Description: "Pull the signed queue and its audio, follow changes, report what aired."},
	{Name: forEverybody, Description: "How the service is and what it can do."},
}

// answerHeaders are the headers that answers name.
var answerHeaders = map[string]*openapi.Header{
	"ETag": {Description: "The resource's revision, or a recording's hash, in quotes.",
		Schema: openapi.String()},
	"Location": {Description: "Path of what was made.", Schema: openapi.String()},
	"X-Request-Id": {Description: "Names this request in the service's log and audit trail.",
		Schema: openapi.String()},
	"Retry-After":      {Description: "Seconds to wait before the next try.", Schema: openapi.Integer()},
	"Allow":            {Description: "The methods that this path takes.", Schema: openapi.String()},
	"Content-Range":    {Description: "Which bytes of how many.", Schema: openapi.String()},
	"Accept-Ranges":    {Description: "bytes", Schema: openapi.String()},
	"Repr-Digest":      {Description: "SHA-256 of the whole recording (RFC 9530).", Schema: openapi.String()},
	"WWW-Authenticate": {Description: "How to say who asks.", Schema: openapi.String()},
	"Content-Location": {Description: "Path of the segment that an upload became.", Schema: openapi.String()},
	"Upload-Offset":    {Description: "Bytes that have arrived.", Schema: openapi.Integer()},
	"Upload-Length":    {Description: "Bytes of the whole.", Schema: openapi.Integer()},
	"Upload-Expires": {Description: "When the upload is given up if nothing more comes.",
		Schema: openapi.String()},
	"Upload-Metadata":        {Description: "As it was sent.", Schema: openapi.String()},
	"Tus-Resumable":          {Description: "The version of tus that is spoken.", Schema: openapi.String()},
	"Tus-Version":            {Description: "The versions of tus that are spoken.", Schema: openapi.String()},
	"Tus-Extension":          {Description: "The extensions of tus that are spoken.", Schema: openapi.String()},
	"Tus-Checksum-Algorithm": {Description: "For the checksum of a piece.", Schema: openapi.String()},
	"Tus-Max-Size":           {Description: "Bytes of the largest recording.", Schema: openapi.Integer()},
	"Content-Disposition":    {Description: "A file name for whoever saves it.", Schema: openapi.String()},
}

// failures are all the ways in which a route can fail, by status.
func failures(r route, o operation) map[int]string {
	out := map[int]string{}
	if !r.open {
		out[http.StatusUnauthorized] = "No access token, or none that is valid."
		out[http.StatusTooManyRequests] = "Too fast; Retry-After says when to try again."
		out[http.StatusUnprocessableEntity] = "The input is wrong: errors names every field."
		if len(r.roles) < len(everybody) {
			out[http.StatusForbidden] = "The token's role may not do this."
		}
		if r.signed {
			out[http.StatusForbidden] = "The signed address was good once: fetch the list again."
		}
	}
	if len(pathParameters(r.path)) > 0 {
		out[http.StatusNotFound] = "There is no such thing, or the caller may not know of it."
	}
	if len(o.query) > 0 || len(o.takes) > 0 {
		out[http.StatusUnprocessableEntity] = "The input is wrong: errors names every field."
	}
	if r.method == http.MethodPost {
		out[http.StatusConflict] = "The first request with this Idempotency-Key is still under way."
	}
	if len(o.takes) > 0 {
		out[http.StatusBadRequest] = "The body cannot be read at all."
		out[http.StatusRequestEntityTooLarge] = "The body is too large."
		out[http.StatusUnsupportedMediaType] = "The body is of a media type that is not taken here."
	}
	if o.match != matchIgnored {
		out[http.StatusPreconditionFailed] = "If-Match is not the latest revision."
	}
	if o.match == matchNeeded {
		out[http.StatusPreconditionRequired] = "If-Match is missing."
	}
	for status, when := range o.faults {
		if status == http.StatusConflict && r.method == http.MethodPost {
			when += " Or the" + strings.TrimPrefix(out[status], "The")
		}
		out[status] = when
	}
	return out
}
