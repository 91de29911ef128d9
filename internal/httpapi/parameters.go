package httpapi

import (
	"strings"

	"lifeline/internal/console"
	"lifeline/internal/openapi"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// pathParts describes what may stand in the variable parts of paths, by their names in the table of routes.
var pathParts = map[string]openapi.Parameter{
	"segment": {Description: "Id of a segment.", Schema: openapi.Match(schedules.IDForm),
		Example: "reading-ko-full-hana"},
	"script":   {Description: "Id of a script.", Schema: openapi.Match(schedules.IDForm), Example: "appeal"},
	"station":  {Description: "Id of a station.", Schema: openapi.Match(schedules.IDForm), Example: "lantern-coast"},
	"clock":    {Description: "Id of a clock.", Schema: openapi.Match(schedules.IDForm), Example: "hour-ko"},
	"campaign": {Description: "Id of a campaign.", Schema: openapi.Match(schedules.IDForm), Example: "appeal-daily"},
	"token": {Description: "Id of an access token: what stands between the underscores of its secret.",
		Schema: openapi.Match(`^[0-9a-f]{20}$`), Example: "0d9c6f2e41b7a8035c1e"},
	"item":   {Description: "Id of an item of the rundown.", Schema: openapi.String(), Example: "8d0e1c66a4f2b913"},
	"date":   {Description: "A broadcast day in the station's own zone.", Schema: dateSchema(), Example: "2023-10-27"},
	"window": {Description: "Id of a window of the station.", Schema: openapi.Match(schedules.IDForm), Example: "evening"},
	"rendered": {Description: "A broadcast day, and .flac or .wav.",
		Schema: openapi.Match(strings.TrimSuffix(datePattern, "$") + `\.(flac|wav)$`), Example: "2023-10-27.flac"},
	"schedule": {Description: "A broadcast day, and _PI.xml.", Schema: openapi.Match(`^[0-9]{8}_PI\.xml$`),
		Example: "20231027_PI.xml"},
	"file": {Description: "The recording's SHA-256 in hexadecimal, and .mp3.",
		Schema: openapi.Match(strings.TrimSuffix(wire.HashForm, "$") + `\.mp3$`), Example: exampleHash + ".mp3"},
	"make_good": {Description: "Id of a make-good.", Schema: openapi.String(), Example: "mg-8d0e1c66a4f2b913"},
	"upload":    {Description: "Id of an upload.", Schema: openapi.String(), Example: "0d9c6f2e41b7a8035c1e"},
	"webhook":   {Description: "Id of a webhook.", Schema: openapi.Match(schedules.IDForm), Example: "newsroom"},
	"build": {Description: "The hash of the console's files.", Schema: openapi.Match(`^[0-9a-f]{16}$`),
		Example: console.Build()},
	"asset": {Description: "A file's name.", Schema: openapi.String(), Example: "app.js"},
	"person": {Description: "Id of a person, as segments name them.", Schema: openapi.Match(schedules.LabelForm),
		Example: "p17"},
}

func dateSchema() *openapi.Schema {
	s := openapi.Match(datePattern)
	s.Format = "date"
	return s
}
