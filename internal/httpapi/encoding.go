package httpapi

import (
	"net/http"
	"strconv"
	"strings"
)

// takesGzip reports whether the caller accepts gzip (RFC 9110, 12.5.3).
func takesGzip(r *http.Request) bool {
	any := false
	for offer := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, parameters, _ := strings.Cut(strings.TrimSpace(offer), ";")
		quality := 1.0
		if q, ok := strings.CutPrefix(strings.ReplaceAll(parameters, " ", ""), "q="); ok {
			quality, _ = strconv.ParseFloat(q, 64) // a malformed weight counts as 0
		}
		switch strings.ToLower(name) {
		case "gzip":
			return quality > 0
		case "*":
			any = quality > 0
		}
	}
	return any
}
