package apidoc

import (
	"lifeline/internal/idempotency"
	"lifeline/internal/openapi"
)

// Headers that requests carry.
var (
	ifNoneMatch = openapi.Parameter{Name: "If-None-Match", In: "header", Description: "The revision that the caller " +
		"has, in quotes: 304 when it is the latest.",
		Schema: openapi.String(), Example: `"7"`}
	idempotencyKey = openapi.Parameter{Name: "Idempotency-Key", In: "header",
		Description: "Any text of the caller's that names this act. Sent again within a day, with the same body, the first " +
			"answer is repeated.",
		Schema: openapi.String().Length(1, idempotency.LongestKey), Example: "5f3c1f7e-2b1e-4b44-9a39-6f0f6c8f1a52"}
)

func ifMatch(required bool) openapi.Parameter {
	return openapi.Parameter{Name: "If-Match", In: "header", Description: "The revision that the change starts from, in " +
		"quotes, as the ETag gave it.",
		Required: required, Schema: openapi.String(), Example: `"4"`}
}
