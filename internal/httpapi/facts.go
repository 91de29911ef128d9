package httpapi

import (
	"reflect"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/kinds"
	"lifeline/internal/openapi"
	"lifeline/internal/webhooks"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// The forms of the contract's texts.
const (
	idPattern       = `^[a-z0-9][a-z0-9._-]{0,62}$`
	optionalID      = `^([a-z0-9][a-z0-9._-]{0,62})?$`
	languagePattern = `^[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8})*$`
	labelPattern    = `^[\p{L}\p{N}][\p{L}\p{N}\p{M}` + "\u200c\u200d" + `._-]{0,62}$`
	optionalLabel   = `^([\p{L}\p{N}][\p{L}\p{N}\p{M}` + "\u200c\u200d" + `._-]{0,62})?$`
	datePattern     = `^[0-9]{4}-[0-9]{2}-[0-9]{2}$`
	hashPattern     = `^[0-9a-f]{64}$`
)

// longest is how many characters a text may have that says nothing else.
const longest = 500

const hour = float64(time.Hour / time.Millisecond)

// facts are what the Go types of the contract do not say of themselves.
func facts() (openapi.Facts, error) {
	comments, err := comments()
	instant := openapi.String()
	instant.Format = "date-time"
	inBase64 := openapi.String()
	inBase64.Format = "byte"
	date := openapi.Match(datePattern)
	date.Format = "date"
	return openapi.Facts{
		Types: map[reflect.Type]*openapi.Schema{
			reflect.TypeFor[schedules.Millis]():    openapi.Integer(),
			reflect.TypeFor[schedules.Instant]():   instant,
			reflect.TypeFor[[]byte]():              inBase64,
			reflect.TypeFor[schedules.Date]():      date,
			reflect.TypeFor[schedules.TimeOfDay](): openapi.Match(`^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$`),
			reflect.TypeFor[schedules.Of](): {AnyOf: []*openapi.Schema{openapi.String().Length(0, longest),
				{Type: openapi.Types{"object"}, Additional: openapi.String().Length(0, longest)}}},
			reflect.TypeFor[schedules.Kind](): openapi.OneOf(schedules.Kinds...),
			reflect.TypeFor[schedules.State](): openapi.OneOf(schedules.Analysing, schedules.Rejected, schedules.Pending,
				schedules.Approved, schedules.Recalled),
			reflect.TypeFor[schedules.StartMode](): openapi.OneOf("", schedules.Follow, schedules.Hard, schedules.Soft),
			reflect.TypeFor[schedules.Outcome](): openapi.OneOf(schedules.Aired, schedules.Cut, schedules.Skipped,
				schedules.Failed, schedules.FellBack),
			reflect.TypeFor[schedules.Verdict](): openapi.OneOf(schedules.AsPlanned, schedules.Short, schedules.Late,
				schedules.Missed, schedules.Substituted, schedules.Extra,
				schedules.ToCome, schedules.Unreported),
			reflect.TypeFor[schedules.RundownStatus](): openapi.OneOf(schedules.Draft, schedules.Published, schedules.Withdrawn),
			reflect.TypeFor[access.Role]():             openapi.OneOf(access.Roles...),
		},
		Nullable: map[reflect.Type]bool{reflect.TypeFor[schedules.Instant](): true},
		Fields:   fields,
		Longest:  longest,
		Comment:  comments.Of,
	}, err
}

// Shorthands for the table below.
var (
	aName      = openapi.Field{Bounds: openapi.String().Length(1, longest), Required: true}
	anID       = openapi.Field{Bounds: openapi.Match(idPattern), Required: true}
	pathsID    = openapi.Field{Bounds: openapi.Match(optionalID)} // the path names it
	maybeID    = openapi.Field{Bounds: openapi.Match(optionalID)}
	ids        = openapi.Field{Bounds: &openapi.Schema{Items: openapi.Match(idPattern)}}
	labels     = openapi.Field{Bounds: &openapi.Schema{Items: openapi.Match(labelPattern)}}
	maybeLabel = openapi.Field{Bounds: openapi.Match(optionalLabel)}
	aText      = openapi.String().Length(0, 20_000)
	aLanguage  = openapi.Field{Bounds: openapi.Match(languagePattern), Required: true}
	languages  = openapi.Field{Bounds: (&openapi.Schema{Items: openapi.Match(languagePattern)})}
	needed     = openapi.Field{Required: true}
	ignored    = openapi.Field{Bounds: &openapi.Schema{Description: "Accepted, so that what was read can be sent back, " +
		"and ignored."}}
	counted    = openapi.Field{Bounds: openapi.Integer().AtLeast(1), Required: true}
	notNegated = openapi.Field{Bounds: openapi.Integer().AtLeast(0)}
)

// within bounds a number that may be left out.
func within(least, most float64) openapi.Field {
	return openapi.Field{Bounds: (&openapi.Schema{}).Between(least, most)}
}

// fields are the bounds that requests are held to, by type and field. They repeat in the document's words what the
// domain checks; the contract test sends what lies just outside of each and must see it refused.
var fields = map[reflect.Type]map[string]openapi.Field{
	reflect.TypeFor[wire.SegmentMeta](): {"id": maybeID, "kind": needed, "title": aName, "language": aLanguage,
		"series": maybeLabel, "tags": {Bounds: &openapi.Schema{Items: openapi.Match(labelPattern), UniqueItems: true}},
		"persons": labels,
		"intro":   maybeID, "back_announce": maybeID},
	reflect.TypeFor[schedules.ScriptRef](): {"id": anID, "version": counted,
		"passages": {Bounds: (&openapi.Schema{Items: openapi.Integer().AtLeast(1), UniqueItems: true}).Count(1, 0),
			Required: true}},
	reflect.TypeFor[schedules.Script](): {"id": pathsID, "revision": ignored,
		"languages": {Bounds: (&openapi.Schema{Items: openapi.Match(languagePattern), UniqueItems: true}).Count(1, 0),
			Required: true}},
	reflect.TypeFor[schedules.ScriptVersion](): {"version": counted, "passages": {Bounds: (&openapi.Schema{}).Count(1, 0),
		Required: true}},
	reflect.TypeFor[schedules.Passage](): {"number": counted, "text": {Bounds: &openapi.Schema{Additional: aText}}},
	reflect.TypeFor[schedules.Station](): {"id": pathsID, "revision": ignored, "name": aName, "timezone": needed,
		"languages": {Bounds: (&openapi.Schema{Items: openapi.Match(languagePattern)}).Count(1, 0), Required: true},
		"freeze_ms": within(0, 7*24*hour), "loudness_target_lufs": within(-70, 0), "fallback": ids},
	reflect.TypeFor[schedules.Window](): {"id": anID, "starts": needed,
		"length_ms":    {Bounds: (&openapi.Schema{}).Between(1, 24*hour), Required: true},
		"tolerance_ms": within(0, 12*hour), "clock": anID, "languages": languages, "frequency_khz": notNegated,
		"also_khz": {Bounds: &openapi.Schema{Items: openapi.Integer().AtLeast(1)}}},
	reflect.TypeFor[schedules.Recurrence](): {"timezone": needed, "rrule": {Bounds: aText, Required: true}},
	reflect.TypeFor[schedules.Clock](): {"id": pathsID, "revision": ignored,
		"length_ms": {Bounds: (&openapi.Schema{}).Between(1, 24*hour), Required: true},
		"positions": {Bounds: (&openapi.Schema{}).Count(1, 0), Required: true}},
	reflect.TypeFor[schedules.Position](): {"id": anID, "segment": maybeID, "at_ms": within(0, 24*hour-1),
		"grace_ms":    {Bounds: (&openapi.Schema{}).AtLeast(0)},
		"fade_max_ms": within(0, 60_000), "near_ms": within(0, 60_000), "prefer": {Bounds: openapi.OneOf("", "unexposed")}},
	reflect.TypeFor[schedules.Selector](): {
		"language": {Bounds: openapi.Match(`^([A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8})*)?$`)},
		"min_ms":   {Bounds: (&openapi.Schema{}).AtLeast(0)}, "max_ms": {Bounds: (&openapi.Schema{}).AtLeast(0)}},
	reflect.TypeFor[schedules.Rule](): {"separate": {Bounds: openapi.OneOf("", "segment", "series", "voice", "script",
		"tag")},
		"at_most": {Bounds: openapi.Integer().AtLeast(0)}, "at_least": {Bounds: openapi.Integer().AtLeast(1)},
		"weight": within(0, 1e6)},
	reflect.TypeFor[schedules.Share](): {"least": within(0, 1), "most": within(0, 1)},
	reflect.TypeFor[schedules.Daypart](): {"from": {Bounds: openapi.Match(`^([01][0-9]|2[0-3]):[0-5][0-9]$`),
		Required: false}},
	reflect.TypeFor[schedules.Campaign](): {"id": pathsID, "revision": ignored, "stations": ids,
		"at_least": notNegated},
	reflect.TypeFor[schedules.CampaignPart](): {"at_least": counted},
	reflect.TypeFor[wire.Apply]():             {"stations": {Bounds: &openapi.Schema{}}},
	reflect.TypeFor[wire.EditRequest]():       {"edits": {Bounds: (&openapi.Schema{}).Count(1, maxEdits), Required: true}},
	reflect.TypeFor[schedules.Edit](): {"op": {Bounds: openapi.OneOf("insert", "replace", "move", "remove", "lock",
		"unlock"), Required: true}},
	reflect.TypeFor[schedules.AsRun]():  {"detail": {Bounds: openapi.String().Length(0, 2000)}},
	reflect.TypeFor[wire.AsRunReport](): {"entries": {Bounds: (&openapi.Schema{}).Count(0, maxEntries)}},
	reflect.TypeFor[wire.Status]():      {"station": ignored, "received_at": ignored, "published_revision": ignored},
	reflect.TypeFor[wire.Webhook](): {"id": pathsID, "revision": ignored,
		"url": {Bounds: openapi.Match(webhooks.WebhookForm).Length(0, 2000), Required: true},
		"changes": {Bounds: (&openapi.Schema{Items: openapi.OneOf(kinds.All.ChangeNames()...), UniqueItems: true}).Count(1,
			0), Required: true},
		"stations":    {Bounds: (&openapi.Schema{Items: openapi.Match(idPattern)}).Count(0, 1000)},
		"description": {Bounds: openapi.String().Length(0, longest)},
		"disabled_at": ignored, "disabled_because": ignored, "secret": ignored},
	reflect.TypeFor[wire.Replay](): {"after": {Bounds: openapi.Integer().AtLeast(0), Required: true}},
	reflect.TypeFor[wire.NewToken](): {"name": aName,
		"role":    {Bounds: openapi.OneOf(access.Roles...), Required: true},
		"life_ms": {Bounds: (&openapi.Schema{}).AtLeast(0)}},
}
