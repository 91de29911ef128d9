package httpapi

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

const problemType = "application/problem+json"

// introduction opens the document.
const introduction = `Radio schedules that are never silent, never wrong and always provable.

Say who asks by "Authorization: Bearer TOKEN", or by Basic with any user name and the token as the password. A token is never in a query string.

Every resource has an integer revision, which is its ETag too. A change needs If-Match with the revision that it starts from; If-None-Match answers 304 to who has the latest.

Lists take limit and cursor; next_cursor is there while there is more. GET may be HEAD. Durations are whole milliseconds (_ms), instants RFC 3339 in UTC with milliseconds.

Failures are RFC 9457 problem documents with a request_id and, for bad input, errors: every field that is wrong, all at once. Fields that are not known are an error.

Idempotency-Key on any POST makes it safe to send again: for a day the same key with the same body repeats the first answer.`

// document makes the OpenAPI document of the routes. It fails when a route and its documentation do not fit together,
// one by one.
func document(routes []route) (*openapi.Document, error) {
	f, err := facts()
	if err != nil {
		return nil, err
	}
	return documentBy(f, routes)
}

// documentBy is document by facts of the caller's.
func documentBy(f openapi.Facts, routes []route) (*openapi.Document, error) {
	b := builder{openapi.NewMaker(f), &openapi.Document{OpenAPI: openapi.Version, Tags: tags,
		Paths: map[string]*openapi.PathItem{},
		Info:  openapi.Info{Title: "Lifeline", Version: "1", Description: introduction}}}
	documented := map[string]operation{}
	for _, o := range operations() {
		if _, twice := documented[o.at]; twice {
			return nil, fmt.Errorf("httpapi: %s is documented twice", o.at)
		}
		documented[o.at] = o
	}
	var wrong []error
	for _, r := range routes {
		at := r.method + " " + r.path
		o, ok := documented[at]
		if !ok {
			wrong = append(wrong, fmt.Errorf("httpapi: the route %s is not documented: give it an operation in operations_*.go",
				at))
			continue
		}
		delete(documented, at)
		wrong = append(wrong, b.add(r, o))
	}
	for at := range documented {
		wrong = append(wrong, fmt.Errorf("httpapi: %s is documented, but there is no such route", at))
	}
	if err := errors.Join(wrong...); err != nil {
		return nil, err
	}
	b.doc.Components = openapi.Components{Schemas: b.maker.Schemas(), SecuritySchemes: map[string]*openapi.SecurityScheme{
		"bearer": {Type: "http", Scheme: "bearer", Description: "An access token."},
		"basic": {Type: "http", Scheme: "basic", Description: "Any user name, and the access token as the password: for " +
			"players that can set nothing else."},
		"sig": {Type: "apiKey", In: "query", Name: "sig", Description: "The signature of an address in a list, for players " +
			"that can send no token with media. It opens that recording alone, for its station, until exp " +
			"or until the token ends that its list was fetched with."},
		"exp": {Type: "apiKey", In: "query", Name: "exp", Description: "When a signed address stops opening, in seconds " +
			"since 1970. It stands beside sig."}}}
	return b.doc, nil
}

type builder struct {
	maker *openapi.Maker
	doc   *openapi.Document
}

func (b builder) add(r route, o operation) error {
	if o.id == "" || o.summary == "" || o.tag == "" || len(o.answers) == 0 {
		return fmt.Errorf("httpapi: the documentation of %s lacks its id, tag, summary or answers", o.at)
	}
	parameters, err := b.parameters(r, o)
	if err != nil {
		return err
	}
	out := &openapi.Operation{ID: o.id, Tags: []string{o.tag}, Summary: o.summary, Description: o.detail,
		Parameters: parameters,
		Responses:  b.responses(r, o), Security: []map[string][]string{}}
	if !r.open {
		out.Security = []map[string][]string{{"bearer": {}}, {"basic": {}}}
		if r.signed {
			out.Security = append(out.Security, map[string][]string{"sig": {}, "exp": {}})
		}
		for _, role := range append([]access.Role{access.Admin}, r.roles...) {
			out.Roles = append(out.Roles, string(role))
		}
	}
	if len(o.takes) > 0 {
		out.RequestBody = &openapi.RequestBody{Required: !o.lenient, Content: b.content(o.takes)}
	}
	path := templatePath(r.path)
	item := b.doc.Paths[path]
	if item == nil {
		item = &openapi.PathItem{}
		b.doc.Paths[path] = item
	}
	(*item)[strings.ToLower(r.method)] = out
	if r.method == http.MethodGet {
		(*item)["head"] = headOf(out)
	}
	return nil
}

// headOf is a GET without its bodies.
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

func (b builder) responses(r route, o operation) map[string]*openapi.Response {
	out := map[string]*openapi.Response{}
	for _, a := range o.answers {
		headers := append([]string{"X-Request-Id"}, a.headers...)
		if o.known && !slices.Contains(headers, "ETag") {
			headers = append(headers, "ETag")
		}
		out[strconv.Itoa(a.status)] = &openapi.Response{Description: a.says, Headers: named(headers...),
			Content: b.content(a.forms)}
	}
	if o.known {
		out["304"] = &openapi.Response{Description: "The caller has the latest revision already.",
			Headers: named("X-Request-Id", "ETag")}
	}
	for status, when := range failures(r, o) {
		headers := []string{"X-Request-Id"}
		switch status {
		case http.StatusUnauthorized:
			headers = append(headers, "WWW-Authenticate")
		case http.StatusTooManyRequests, http.StatusServiceUnavailable:
			headers = append(headers, "Retry-After")
		}
		out[strconv.Itoa(status)] = b.failure(when, headers)
	}
	out["5XX"] = b.failure("A fault here, or a part that is out of reach for the moment (503, with Retry-After).",
		[]string{"X-Request-Id", "Retry-After"})
	return out
}

func (b builder) failure(when string, headers []string) *openapi.Response {
	return &openapi.Response{Description: when, Headers: named(headers...), Content: map[string]*openapi.MediaType{
		problemType: {Schema: b.maker.Of(reflect.TypeFor[wire.Problem](), openapi.Answer)}}}
}

func named(headers ...string) map[string]*openapi.Header {
	out := map[string]*openapi.Header{}
	for _, h := range headers {
		out[h] = answerHeaders[h]
	}
	return out
}

func (b builder) content(forms []form) map[string]*openapi.MediaType {
	out := map[string]*openapi.MediaType{}
	for _, f := range forms {
		m := &openapi.MediaType{Schema: f.schema, Example: f.example}
		if f.goType != nil {
			m.Schema = b.maker.Of(f.goType, f.use)
		}
		out[f.mediaType] = m
	}
	return out
}

func (b builder) parameters(r route, o operation) ([]openapi.Parameter, error) {
	var out []openapi.Parameter
	for _, name := range pathParameters(r.path) {
		p, ok := pathParts[name]
		if !ok {
			return nil, fmt.Errorf("httpapi: the part %q of %s is not described in parameters.go", name, r.path)
		}
		p.Name, p.In, p.Required = name, "path", true
		out = append(out, p)
	}
	for _, p := range o.query {
		p.In = "query"
		out = append(out, p)
	}
	out = append(out, o.headers...)
	switch o.match {
	case matchNeeded:
		out = append(out, ifMatch(true))
	case matchTaken:
		out = append(out, ifMatch(false))
	}
	if o.known {
		out = append(out, ifNoneMatch)
	}
	if r.method == http.MethodPost {
		out = append(out, idempotencyKey)
	}
	return out, nil
}

// pathParameters are the names of a route's parts that vary.
func pathParameters(path string) []string {
	var out []string
	for part := range strings.SplitSeq(path, "/") {
		if name, ok := strings.CutPrefix(part, ":"); ok {
			out = append(out, name)
		}
	}
	return out
}

// templatePath writes a route's path as OpenAPI does: /v1/clocks/{clock}.
func templatePath(path string) string {
	parts := strings.Split(path, "/")
	for i, part := range parts {
		if name, ok := strings.CutPrefix(part, ":"); ok {
			parts[i] = "{" + name + "}"
		}
	}
	return strings.Join(parts, "/")
}

// openAPI answers the document.
func (a *api) openAPI(c *call) error {
	doc, err := a.document()
	if err != nil {
		return err
	}
	c.w.Header().Set("Cache-Control", "no-cache")
	return c.json(http.StatusOK, doc)
}

// methodsOf lists the methods of a path item in the order in which they are read, but for a HEAD that is as its GET.
func methodsOf(item *openapi.PathItem) []string {
	order := []string{"options", "head", "get", "put", "post", "patch", "delete"}
	_, get := (*item)["get"]
	return slices.DeleteFunc(slices.SortedFunc(maps.Keys(*item), func(a, b string) int {
		return slices.Index(order, a) - slices.Index(order, b)
	}), func(m string) bool { return m == "head" && get })
}
