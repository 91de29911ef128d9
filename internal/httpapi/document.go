package httpapi

import (
	"encoding/json"
	"net/http"
	"sync"

	"lifeline/internal/httpapi/apidoc"
	"lifeline/internal/openapi"
	"lifeline/internal/replica"
)

// documentHandlers serve the OpenAPI document.
type documentHandlers struct {
	*documentTexts
}

// documentTexts are the forms of the document, each made at its first use and then kept.
type documentTexts struct {
	json, page func() (replica.Text, error)
}

// newDocumentTexts returns the forms of the document that make returns.
func newDocumentTexts(make func() (*openapi.Document, error)) *documentTexts {
	once := func(write func(*openapi.Document) ([]byte, error)) func() (replica.Text, error) {
		return sync.OnceValues(func() (replica.Text, error) {
			doc, err := make()
			if err != nil {
				return replica.Text{}, err
			}
			b, err := write(doc)
			return replica.NewText(b), err
		})
	}
	return &documentTexts{page: once(apidoc.Page), json: once(func(doc *openapi.Document) ([]byte, error) {
		b, err := json.Marshal(doc)
		return append(b, '\n'), err
	})}
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
	doc, err := a.json()
	if err != nil {
		return err
	}
	c.w.Header().Set("Cache-Control", "no-cache")
	return c.text(http.StatusOK, "application/json", doc)
}

// docs serves the document as a page that needs neither the internet nor scripts.
func (a documentHandlers) docs(c *call) error {
	page, err := a.page()
	if err != nil {
		return err
	}
	h := c.w.Header()
	h.Set("Content-Security-Policy", apidoc.Policy)
	h.Set("Cache-Control", "no-cache")
	return c.text(http.StatusOK, "text/html; charset=utf-8", page)
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
