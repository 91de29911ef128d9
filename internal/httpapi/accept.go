package httpapi

import (
	"cmp"
	"mime"
	"strconv"
	"strings"

	"lifeline/internal/fault"
)

// preferred returns the media type that the caller prefers among those in which a resource is available (RFC 9110,
// section 12.5.1); the first of equals, or if the caller states no preference. It fails with Unacceptable if the caller
// accepts none of them. For a resource in a single type, Accept is ignored, as that section allows, since players and
// scripts often send an unsuitable one.
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

// quality returns the weight that an Accept header gives a media type: that of its most specific matching range.
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
