package httpapi

import (
	"reflect"
	"strings"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/kinds"
	"lifeline/internal/openapi"
	"lifeline/internal/webhooks"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// Patterns of the contract's texts that no package of the domain defines.
const (
	languagePattern = `^[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8})*$`
	datePattern     = `^[0-9]{4}-[0-9]{2}-[0-9]{2}$`
)

// optional returns a pattern that also allows an empty text.
func optional(form string) string {
	return "^(" + strings.TrimSuffix(strings.TrimPrefix(form, "^"), "$") + ")?$"
}

// facts returns what the Go types of the contract do not express themselves.
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
			reflect.TypeFor[schedules.Of](): {AnyOf: []*openapi.Schema{openapi.String().Length(0, schedules.MaxLine),
				{Type: openapi.Types{"object"}, Additional: openapi.String().Length(0, schedules.MaxLine)}}},
			reflect.TypeFor[schedules.Kind]():          openapi.OneOf(schedules.Kinds...),
			reflect.TypeFor[schedules.State]():         openapi.OneOf(schedules.AllStates...),
			reflect.TypeFor[schedules.StartMode]():     orNone(schedules.AllStartModes...),
			reflect.TypeFor[schedules.Outcome]():       openapi.OneOf(schedules.AllOutcomes...),
			reflect.TypeFor[schedules.Verdict]():       openapi.OneOf(schedules.AllVerdicts...),
			reflect.TypeFor[schedules.RundownStatus](): openapi.OneOf(schedules.AllStatuses...),
			reflect.TypeFor[access.Role]():             openapi.OneOf(access.Roles...),
		},
		Nullable: map[reflect.Type]bool{reflect.TypeFor[schedules.Instant](): true},
		Fields:   fields,
		Longest:  schedules.MaxLine, MostEntries: schedules.MaxList,
		Comment: comments.Of,
	}, err
}

// Shorthands for the table below.
var (
	aName      = openapi.Field{Bounds: openapi.String().Length(1, schedules.MaxLine), Required: true}
	anID       = openapi.Field{Bounds: openapi.Match(schedules.IDForm), Required: true}
	pathsID    = openapi.Field{Bounds: openapi.Match(optional(schedules.IDForm))} // the path gives it
	maybeID    = openapi.Field{Bounds: openapi.Match(optional(schedules.IDForm))}
	ids        = openapi.Field{Bounds: &openapi.Schema{Items: openapi.Match(schedules.IDForm)}}
	labels     = openapi.Field{Bounds: &openapi.Schema{Items: openapi.Match(schedules.LabelForm)}}
	maybeLabel = openapi.Field{Bounds: openapi.Match(optional(schedules.LabelForm))}
	aText      = openapi.String().Length(0, schedules.MaxPassage)
	aLanguage  = openapi.Field{Bounds: openapi.Match(languagePattern), Required: true}
	languages  = openapi.Field{Bounds: (&openapi.Schema{Items: openapi.Match(languagePattern)})}
	aLength    = openapi.Field{Bounds: (&openapi.Schema{}).Between(1, float64(schedules.MaxWindow.Milliseconds())),
		Required: true}
	aWallTime = openapi.Field{Bounds: openapi.Match(optional(`([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?`))}
	needed    = openapi.Field{Required: true}
	ignored   = openapi.Field{Bounds: &openapi.Schema{Description: "Accepted and ignored, so that a caller can send " +
		"back a resource that it has read."}}
	counted    = openapi.Field{Bounds: openapi.Integer().AtLeast(1), Required: true}
	notNegated = openapi.Field{Bounds: openapi.Integer().AtLeast(0)}
)

// lasting bounds an optional duration.
func lasting(least, most time.Duration) openapi.Field {
	return within(float64(least.Milliseconds()), float64(most.Milliseconds()))
}

// orNone is one of the values, or an empty text.
func orNone[T ~string](values ...T) *openapi.Schema {
	return openapi.OneOf(append([]T{""}, values...)...)
}

// within bounds an optional number.
func within(least, most float64) openapi.Field {
	return openapi.Field{Bounds: (&openapi.Schema{}).Between(least, most)}
}

// fields are the bounds of requests, by type and field. They document what the domain checks. The contract test sends
// values just outside each bound, and each must be refused.
var fields = map[reflect.Type]map[string]openapi.Field{
	reflect.TypeFor[wire.SegmentMeta](): {"id": maybeID, "kind": needed, "title": aName, "language": aLanguage,
		"series": maybeLabel, "episode": {Bounds: openapi.Integer().Between(0, schedules.MaxEpisode)},
		"tags":    {Bounds: &openapi.Schema{Items: openapi.Match(schedules.LabelForm), UniqueItems: true}},
		"persons": labels,
		"intro":   maybeID, "back_announce": maybeID},
	reflect.TypeFor[wire.Envelope](): {"payload": {Bounds: openapi.String().Length(0, maxLarge)}},
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
		"freeze_ms": lasting(0, schedules.MaxFreeze), "fallback": ids,
		"loudness_target_lufs": within(schedules.MinLoudness, schedules.MaxLoudness)},
	reflect.TypeFor[schedules.Starved](): {"policy": {Bounds: orNone(schedules.StarvedPolicies...)},
		"after_ms": lasting(schedules.MinStarved, schedules.MaxStarved)},
	reflect.TypeFor[schedules.StandingOrder](): {
		"plan_days":    {Bounds: openapi.Integer().Between(1, schedules.MaxStandingDays), Required: true},
		"publish_days": {Bounds: openapi.Integer().Between(1, schedules.MaxStandingDays), Required: true},
		"publish":      {Bounds: orNone(schedules.StandingPublishes...)},
		"otherwise":    {Bounds: orNone(schedules.StandIns...)}},
	reflect.TypeFor[schedules.Window](): {"id": anID, "starts": needed,
		"length_ms":    aLength,
		"tolerance_ms": lasting(0, schedules.MaxWindow/2), "clock": anID, "languages": languages, "frequency_khz": notNegated,
		"also_khz": {Bounds: &openapi.Schema{Items: openapi.Integer().AtLeast(1)}}},
	reflect.TypeFor[schedules.Exception](): {"date": needed, "window": maybeID, "name": {Bounds: openapi.String().Length(0,
		schedules.MaxLine)}, "at": aWallTime,
		"length_ms":    {Bounds: (&openapi.Schema{}).Between(1, float64(schedules.MaxWindow.Milliseconds()))},
		"tolerance_ms": lasting(0, schedules.MaxWindow/2), "clock": maybeID, "languages": languages,
		"frequency_khz": notNegated, "also_khz": {Bounds: &openapi.Schema{Items: openapi.Integer().AtLeast(1)}}},
	reflect.TypeFor[schedules.Recurrence](): {"rrule": {Bounds: aText},
		"at":   aWallTime,
		"days": {Bounds: (&openapi.Schema{}).Count(0, schedules.MaxOfMonth)}},
	reflect.TypeFor[schedules.Clock](): {"id": pathsID, "revision": ignored,
		"length_ms": aLength,
		"positions": {Bounds: (&openapi.Schema{}).Count(1, 0), Required: true}},
	reflect.TypeFor[schedules.Position](): {"id": anID, "segment": maybeID,
		"at_ms":       lasting(0, schedules.MaxWindow-time.Millisecond),
		"grace_ms":    {Bounds: (&openapi.Schema{}).AtLeast(0)},
		"fade_max_ms": lasting(0, schedules.MaxFade), "near_ms": lasting(0, schedules.MaxNear),
		"prefer": {Bounds: orNone(schedules.Preferences...)}},
	reflect.TypeFor[schedules.Selector](): {
		"language": {Bounds: openapi.Match(optional(languagePattern))},
		"min_ms":   {Bounds: (&openapi.Schema{}).AtLeast(0)}, "max_ms": {Bounds: (&openapi.Schema{}).AtLeast(0)}},
	reflect.TypeFor[schedules.Rule](): {"separate": {Bounds: orNone(schedules.Separable...)},
		"at_most": {Bounds: openapi.Integer().AtLeast(0)}, "at_least": {Bounds: openapi.Integer().AtLeast(1)},
		"in_order": {Bounds: orNone(schedules.Orders...)}, "fresh_for_ms": lasting(0, 366*24*time.Hour),
		"weight": within(0, schedules.MaxWeight)},
	reflect.TypeFor[schedules.Share](): {"least": within(0, 1), "most": within(0, 1)},
	reflect.TypeFor[schedules.Daypart](): {"from": {Bounds: openapi.Match(`^([01][0-9]|2[0-3]):[0-5][0-9]$`),
		Required: false}},
	reflect.TypeFor[schedules.Campaign](): {"id": pathsID, "revision": ignored, "stations": ids,
		"at_least": notNegated},
	reflect.TypeFor[schedules.CampaignPart](): {"at_least": counted},
	reflect.TypeFor[wire.Apply]():             {"stations": {Bounds: &openapi.Schema{}}},
	reflect.TypeFor[wire.EditRequest]():       {"edits": {Bounds: (&openapi.Schema{}).Count(1, maxEdits), Required: true}},
	reflect.TypeFor[schedules.Edit]():         {"op": {Bounds: openapi.OneOf(schedules.EditOps...), Required: true}},
	reflect.TypeFor[schedules.AsRun]():        {"detail": {Bounds: openapi.String().Length(0, 2000)}},
	reflect.TypeFor[wire.AsRunReport]():       {"entries": {Bounds: (&openapi.Schema{}).Count(0, wire.MostAsRun)}},
	reflect.TypeFor[wire.Status]():            {"station": ignored, "received_at": ignored, "published_revision": ignored},
	reflect.TypeFor[wire.Webhook](): {"id": pathsID, "revision": ignored,
		"url": {Bounds: openapi.Match(webhooks.WebhookForm).Length(0, webhooks.MaxURL), Required: true},
		"changes": {Bounds: (&openapi.Schema{Items: openapi.OneOf(kinds.All.ChangeNames()...), UniqueItems: true}).Count(1,
			0), Required: true},
		"stations":    {Bounds: (&openapi.Schema{Items: openapi.Match(schedules.IDForm)}).Count(0, webhooks.MaxStations)},
		"description": {Bounds: openapi.String().Length(0, schedules.MaxLine)},
		"disabled_at": ignored, "disabled_because": ignored, "secret": ignored},
	reflect.TypeFor[wire.Approval](): {"heard_percent": within(0, 100)},
	reflect.TypeFor[wire.Replay]():   {"after": {Bounds: openapi.Integer().AtLeast(0), Required: true}},
	reflect.TypeFor[wire.NewToken](): {"person": maybeID, "station": maybeID,
		"role":    {Bounds: openapi.OneOf(access.Roles...), Required: true},
		"life_ms": {Bounds: (&openapi.Schema{}).AtLeast(0)}},
	reflect.TypeFor[wire.Member](): {"id": maybeID, "revision": ignored, "name": aName,
		"other_names": {Bounds: (&openapi.Schema{Items: openapi.String().Length(1, schedules.MaxLine)}).Count(0,
			access.MostOfPerson)},
		"roles":      {Bounds: (&openapi.Schema{Items: openapi.OneOf(access.PersonRoles...)}).Count(1, 0), Required: true},
		"languages":  {Bounds: (&openapi.Schema{Items: openapi.Match(languagePattern)}).Count(0, access.MostOfPerson)},
		"stations":   {Bounds: (&openapi.Schema{Items: openapi.Match(schedules.IDForm)}).Count(0, access.MostOfPerson)},
		"created_at": ignored, "ended_at": ignored},
}
