package httpapi

import (
	"net/http"
	"strings"

	"lifeline/internal/console"
)

// console answers the console's page, which is asked for anew each time, and its files, which never change.
func (a *api) console(c *call) error {
	file, ok := console.Find(c.r.URL.Path)
	if !ok {
		return a.nothingThere(c)
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
