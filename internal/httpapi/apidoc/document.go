package apidoc

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"lifeline/internal/access"
	"lifeline/internal/openapi"
	"lifeline/internal/wire"
)

// ProblemType is the media type of problems (RFC 9457).
const ProblemType = "application/problem+json"

// introduction is the description of the whole document.
const introduction = `The HTTP API of Lifeline, a service that plans, publishes and accounts for radio schedules.

Authenticate with "Authorization: Bearer TOKEN", or with Basic, any user name and the token as the password. A token is never in a query string.

Persons sign in by passkey in the console and have a session, in a cookie. A request of a session that counts, such as an approval, is refused (403) with step_up, and is sent again with the browser's answer to it in Lifeline-Assertion: it confirms that request alone, once.

Every resource has an integer revision, which is also its ETag. A change needs If-Match with the revision that it starts from. If-None-Match with the latest revision gets 304.

Lists have limit and cursor; next_cursor is present while there are more entries. Every GET is also available as HEAD. Durations are whole milliseconds (_ms). Instants are RFC 3339 in UTC with milliseconds.

Failures are RFC 9457 problem documents with a request_id. For invalid input, errors has every invalid field at once, up to 100; an entry without a field says how many more there are. Unknown fields are an error.

Everything is bounded before work is done. A body that is read as a whole has at most x-max-bytes, 32 lists and objects within each other, and 100,000 values. Texts, lists and maps have maxLength, maxItems and maxProperties.

With an Idempotency-Key any POST can be sent again safely: for a day the same key with the same body repeats the first answer.`

// Document makes the OpenAPI document of routes. f describes the types; parts describes the variable parts of paths, by
// name. It fails with everything that the documentation of the routes lacks.
func Document(f openapi.Facts, parts map[string]openapi.Parameter, routes []Route) (*openapi.Document, error) {
	b := builder{openapi.NewMaker(f), parts, &openapi.Document{OpenAPI: openapi.Version, Tags: tags,
		Paths: map[string]*openapi.PathItem{},
		Info:  openapi.Info{Title: "Lifeline", Version: "1", Description: introduction}}}
	var wrong []error
	for _, r := range routes {
		wrong = append(wrong, b.add(r))
	}
	if err := errors.Join(wrong...); err != nil {
		return nil, err
	}
	b.doc.Components = openapi.Components{Schemas: b.maker.Schemas(), SecuritySchemes: map[string]*openapi.SecurityScheme{
		"bearer": {Type: "http", Scheme: "bearer", Description: "An access token."},
		"basic": {Type: "http", Scheme: "basic", Description: "Any user name, and the access token as the password, for " +
			"players that support nothing else."},
		"session": {Type: "apiKey", In: "cookie", Name: "__Host-lifeline", Description: "The session of a person who " +
			"signed in by passkey in the console. What counts must then be confirmed by passkey."},
		"sig": {Type: "apiKey", In: "query", Name: "sig", Description: "The signature of an address in a list, for " +
			"players that cannot send a token with media. It gives access to that recording only, for " +
			"its station, until exp or until the token that fetched the list is revoked or expires."},
		"exp": {Type: "apiKey", In: "query", Name: "exp", Description: "The end of a signed address, in seconds since " +
			"1970. It comes with sig."}}}
	return b.doc, nil
}

type builder struct {
	maker *openapi.Maker
	parts map[string]openapi.Parameter
	doc   *openapi.Document
}

func (b builder) add(r Route) error {
	if r.ID == "" || r.Summary == "" || r.Tag == "" || len(r.Answers) == 0 {
		return fmt.Errorf("apidoc: the documentation of %s %s lacks its id, tag, summary or answers", r.Method, r.Path)
	}
	parameters, err := b.parameters(r)
	if err != nil {
		return err
	}
	out := &openapi.Operation{ID: r.ID, Tags: []string{r.Tag}, Summary: r.Summary, Description: r.Detail,
		Parameters: parameters,
		Responses:  b.responses(r), Security: []map[string][]string{}}
	if !r.Open {
		out.Security = []map[string][]string{{"bearer": {}}, {"basic": {}}, {"session": {}}}
		if r.Signed {
			out.Security = append(out.Security, map[string][]string{"sig": {}, "exp": {}})
		}
		for _, role := range append([]access.Role{access.Admin}, r.Roles...) {
			out.Roles = append(out.Roles, string(role))
		}
	}
	if len(r.Takes) > 0 {
		out.RequestBody = &openapi.RequestBody{Required: !r.Lenient, Content: b.content(r.Takes)}
		if !r.Streams() {
			out.RequestBody.MaxBytes = r.Whole()
			out.RequestBody.Description = "At most " + SizeOf(r.Whole()) + "."
		}
	}
	path := templatePath(r.Path)
	item := b.doc.Paths[path]
	if item == nil {
		item = &openapi.PathItem{}
		b.doc.Paths[path] = item
	}
	(*item)[strings.ToLower(r.Method)] = out
	if r.Method == http.MethodGet {
		(*item)["head"] = headOf(out)
	}
	return nil
}

// SizeOf returns a size in words.
func SizeOf(bytes int64) string {
	if bytes < 1<<20 {
		return fmt.Sprintf("%d KiB", bytes>>10)
	}
	return fmt.Sprintf("%d MiB", bytes>>20)
}

// headOf returns the HEAD operation for a GET.
func headOf(get *openapi.Operation) *openapi.Operation {
	head := *get
	head.ID, head.Summary, head.Description = "head"+strings.ToUpper(get.ID[:1])+get.ID[1:], get.Summary+" (headers only)",
		""
	head.Responses = map[string]*openapi.Response{}
	for status, r := range get.Responses {
		head.Responses[status] = &openapi.Response{Description: r.Description, Headers: r.Headers}
	}
	return &head
}

func (b builder) responses(r Route) map[string]*openapi.Response {
	out := map[string]*openapi.Response{}
	for _, a := range r.Answers {
		headers := append([]string{"X-Request-Id"}, a.Headers...)
		if r.Known && !slices.Contains(headers, "ETag") {
			headers = append(headers, "ETag")
		}
		out[strconv.Itoa(a.Status)] = &openapi.Response{Description: a.Says, Headers: named(headers...),
			Content: b.content(a.Bodies)}
	}
	if r.Known {
		out["304"] = &openapi.Response{Description: "The caller already has the latest revision.",
			Headers: named("X-Request-Id", "ETag")}
	}
	for status, when := range failures(r) {
		headers := []string{"X-Request-Id"}
		switch status {
		case http.StatusUnauthorized:
			headers = append(headers, "WWW-Authenticate")
		case http.StatusTooManyRequests, http.StatusServiceUnavailable:
			headers = append(headers, "Retry-After")
		}
		out[strconv.Itoa(status)] = b.failure(when, headers)
	}
	out["5XX"] = b.failure("The service failed, or cannot reach a part of itself for the moment (503, with "+
		"Retry-After).",
		[]string{"X-Request-Id", "Retry-After"})
	return out
}

func (b builder) failure(when string, headers []string) *openapi.Response {
	return &openapi.Response{Description: when, Headers: named(headers...), Content: map[string]*openapi.MediaType{
		ProblemType: {Schema: b.maker.Of(reflect.TypeFor[wire.Problem](), openapi.Answer)}}}
}

func named(headers ...string) map[string]*openapi.Header {
	out := map[string]*openapi.Header{}
	for _, h := range headers {
		out[h] = answerHeaders[h]
	}
	return out
}

func (b builder) content(bodies []Body) map[string]*openapi.MediaType {
	out := map[string]*openapi.MediaType{}
	for _, f := range bodies {
		m := &openapi.MediaType{Schema: f.Schema, Example: f.Example}
		if f.GoType != nil {
			m.Schema = b.maker.Of(f.GoType, f.Use)
		}
		out[f.MediaType] = m
	}
	return out
}

func (b builder) parameters(r Route) ([]openapi.Parameter, error) {
	var out []openapi.Parameter
	for _, name := range pathParameters(r.Path) {
		p, ok := b.parts[name]
		if !ok {
			return nil, fmt.Errorf("apidoc: the part %q of %s is not described", name, r.Path)
		}
		p.Name, p.In, p.Required = name, "path", true
		out = append(out, p)
	}
	for _, p := range r.Query {
		p.In = "query"
		out = append(out, p)
	}
	out = append(out, r.Headers...)
	switch r.Match {
	case MatchNeeded:
		out = append(out, ifMatch(true))
	case MatchTaken:
		out = append(out, ifMatch(false))
	}
	if r.Known {
		out = append(out, ifNoneMatch)
	}
	if r.Method == http.MethodPost {
		out = append(out, idempotencyKey)
	}
	if r.Confirmed {
		out = append(out, assertion, confirmed)
	}
	return out, nil
}

// pathParameters returns the names of a path's variable parts.
func pathParameters(path string) []string {
	var out []string
	for part := range strings.SplitSeq(path, "/") {
		if name, ok := strings.CutPrefix(part, ":"); ok {
			out = append(out, name)
		}
	}
	return out
}

// templatePath converts a route's path to OpenAPI's form: /v1/clocks/{clock}.
func templatePath(path string) string {
	parts := strings.Split(path, "/")
	for i, part := range parts {
		if name, ok := strings.CutPrefix(part, ":"); ok {
			parts[i] = "{" + name + "}"
		}
	}
	return strings.Join(parts, "/")
}

// methodsOf returns the methods of a path item in reading order, without a HEAD that only mirrors its GET.
func methodsOf(item *openapi.PathItem) []string {
	order := []string{"options", "head", "get", "put", "post", "patch", "delete"}
	_, get := (*item)["get"]
	return slices.DeleteFunc(slices.SortedFunc(maps.Keys(*item), func(a, b string) int {
		return slices.Index(order, a) - slices.Index(order, b)
	}), func(m string) bool { return m == "head" && get })
}
