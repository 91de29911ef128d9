package httpapi

import (
	"cmp"
	"mime"
	"strconv"
	"strings"

	"lifeline/internal/fault"
)

// preferred is which of the media types that a resource is to be had in the caller would rather have (RFC 9110, section
// 12.5.1); the first of those that are as good, and where the caller does not say. It fails with Unacceptable when the
// caller takes none of them. What is to be had in one form alone is not negotiated: Accept is disregarded there, as
// that section allows, since players and scripts send what they will.
func preferred(c *call, types ...string) (string, error) {
	c.w.Header().Add("Vary", "Accept")
	accept := strings.Join(c.r.Header.Values("Accept"), ",")
	if strings.TrimSpace(accept) == "" {
		return types[0], nil
	}
	best, weight := "", 0.0
	for _, t := range types {
		if q := quality(accept, t); q > weight {
			best, weight = t, q
		}
	}
	if best == "" {
		return "", fault.New(fault.Unacceptable, "this resource is available as %s", strings.Join(types, ", "))
	}
	return best, nil
}

// quality is how much an Accept header wants a media type: what its most specific range that takes in the type says.
func quality(accept, mediaType string) float64 {
	main, _, _ := strings.Cut(mediaType, "/")
	ranges := []string{"*/*", main + "/*", mediaType}
	specific, quality := -1, 0.0
	for part := range strings.SplitSeq(accept, ",") {
		given, params, err := mime.ParseMediaType(part)
		if err != nil {
			continue
		}
		q, err := strconv.ParseFloat(cmp.Or(params["q"], "1"), 64)
		for i, r := range ranges {
			if err == nil && given == r && i > specific {
				specific, quality = i, q
			}
		}
	}
	return quality
}
