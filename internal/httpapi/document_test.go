package httpapi

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"lifeline/internal/httpapi/apidoc"
	"lifeline/internal/openapi"
	"lifeline/internal/openapi/conform"
)

// published returns the document as it is served.
func published(t *testing.T) ([]byte, *openapi.Document) {
	t.Helper()
	doc, err := document((&api{}).routes())
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	return b, doc
}

func TestDocumentAndItsPageAreMadeOnceAndNotPerRequest(t *testing.T) {
	made := 0
	a := documentHandlers{newDocumentTexts(func() (*openapi.Document, error) {
		made++
		return &openapi.Document{OpenAPI: "3.1.0"}, nil
	})}
	for range 20 {
		for _, show := range []handler{a.openAPI, a.docs} {
			w := httptest.NewRecorder()
			if err := show(&call{w: w, r: httptest.NewRequest(http.MethodGet, "/", nil)}); err != nil || w.Body.Len() == 0 {
				t.Fatal(err, w.Body)
			}
		}
	}
	if made != 2 {
		t.Errorf("made %d times for two forms", made)
	}
}

// An independent library parses the document and validates it against the specification.
func TestDocumentIsOpenAPI31(t *testing.T) {
	b, doc := published(t)
	read, err := openapi3.NewLoader().LoadFromData(b)
	if err != nil {
		t.Fatal(err)
	}
	if !read.IsOpenAPI31OrLater() {
		t.Errorf("its version is %s", read.OpenAPI)
	}
	if err := read.Validate(t.Context(), openapi3.IsOpenAPI31OrLater()); err != nil {
		t.Error(err)
	}
	t.Logf("%d paths, %d schemas, %d bytes", len(doc.Paths), len(doc.Components.Schemas), len(b))
}

func TestARouteWithoutWordsIsRefused(t *testing.T) {
	routes := (&api{}).routes()
	if _, err := document(append(routes, route{Route: apidoc.Route{Method: "GET", Path: "/v1/new"}})); err == nil ||
		!strings.Contains(err.Error(), "GET /v1/new lacks its id") {
		t.Error("a route without words:", err)
	}
	nameless := apidoc.Route{Method: "GET", Path: "/v1/:thing", ID: "getThing", Tag: apidoc.ForProducers,
		Summary: "A thing",
		Answers: []apidoc.Answer{apidoc.GivesNothing(204, "Nothing.")}}
	if _, err := document(append(routes, route{Route: nameless})); err == nil || !strings.Contains(err.Error(),
		`the part "thing" of /v1/:thing is not described`) {
		t.Error("a path whose part has no words:", err)
	}
}

// The document names the signed address as a second way to authorize the request for a recording.
func TestSignedAddressesAreAWayToSayWhoAsks(t *testing.T) {
	_, doc := published(t)
	for path, item := range doc.Paths {
		for method, o := range *item {
			signed := slices.ContainsFunc(o.Security, func(s map[string][]string) bool {
				return s["sig"] != nil &&
					s["exp"] != nil
			})
			if signed != (path == "/v1/audio/{file}") {
				t.Errorf("%s %s: %v", method, path, o.Security)
			}
		}
	}
}

func TestOperationsAreNamedOnce(t *testing.T) {
	seen := map[string]string{}
	for _, r := range (&api{}).routes() {
		if other, twice := seen[r.ID]; twice {
			t.Errorf("%s and %s are both %s", r.Path, other, r.ID)
		}
		seen[r.ID] = r.Method + " " + r.Path
	}
}

// Every example is valid by its schema, so that a copied example works.
func TestExamplesAreValid(t *testing.T) {
	b, _ := published(t)
	c, err := conform.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for path, item := range c.Paths {
		for method, o := range item {
			check := func(at string, m conform.Media) {
				if m.Example == nil || !strings.Contains(at, "json") {
					return
				}
				n++
				example, err := json.Marshal(m.Example)
				if err == nil {
					err = c.Valid(at, example)
				}
				if err != nil {
					t.Errorf("%s %s: %v", method, path, err)
				}
			}
			if o.RequestBody != nil {
				for mediaType, m := range o.RequestBody.Content {
					check(conform.RequestPointer(path, method, mediaType), m)
				}
			}
			for status, r := range o.Responses {
				for mediaType, m := range r.Content {
					check(conform.AnswerPointer(path, method, status, mediaType), m)
				}
			}
		}
	}
	if n < 60 {
		t.Errorf("only %d examples were checked", n)
	}
}

// The document takes its descriptions from the comments of the types: a type in a file that is not embedded has none.
func TestEverySchemaIsDescribed(t *testing.T) {
	_, doc := published(t)
	for name, s := range doc.Components.Schemas {
		if s.Description == "" && name != "Field" {
			t.Errorf("%s has no comment: name its file in source.go of its package", name)
		}
	}
}

// A bound must belong to a field that exists.
func TestBoundsNameFieldsThatExist(t *testing.T) {
	for goType, bounds := range fields {
		names := map[string]bool{}
		for _, f := range openapi.Fields(goType) {
			names[f.Name] = true
		}
		for name := range bounds {
			if !names[name] {
				t.Errorf("%s has no field %s", goType, name)
			}
		}
		if goType.Kind() != reflect.Struct {
			t.Errorf("%s is no struct", goType)
		}
	}
}

// The page shows every operation and schema, runs no script, and loads nothing from other sites.
func TestDocsShowEverythingAndFetchNothing(t *testing.T) {
	_, doc := published(t)
	page, err := apidoc.Page(doc)
	if err != nil {
		t.Fatal(err)
	}
	text := string(page)
	for _, r := range (&api{}).routes() {
		if !strings.Contains(text, `<article id="`+r.ID+`"`) {
			t.Errorf("%s is not shown", r.ID)
		}
	}
	for name := range doc.Components.Schemas {
		if !strings.Contains(text, `id="schema-`+name+`"`) {
			t.Errorf("the schema %s is not shown", name)
		}
	}
	for _, foreign := range []string{"<script", "<link", "<img", "src=", "@import", "url("} {
		if strings.Contains(text, foreign) {
			t.Errorf("there is %q in it", foreign)
		}
	}
	if strings.Contains(text, "ZgotmplZ") {
		t.Error("something in it was not let through by the template")
	}
}

// Whatever the caller may do, an address of ten thousand parameters is refused, and the document says so.
func TestEveryOperationThatReadsTheQuerySaysThatItMayBeUnreadable(t *testing.T) {
	for _, r := range (&api{}).routes() {
		doc, err := document([]route{r})
		if err != nil {
			t.Fatal(err)
		}
		for _, item := range doc.Paths {
			for method, o := range *item {
				if _, said := o.Responses["400"]; !said && !r.Open {
					t.Errorf("%s %s does not name 400", method, r.Path)
				}
			}
		}
	}
}

func TestManyOperationsOfATokenAreCheckedAtOnce(t *testing.T) {
	made := 0
	a := tokenHandlers{all: func() []route {
		made++
		return (&api{}).routes()
	}}
	if err := a.known(slices.Repeat([]string{"x"}, 1000)); err == nil || made != 1 {
		t.Errorf("the routes were made %d times: %v", made, err)
	}
}
