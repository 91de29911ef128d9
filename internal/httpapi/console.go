package httpapi

import (
	"net/http"
	"strings"

	"lifeline/internal/console"
	"lifeline/internal/httpapi/apidoc"
	"lifeline/internal/openapi"
)

// consoleHandlers serve the web console.
type consoleHandlers struct{ *Parts }

func (a consoleHandlers) routes() []route {
	return []route{
		{a.console, apidoc.Route{Method: http.MethodGet, Path: "/", Open: true,
			ID: "getConsole", Tag: apidoc.ForEverybody, Summary: "Open the web console",
			Answers: []apidoc.Answer{apidoc.GivesBytes("text/html; charset=utf-8", http.StatusOK, "The page.", "ETag"),
				apidoc.GivesNothing(http.StatusNotModified, "The caller already has it.", "ETag")}}},
		{a.console, apidoc.Route{Method: http.MethodGet, Path: console.Root + ":build/:asset", Open: true,
			ID: "getConsoleAsset", Tag: apidoc.ForEverybody,
			Summary: "Get a file of the console",
			Detail:  "A file never changes under its name.",
			Answers: []apidoc.Answer{
				{Status: http.StatusOK, Says: "The file.", Headers: []string{"ETag"}, Bodies: []apidoc.Body{
					{MediaType: "text/javascript", Schema: openapi.String()},
					{MediaType: "text/css", Schema: openapi.String()},
					{MediaType: "image/svg+xml", Schema: openapi.String()}}},
				apidoc.GivesNothing(http.StatusNotModified, "The caller already has it.", "ETag")}}},
	}
}

// console serves the console's page, which is never cached, and its files, which never change.
func (a consoleHandlers) console(c *call) error {
	file, ok := console.Find(c.r.URL.Path)
	if !ok {
		return a.noOperation(c)
	}
	h := c.w.Header()
	h.Set("ETag", file.Tag)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	if file.Page {
		h.Set("Cache-Control", "no-cache")
		h.Set("Content-Security-Policy", console.Policy)
	}
	if strings.Contains(c.r.Header.Get("If-None-Match"), file.Tag) {
		c.w.WriteHeader(http.StatusNotModified)
		return nil
	}
	return c.bytes(http.StatusOK, file.ContentType, file.Body)
}
