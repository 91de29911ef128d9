package httpapi

import (
	"lifeline/internal/console"
	"lifeline/internal/openapi"
)

// pathParts describes what may stand in the variable parts of paths, by their names in the table of routes.
var pathParts = map[string]openapi.Parameter{
	"segment":  {Description: "Id of a segment.", Schema: openapi.Match(idPattern), Example: "reading-ko-full-hana"},
	"script":   {Description: "Id of a script.", Schema: openapi.Match(idPattern), Example: "appeal"},
	"station":  {Description: "Id of a station.", Schema: openapi.Match(idPattern), Example: "lantern-coast"},
	"clock":    {Description: "Id of a clock.", Schema: openapi.Match(idPattern), Example: "hour-ko"},
	"campaign": {Description: "Id of a campaign.", Schema: openapi.Match(idPattern), Example: "appeal-daily"},
	"token": {Description: "Id of an access token: what stands between the underscores of its secret.",
		Schema: openapi.Match(`^[0-9a-f]{20}$`), Example: "0d9c6f2e41b7a8035c1e"},
	"item":   {Description: "Id of an item of the rundown.", Schema: openapi.String(), Example: "8d0e1c66a4f2b913"},
	"date":   {Description: "A broadcast day in the station's own zone.", Schema: dateSchema(), Example: "2023-10-27"},
	"window": {Description: "Id of a window of the station.", Schema: openapi.Match(idPattern), Example: "evening"},
	"rendered": {Description: "A broadcast day, and .flac or .wav.",
		Schema: openapi.Match(`^[0-9]{4}-[0-9]{2}-[0-9]{2}\.(flac|wav)$`), Example: "2023-10-27.flac"},
	"schedule": {Description: "A broadcast day, and _PI.xml.", Schema: openapi.Match(`^[0-9]{8}_PI\.xml$`),
		Example: "20231027_PI.xml"},
	"file": {Description: "The recording's SHA-256 in hexadecimal, and .mp3.",
		Schema: openapi.Match(`^[0-9a-f]{64}\.mp3$`), Example: exampleHash + ".mp3"},
	"make_good": {Description: "Id of a make-good.", Schema: openapi.String(), Example: "mg-8d0e1c66a4f2b913"},
	"upload":    {Description: "Id of an upload.", Schema: openapi.String(), Example: "0d9c6f2e41b7a8035c1e"},
	"webhook":   {Description: "Id of a webhook.", Schema: openapi.Match(idPattern), Example: "newsroom"},
	"build": {Description: "The hash of the console's files.", Schema: openapi.Match(`^[0-9a-f]{16}$`),
		Example: console.Build()},
	"asset":  {Description: "A file's name.", Schema: openapi.String(), Example: "app.js"},
	"person": {Description: "Id of a person, as segments name them.", Schema: openapi.Match(labelPattern), Example: "p17"},
}

func dateSchema() *openapi.Schema {
	s := openapi.Match(datePattern)
	s.Format = "date"
	return s
}

// Query parameters that several operations take.
var (
	limitParameter = openapi.Parameter{Name: "limit", Description: "How many at most.",
		Schema: withDefault(openapi.Integer().Between(1, 500), 50)}
	cursorParameter = openapi.Parameter{Name: "cursor", Description: "next_cursor of the page before.",
		Schema: openapi.String()}
	waitParameter = openapi.Parameter{Name: "wait", Description: "How long to wait, such as 55s: with If-None-Match, " +
		"until there is a later revision.",
		Schema: openapi.Match(durationPattern), Example: "55s"}
	nonceParameter = openapi.Parameter{Name: "nonce", Description: "Random letters, digits, - or _, others with each " +
		"request. The answer names it, so that a station knows that it was not stored up on the way.",
		Schema: openapi.Match("^[0-9A-Za-z_-]{0,64}$"), Example: "0c9d1fa2b7e84c35"}
	dryRunParameter = openapi.Parameter{Name: "dry_run", Description: "Change nothing; answer what would be.",
		Schema: openapi.OneOf("true", "false", "1", "0")}
	dateParameter = openapi.Parameter{Name: "date",
		Description: "A broadcast day. Default: the one that contains now.", Schema: dateSchema(), Example: "2023-10-27"}
	revisionParameter = openapi.Parameter{Name: "revision", Description: "A revision of the day. Default: the latest.",
		Schema: openapi.Integer().AtLeast(1)}
	paged = []openapi.Parameter{limitParameter, cursorParameter}
)

// durationPattern is a duration as Go writes it, at least of seconds and minutes.
const durationPattern = `^([0-9]{1,5}(\.[0-9]{1,5})?(ms|s|m|h)){1,3}$`

func withDefault(s *openapi.Schema, v any) *openapi.Schema {
	s.Default = v
	return s
}

// Headers that operations take.
var (
	ifNoneMatch = openapi.Parameter{Name: "If-None-Match", In: "header", Description: "The revision that the caller " +
		"has, in quotes: 304 when it is the latest.",
		Schema: openapi.String(), Example: `"7"`}
	idempotencyKey = openapi.Parameter{Name: "Idempotency-Key", In: "header",
		Description: "Any text of the caller's that names this act. Sent again within a day, with the same body, the first " +
			"answer is repeated.",
		Schema: openapi.String().Length(1, maxIdempotencyKey), Example: "5f3c1f7e-2b1e-4b44-9a39-6f0f6c8f1a52"}
	rangeHeader = openapi.Parameter{Name: "Range", In: "header", Description: "Bytes to answer, such as bytes=0-1023.",
		Schema: openapi.String()}
)

func ifMatch(required bool) openapi.Parameter {
	return openapi.Parameter{Name: "If-Match", In: "header", Description: "The revision that the change starts from, in " +
		"quotes, as the ETag gave it.",
		Required: required, Schema: openapi.String(), Example: `"4"`}
}
