package httpapi

import (
	"net/http"

	"lifeline/internal/httpapi/apidoc"
	"lifeline/internal/openapi"
)

// documentHandlers serve the OpenAPI document.
type documentHandlers struct {
	document func() (*openapi.Document, error)
}

func (a documentHandlers) routes() []route {
	return []route{
		{a.openAPI, apidoc.Route{Method: http.MethodGet, Path: "/openapi.json", Open: true,
			ID: "getOpenAPI", Tag: apidoc.ForEverybody, Summary: "Get this document",
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "The document, as OpenAPI 3.1.", map[string]any{})}}},
		{a.docs, apidoc.Route{Method: http.MethodGet, Path: "/docs", Open: true,
			ID: "getDocs", Tag: apidoc.ForEverybody, Summary: "Show this document as a page",
			Answers: []apidoc.Answer{apidoc.GivesBytes("text/html; charset=utf-8", http.StatusOK, "A page without scripts.")}}},
	}
}

// openAPI serves the document.
func (a documentHandlers) openAPI(c *call) error {
	doc, err := a.document()
	if err != nil {
		return err
	}
	c.w.Header().Set("Cache-Control", "no-cache")
	return c.json(http.StatusOK, doc)
}

// docs serves the document as a page that needs neither the internet nor scripts.
func (a documentHandlers) docs(c *call) error {
	doc, err := a.document()
	if err != nil {
		return err
	}
	b, err := apidoc.Page(doc)
	if err != nil {
		return err
	}
	h := c.w.Header()
	h.Set("Content-Security-Policy", apidoc.Policy)
	h.Set("Cache-Control", "no-cache")
	return c.bytes(http.StatusOK, "text/html; charset=utf-8", b)
}

// document makes the OpenAPI document of the routes.
func document(routes []route) (*openapi.Document, error) {
	f, err := facts()
	if err != nil {
		return nil, err
	}
	return documentBy(f, routes)
}

// documentBy is document with given facts.
func documentBy(f openapi.Facts, routes []route) (*openapi.Document, error) {
	described := make([]apidoc.Route, len(routes))
	for i, r := range routes {
		described[i] = r.Route
	}
	return apidoc.Document(f, pathParts, described)
}
