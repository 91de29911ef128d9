package apidoc

import (
	"net/http"
	"reflect"
	"strings"

	"lifeline/internal/access"
	"lifeline/internal/openapi"
)

// Route is one route with its documentation: who may do it, what it takes and what it answers, in words and examples.
// What follows from the route itself (the parts of its path, how any call can fail) is added when the document is made.
type Route struct {
	Method, Path string
	Open         bool          // needs no token
	Signed       bool          // takes a signed address in place of a token
	Roles        []access.Role // that may, besides admin
	ID           string        // by which client generators name it
	Tag          string
	Summary      string
	Detail       string
	Query        []openapi.Parameter
	Headers      []openapi.Parameter
	Match        Match
	Known        bool   // answers an ETag, and 304 to who has it
	Takes        []Body // one body, by media type; none: no body
	Lenient      bool   // the body may be left out
	Answers      []Answer
	Faults       map[int]string // failures of its own, and when they come
}

// Match says what an operation makes of If-Match.
type Match int

const (
	MatchIgnored Match = iota
	MatchTaken         // honours it
	MatchNeeded        // and refuses to go without (428)
)

// Body is one form of a body.
type Body struct {
	MediaType string
	GoType    reflect.Type // nil: bytes or text that Schema describes
	Use       openapi.Use
	Schema    *openapi.Schema
	Example   any
}

// Answer is one outcome that is no failure.
type Answer struct {
	Status  int
	Says    string
	Bodies  []Body
	Headers []string // of answerHeaders
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

// Gives is an answer whose JSON body is a T.
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

// The tags: who an operation is for.
const (
	ForProducers  = "producers"
	ForSchedulers = "schedulers"
	ForStations   = "stations"
	ForEverybody  = "everybody"
)

var tags = []openapi.Tag{
	{Name: ForProducers, Description: "Upload recordings, describe them, let them go to air, take them off it. Scripts " +
		"and what has been read of them."},
	{Name: ForSchedulers, Description: "Stations, clocks and campaigns; plan, edit and publish days; compare them with " +
		"what aired."},
	{Name: ForStations, Description: "Pull the signed queue and its audio, follow changes, report what aired."},
	{Name: ForEverybody, Description: "How the service is and what it can do."},
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
func failures(r Route) map[int]string {
	out := map[int]string{}
	if !r.Open {
		out[http.StatusUnauthorized] = "No access token, or none that is valid."
		out[http.StatusTooManyRequests] = "Too fast; Retry-After says when to try again."
		out[http.StatusUnprocessableEntity] = "The input is wrong: errors names every field."
		if len(r.Roles)+1 < len(access.Roles) {
			out[http.StatusForbidden] = "The token's role may not do this."
		}
		if r.Signed {
			out[http.StatusForbidden] = "The signed address was good once: fetch the list again."
		}
	}
	if len(pathParameters(r.Path)) > 0 {
		out[http.StatusNotFound] = "There is no such thing, or the caller may not know of it."
	}
	if len(r.Query) > 0 || len(r.Takes) > 0 {
		out[http.StatusUnprocessableEntity] = "The input is wrong: errors names every field."
	}
	if r.Method == http.MethodPost {
		out[http.StatusConflict] = "The first request with this Idempotency-Key is still under way."
	}
	if len(r.Takes) > 0 {
		out[http.StatusBadRequest] = "The body cannot be read at all."
		out[http.StatusRequestEntityTooLarge] = "The body is too large."
		out[http.StatusUnsupportedMediaType] = "The body is of a media type that is not taken here."
	}
	if r.Match != MatchIgnored {
		out[http.StatusPreconditionFailed] = "If-Match is not the latest revision."
	}
	if r.Match == MatchNeeded {
		out[http.StatusPreconditionRequired] = "If-Match is missing."
	}
	for status, when := range r.Faults {
		if status == http.StatusConflict && r.Method == http.MethodPost {
			when += " Or the" + strings.TrimPrefix(out[status], "The")
		}
		out[status] = when
	}
	return out
}
