package apidoc

import (
	"cmp"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"lifeline/internal/access"
	"lifeline/internal/openapi"
)

// Route is a route with its documentation: its roles, requests and answers, with texts and examples. Document adds what
// it derives from the route itself (parameters of the path, general failures).
type Route struct {
	Method, Path string
	Open         bool          // needs no token
	Signed       bool          // accepts a signed address in place of a token
	Roles        []access.Role // allowed, besides admin
	Confirmed    bool          // a session must confirm it by passkey; Detail says where not
	BySession    bool          // no token may do it
	ID           string        // operationId, from which client generators derive names
	Tag          string
	Summary      string
	Detail       string
	Query        []openapi.Parameter
	Headers      []openapi.Parameter
	Match        Match
	Known        bool   // answers with an ETag, and with 304 to a matching If-None-Match
	Takes        []Body // one body, by media type; none: no body
	Lenient      bool   // the body is optional
	MaxBytes     int64  // of the body, if it is read as a whole; 0 means UsualBytes
	Answers      []Answer
	Faults       map[int]string // further failures by status, each with its condition
}

// UsualBytes is the size of the largest body of a route that names no other.
const UsualBytes = 1 << 20

// Whole returns the size of the largest body that is read as a whole.
func (r Route) Whole() int64 { return cmp.Or(r.MaxBytes, UsualBytes) }

// Streams reports whether the body is bytes, which are not read as a whole.
func (r Route) Streams() bool {
	return slices.ContainsFunc(r.Takes, func(b Body) bool {
		return b.GoType == nil || b.MediaType == "multipart/form-data"
	})
}

// Match says how an operation treats If-Match.
type Match int

const (
	MatchIgnored Match = iota
	MatchTaken         // honours it
	MatchNeeded        // requires it (428 without)
)

// Body is a body in one media type.
type Body struct {
	MediaType string
	GoType    reflect.Type // nil: bytes or text that Schema describes
	Use       openapi.Use
	Schema    *openapi.Schema
	Example   any
}

// Answer is a successful answer.
type Answer struct {
	Status  int
	Says    string
	Bodies  []Body
	Headers []string // keys of answerHeaders
}

// TakesJSON is a JSON body that is decoded into a T.
func TakesJSON[T any](example T) []Body {
	return []Body{{MediaType: "application/json", GoType: reflect.TypeFor[T](), Use: openapi.Request, Example: example}}
}

// TakesPatch is a merge patch (RFC 7396) of a T.
func TakesPatch[T any](example map[string]any) []Body {
	f := Body{GoType: reflect.TypeFor[T](), Use: openapi.Patch, Example: example}
	merge := f
	merge.MediaType, f.MediaType = "application/merge-patch+json", "application/json"
	return []Body{merge, f}
}

// Gives is an answer with a T as JSON.
func Gives[T any](status int, says string, example T, headers ...string) Answer {
	return GivesAs("application/json", status, says, example, headers...)
}

func GivesAs[T any](mediaType string, status int, says string, example T, headers ...string) Answer {
	return Answer{status, says, []Body{{MediaType: mediaType, GoType: reflect.TypeFor[T](), Example: example}}, headers}
}

// GivesBytes is an answer of bytes that no JSON schema describes.
func GivesBytes(mediaType string, status int, says string, headers ...string) Answer {
	return Answer{status, says, []Body{{MediaType: mediaType, Schema: openapi.String()}}, headers}
}

// GivesNothing is an answer without a body.
func GivesNothing(status int, says string, headers ...string) Answer {
	return Answer{Status: status, Says: says, Headers: headers}
}

// The tags: the audience of an operation.
const (
	ForProducers  = "producers"
	ForSchedulers = "schedulers"
	ForStations   = "stations"
	ForEverybody  = "everybody"
)

var tags = []openapi.Tag{
	{Name: ForProducers, Description: "Upload, describe, approve and recall recordings. Scripts and their readings."},
	{Name: ForSchedulers, Description: "Define stations, clocks and campaigns. Plan, edit and publish days. Compare " +
		"plans with airings."},
	{Name: ForStations, Description: "Fetch the signed queue and its audio, follow changes, report airings."},
	{Name: ForEverybody, Description: "The state of the service, its document, its console and its webhooks."},
}

// answerHeaders are the headers that answers name.
var answerHeaders = map[string]*openapi.Header{
	"ETag": {Description: "The revision of a resource, or the hash of a recording, in quotes.",
		Schema: openapi.String()},
	"Location": {Description: "The path of the created resource.", Schema: openapi.String()},
	"X-Request-Id": {Description: "The ID of the request in the service's log and audit trail.",
		Schema: openapi.String()},
	"Retry-After":      {Description: "The seconds to wait before the next request.", Schema: openapi.Integer()},
	"Allow":            {Description: "The methods that this path supports.", Schema: openapi.String()},
	"Content-Range":    {Description: "The range of bytes and the size of the whole.", Schema: openapi.String()},
	"Accept-Ranges":    {Description: "bytes", Schema: openapi.String()},
	"Repr-Digest":      {Description: "SHA-256 of the whole recording (RFC 9530).", Schema: openapi.String()},
	"WWW-Authenticate": {Description: "The authentication schemes.", Schema: openapi.String()},
	"Content-Location": {Description: "The path of the segment of a complete upload.", Schema: openapi.String()},
	"Upload-Offset":    {Description: "The number of bytes that have arrived.", Schema: openapi.Integer()},
	"Upload-Length":    {Description: "The size of the whole recording in bytes.", Schema: openapi.Integer()},
	"Upload-Expires": {Description: "When the upload expires if no more bytes arrive.",
		Schema: openapi.String()},
	"Upload-Metadata": {Description: "The metadata as it was sent.", Schema: openapi.String()},
	"Tus-Resumable":   {Description: "The version of tus that the service uses.", Schema: openapi.String()},
	"Tus-Version":     {Description: "The versions of tus that the service supports.", Schema: openapi.String()},
	"Tus-Extension":   {Description: "The extensions of tus that the service supports.", Schema: openapi.String()},
	"Tus-Checksum-Algorithm": {Description: "The supported algorithms for the checksum of a chunk.",
		Schema: openapi.String()},
	"Tus-Max-Size":        {Description: "The size of the largest recording in bytes.", Schema: openapi.Integer()},
	"Content-Disposition": {Description: "A file name.", Schema: openapi.String()},
	"Set-Cookie":          {Description: "The session.", Schema: openapi.String()},
}

// failures returns all failures of a route, by status.
func failures(r Route) map[int]string {
	out := map[int]string{}
	if !r.Open {
		out[http.StatusBadRequest] = "The query of the address cannot be read."
		out[http.StatusUnauthorized] = "The request has no valid access token."
		out[http.StatusTooManyRequests] = "The caller sent too many requests: Retry-After says when to try again."
		out[http.StatusUnprocessableEntity] = "The input is invalid: errors names every invalid field."
		if len(r.Roles)+1 < len(access.Roles) {
			out[http.StatusForbidden] = "The role of the token does not permit this."
		}
		if r.Signed {
			out[http.StatusForbidden] = "The signed address has expired: fetch the list again."
		}
	}
	if len(pathParameters(r.Path)) > 0 {
		out[http.StatusNotFound] = "The resource does not exist, or the caller may not see it."
	}
	if len(r.Query) > 0 || len(r.Takes) > 0 {
		out[http.StatusUnprocessableEntity] = "The input is invalid: errors names every invalid field."
	}
	if r.Method == http.MethodPost {
		out[http.StatusConflict] = "The first request with this Idempotency-Key has not finished."
	}
	if len(r.Takes) > 0 {
		out[http.StatusBadRequest] = "The body or the query of the address cannot be read."
		out[http.StatusRequestEntityTooLarge] = "The body is too large."
		out[http.StatusUnsupportedMediaType] = "The media type of the body is not accepted."
	}
	if r.Match != MatchIgnored {
		out[http.StatusPreconditionFailed] = "If-Match is not the latest revision."
	}
	if r.Match == MatchNeeded {
		out[http.StatusPreconditionRequired] = "If-Match is missing."
	}
	if r.Confirmed {
		out[http.StatusForbidden] = "The role is not permitted, or a session must confirm the request (step_up)."
		none := "A session must confirm the request, and its person has no passkeys."
		if also := out[http.StatusConflict]; also != "" {
			none = also + " Or a" + strings.TrimPrefix(none, "A")
		}
		out[http.StatusConflict] = none
	}
	for status, when := range r.Faults {
		if status == http.StatusForbidden && r.Confirmed {
			when += " Or a session must confirm the request (step_up)."
		}
		if also := out[status]; status == http.StatusConflict && also != "" {
			when += " Or " + strings.ToLower(also[:1]) + also[1:]
		}
		out[status] = when
	}
	return out
}
