package apidoc

import (
	"lifeline/internal/idempotency"
	"lifeline/internal/openapi"
	"lifeline/internal/wire"
)

// Request headers.
var (
	ifNoneMatch = openapi.Parameter{Name: "If-None-Match", In: "header", Description: "The revision that the caller " +
		"has, in quotes. If it is the latest, the answer is 304.",
		Schema: openapi.String(), Example: `"7"`}
	idempotencyKey = openapi.Parameter{Name: "Idempotency-Key", In: "header",
		Description: "A text that the caller chooses to name this request. If it is sent again within a day with the " +
			"same body, the service repeats the first answer.",
		Schema: openapi.String().Length(1, idempotency.LongestKey), Example: "5f3c1f7e-2b1e-4b44-9a39-6f0f6c8f1a52"}
)

// assertion describes the header by which a session confirms a request.
var assertion = openapi.Parameter{Name: wire.AssertionHeader, In: "header", Description: "For a session: the " +
	"browser's answer to step_up of the refusal of the same request, as JSON (Assertion) in base64.", Schema: openapi.String()}

// confirmed describes the header by which a command line repeats a request that its person confirms in the console.
var confirmed = openapi.Parameter{Name: wire.ConfirmedHeader, In: "header", Description: "For a session of the " +
	"command line: the challenge in step_up of the refusal of the same request, in base64. It is refused until the person has " +
	"confirmed it at the link in step_up.", Schema: openapi.String()}

func ifMatch(required bool) openapi.Parameter {
	return openapi.Parameter{Name: "If-Match", In: "header", Description: "The revision that the change starts from, " +
		"in quotes, as in the ETag.",
		Required: required, Schema: openapi.String(), Example: `"4"`}
}
