package httpapi

import (
	"strings"

	"lifeline/internal/console"
	"lifeline/internal/openapi"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// pathParts describes the variable parts of paths, by their names in the routes.
var pathParts = map[string]openapi.Parameter{
	"segment": {Description: "The ID of a segment.", Schema: openapi.Match(schedules.IDForm),
		Example: "reading-ko-full-hana"},
	"script":   {Description: "The ID of a script.", Schema: openapi.Match(schedules.IDForm), Example: "appeal"},
	"station":  {Description: "The ID of a station.", Schema: openapi.Match(schedules.IDForm), Example: "lantern-coast"},
	"clock":    {Description: "The ID of a clock.", Schema: openapi.Match(schedules.IDForm), Example: "hour-ko"},
	"campaign": {Description: "The ID of a campaign.", Schema: openapi.Match(schedules.IDForm), Example: "appeal-daily"},
	"token": {Description: "The ID of an access token: the part of its secret between the underscores.",
		Schema: openapi.Match(`^[0-9a-f]{20}$`), Example: "0d9c6f2e41b7a8035c1e"},
	"session": {Description: "The ID of a session.", Schema: openapi.Match(`^[0-9a-f]{20}$`),
		Example: "0d9c6f2e41b7a8035c1e"},
	"passkey": {Description: "The ID of a passkey.", Schema: openapi.Match(`^[0-9a-f]{20}$`),
		Example: "9f2c51d07be3a8460d9c"},
	"item": {Description: "The ID of an item of the rundown.", Schema: openapi.String(), Example: "8d0e1c66a4f2b913"},
	"date": {Description: "A broadcast day in the time zone of the station.", Schema: dateSchema(),
		Example: "2023-10-27"},
	"window": {Description: "The ID of a window of the station.", Schema: openapi.Match(schedules.IDForm),
		Example: "evening"},
	"rendered": {Description: "A broadcast day, followed by .flac or .wav.",
		Schema: openapi.Match(strings.TrimSuffix(datePattern, "$") + `\.(flac|wav)$`), Example: "2023-10-27.flac"},
	"schedule": {Description: "A broadcast day, followed by _PI.xml.", Schema: openapi.Match(`^[0-9]{8}_PI\.xml$`),
		Example: "20231027_PI.xml"},
	"file": {Description: "The SHA-256 of the recording in hexadecimal, followed by .mp3.",
		Schema: openapi.Match(strings.TrimSuffix(wire.HashForm, "$") + `\.mp3$`), Example: exampleHash + ".mp3"},
	"make_good": {Description: "The ID of a make-good.", Schema: openapi.String(), Example: "mg-8d0e1c66a4f2b913"},
	"upload":    {Description: "The ID of an upload.", Schema: openapi.String(), Example: "0d9c6f2e41b7a8035c1e"},
	"erasure": {Description: "The ID of an erasure.", Schema: openapi.Match(schedules.IDForm),
		Example: "0d9c6f2e41b7a8035c1e"},
	"change": {Description: "The ID of a change that waits.", Schema: openapi.Match(schedules.IDForm),
		Example: "3f9c61d2aa0b4e7c5510"},
	"webhook": {Description: "The ID of a webhook.", Schema: openapi.Match(schedules.IDForm), Example: "newsroom"},
	"build": {Description: "The hash of the console's files.", Schema: openapi.Match(`^[0-9a-f]{16}$`),
		Example: console.Build()},
	"asset": {Description: "The name of the file.", Schema: openapi.String(), Example: "app.js"},
	"person": {Description: "The ID of a person, as segments name it.", Schema: openapi.Match(schedules.LabelForm),
		Example: "p17"},
}

func dateSchema() *openapi.Schema {
	s := openapi.Match(datePattern)
	s.Format = "date"
	return s
}
