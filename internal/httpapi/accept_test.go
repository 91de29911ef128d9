package httpapi

import (
	"net/http/httptest"
	"testing"

	"lifeline/internal/fault"
)

// The expected types follow from RFC 9110, sections 12.4.2 and 12.5.1.
func TestFormIsWhatAcceptWouldRatherHave(t *testing.T) {
	for accept, want := range map[string]string{
		"": "application/json", "*/*": "application/json", "text/csv": "text/csv", "TEXT/CSV": "text/csv",
		"text/*":                                     "text/csv",
		"text/html, */*;q=0.1":                       "text/html",
		"text/html;q=0.5, text/csv;q=0.6":            "text/csv",
		"text/*;q=0.9, text/csv;q=0.1":               "text/html",
		"application/json;q=0, */*":                  "text/csv",
		"*/*;q=0.1, image/png":                       "application/json",
		"text/html,application/xhtml+xml,*/*;q=0.8":  "text/html",
		"application/json;q=none, text/html;q=0.001": "text/html",
		"image/png":                                  "",
		"text/csv;q=0":                               "",
		"application/*;q=0, text/*;q=0":              "",
	} {
		c := &call{w: httptest.NewRecorder(), r: httptest.NewRequest("GET", "/", nil)}
		if accept != "" {
			c.r.Header.Set("Accept", accept)
		}
		got, err := preferred(c, "application/json", "text/csv", "text/html")
		if got != want || want == "" && !fault.Is(err, fault.Unacceptable) || want != "" && err != nil {
			t.Errorf("%q: %q, %v", accept, got, err)
		}
		if c.w.Header().Get("Vary") != "Accept" {
			t.Error("caches are not told")
		}
	}
}
