package wire

import (
	"encoding/json"
	"slices"

	"lifeline/internal/fault"
	"lifeline/schedules"
)

// Page is one page of a list. An empty NextCursor marks the last page.
type Page[T any] struct {
	Items      []T    `json:"items"`
	NextCursor string `json:"next_cursor,omitempty"`
}

// Problem is an RFC 9457 problem document.
type Problem struct {
	Type      string        `json:"type"`
	Title     string        `json:"title"`
	Status    int           `json:"status"`
	Detail    string        `json:"detail,omitempty"`
	RequestID string        `json:"request_id,omitempty"`
	Errors    []fault.Field `json:"errors,omitempty"`
	// of type step-up-required: what a browser needs to confirm this request by passkey
	StepUp *PasskeyChallenge `json:"step_up,omitempty"`
}

// SegmentMeta is the editorial metadata that a producer writes. The service sets the other fields.
type SegmentMeta struct {
	ID           string               `json:"id"` // none: the service creates one
	Kind         schedules.Kind       `json:"kind"`
	Title        string               `json:"title"`
	Language     string               `json:"language"` // BCP 47; "zxx" for no linguistic content
	Voice        string               `json:"voice"`
	Series       string               `json:"series"`
	Episode      int                  `json:"episode"` // its number in the series; 0: none
	Tags         []string             `json:"tags"`
	Script       *schedules.ScriptRef `json:"script"`        // the text that a reading reads
	Persons      []string             `json:"persons"`       // ids of the persons named in it
	Intro        string               `json:"intro"`         // id of the segment that introduces this one in a chain
	BackAnnounce string               `json:"back_announce"` // id of the segment that closes the chain
	ValidFrom    schedules.Instant    `json:"valid_from"`    // none means from the beginning
	ValidUntil   schedules.Instant    `json:"valid_until"`   // none means forever; an airing must end by then
	Consent      *schedules.Consent   `json:"consent"`       // of the persons; an airing must end by its expiry
	Sensitive    bool                 `json:"sensitive"`     // airs only under a lease that the station renews
}

// SegmentMetaOf returns the editorial part of a segment. It shares no memory with it: a patch is decoded onto it.
func SegmentMetaOf(s schedules.Segment) SegmentMeta {
	m := SegmentMeta{s.ID, s.Kind, s.Title, s.Language, s.Voice, s.Series, s.Episode, slices.Clone(s.Tags), nil,
		slices.Clone(s.Persons), s.Intro,
		s.BackAnnounce, s.ValidFrom, s.ValidUntil, nil, s.Sensitive}
	if s.Script != nil {
		m.Script = &schedules.ScriptRef{ID: s.Script.ID, Version: s.Script.Version, Passages: slices.Clone(s.Script.Passages)}
	}
	if s.Consent != nil {
		consent := *s.Consent
		m.Consent = &consent
	}
	return m
}

// Onto sets the editorial metadata of s.
func (m SegmentMeta) Onto(s *schedules.Segment) {
	s.ID, s.Kind, s.Title, s.Language, s.Voice = m.ID, m.Kind, m.Title, m.Language, m.Voice
	s.Series, s.Episode = m.Series, m.Episode
	s.Tags, s.Script, s.Persons, s.Intro, s.BackAnnounce = m.Tags, m.Script, m.Persons, m.Intro, m.BackAnnounce
	s.ValidFrom, s.ValidUntil, s.Consent, s.Sensitive = m.ValidFrom, m.ValidUntil, m.Consent, m.Sensitive
}

// Upload is a multipart upload: the metadata as JSON, and the bytes of the recording.
type Upload struct {
	Meta  SegmentMeta `json:"meta"`
	Audio string      `json:"audio"` // an MP3
}

// Waveform is a recording's outline in the JSON version 2 format of BBC audiowaveform.
type Waveform struct {
	Version         int   `json:"version"`
	Channels        int   `json:"channels"`
	SampleRate      int   `json:"sample_rate"`
	SamplesPerPixel int   `json:"samples_per_pixel"`
	Bits            int   `json:"bits"`
	Length          int   `json:"length"` // in pixels
	Data            []int `json:"data"`   // minimum and maximum of each pixel
}

// SegmentNow is a segment with facts that are not part of its revision: the stations with a window that allows its
// language, by id, the warnings that an approval must accept, the other segments with the same recording, the progress
// of a running analysis, and its erasure: then only its id, kind and language, and facts of its recordings are left.
type SegmentNow struct {
	schedules.Segment
	AirableOn     []string                     `json:"airable_on"`
	ToAccept      []schedules.RecordingWarning `json:"to_accept,omitempty"`
	SameRecording []SameRecording              `json:"same_recording,omitempty"`
	Analysis      *Progress                    `json:"analysis,omitempty"`
	Erased        *ErasedFor                   `json:"erased,omitempty"`
}

// ErasedFor is the erasure of a segment, which nothing brings back.
type ErasedFor struct {
	ID string            `json:"id"` // of the erasure
	At schedules.Instant `json:"at"` // when it was confirmed
}

// SameRecording is another segment with the same recording.
type SameRecording struct {
	ID    string          `json:"id"`
	State schedules.State `json:"state"`
}

// Progress is the progress of an analysis, in bytes.
type Progress struct {
	Bytes int64 `json:"bytes"`
	Of    int64 `json:"of"`
}

// Approval is the body of approve.
type Approval struct {
	Reason string `json:"reason"`
	// required if the segment has warnings to accept (to_accept)
	AcceptWarnings bool `json:"accept_warnings,omitempty"`
	// SHA-256 of the recording that was heard; required without If-Match
	SHA256 string `json:"sha256,omitempty"`
	// how much of the recording was really played, from 0 to 100; none: not measured
	HeardPercent *int `json:"heard_percent,omitempty"`
}

// Reason is the body of reject, recall and reinstate, and of the withdrawal of a day.
type Reason struct {
	Reason string `json:"reason"`
}

// RecallsOf selects the recalls of one person that nobody has confirmed.
type RecallsOf struct {
	By     string            `json:"by"`    // id or name of the person who recalled
	Since  schedules.Instant `json:"since"` // none: all
	Reason string            `json:"reason"`
}

// RecallsChanged lists the segments of recalls that were confirmed or undone, each with its present state.
type RecallsChanged struct {
	Segments  []PersonSegment `json:"segments"`
	Confirmed []string        `json:"confirmed,omitempty"` // when undone: ids that stay, since another person confirmed
	Message   string          `json:"message,omitempty"`   // when undone: what stays off the air, and why
}

// What puts an item in its place.
const (
	ByPlanner = "planner"
	ByRepair  = "repair" // of a published day, when something in it may not air any more
	ByPerson  = "person"
	ByRepeat  = "repeat" // of another day, by a standing order that could not publish the day in time
)

// PlacedItem is the reason for the place of an item, and what put it there.
type PlacedItem struct {
	schedules.Explanation
	PlacedBy  string     `json:"placed_by"`             // planner, repair, repeat or person
	PlacedIn  int64      `json:"placed_in"`             // the revision that put it there
	By        string     `json:"by,omitempty"`          // the person, if the audit still says who it was
	InPlaceOf []TakenOut `json:"in_place_of,omitempty"` // what was taken out, for an item that a repair chose
}

// TakenOut is an item that a repair took out of a published day.
type TakenOut struct {
	Item      string            `json:"item"`
	Window    string            `json:"window"`
	SegmentID string            `json:"segment_id"`
	Title     string            `json:"title"`
	StartAt   schedules.Instant `json:"start_at"`
	EndAt     schedules.Instant `json:"end_at"`
	Why       string            `json:"why,omitempty"`
}

// Apply is the desired state of a whole network, or of a part of one. Documents that it does not name stay unchanged.
type Apply struct {
	Stations  []schedules.Station  `json:"stations,omitempty"`
	Clocks    []schedules.Clock    `json:"clocks,omitempty"`
	Scripts   []schedules.Script   `json:"scripts,omitempty"`
	Campaigns []schedules.Campaign `json:"campaigns,omitempty"`

	// Remove names definitions that are removed. Nothing else in the network may use them then.
	Remove *Removals `json:"remove,omitempty"`
}

// Removals names the definitions that an apply removes, by id. What was published by them stays in the record.
type Removals struct {
	Stations  []string `json:"stations,omitempty"` // none with coming published days, tokens, or campaigns that name them
	Clocks    []string `json:"clocks,omitempty"`
	Scripts   []string `json:"scripts,omitempty"` // none with readings
	Campaigns []string `json:"campaigns,omitempty"`
}

// Removed returns the definitions that are removed.
func (n Apply) Removed() Removals {
	if n.Remove == nil {
		return Removals{}
	}
	return *n.Remove
}

// Applied describes the changes of an apply, or, on a dry run, the changes that it would make.
type Applied struct {
	DryRun  bool            `json:"dry_run"`
	Changes []AppliedChange `json:"changes"`

	// Problems lists, by station, the problems after the change, including published days that no longer match. They do
	// not prevent the change.
	Problems map[string][]schedules.StationProblem `json:"problems,omitempty"`

	// Waits is, of a dry run, why the change would wait for a second person. Empty: it would not.
	Waits string `json:"waits,omitempty"`
}

// ChangedSegment is a segment after a change, with the consequences of the change.
type ChangedSegment struct {
	schedules.Segment
	AirableOn     []string                     `json:"airable_on"`
	ToAccept      []schedules.RecordingWarning `json:"to_accept,omitempty"`
	SameRecording []SameRecording              `json:"same_recording,omitempty"`

	// Stations lists the stations whose fallback names the segment and has no airable segment any more.
	Stations map[string][]schedules.StationProblem `json:"stations_without_fallback,omitempty"`
}

// AppliedChange is the change of one document in an apply.
type AppliedChange struct {
	Kind     string          `json:"kind"` // station, clock, script, campaign, standing-order (who set it)
	ID       string          `json:"id"`
	Action   string          `json:"action"` // create, update, unchanged, remove
	Revision int64           `json:"revision"`
	Before   json.RawMessage `json:"before,omitempty"`
	After    json.RawMessage `json:"after,omitempty"`
}

// Uses lists what uses a clock, a script or a segment.
type Uses struct {
	Definitions []schedules.Reference `json:"definitions"`    // places of stations, clocks, campaigns and segments that name it
	More        int                   `json:"more,omitempty"` // further segments that name it
	Coming      []ComingItems         `json:"coming"`         // of a segment: the published days that will still air it
}

// Listed returns the uses with lists that are empty, not missing.
func (u Uses) Listed() Uses {
	if u.Definitions == nil {
		u.Definitions = []schedules.Reference{}
	}
	if u.Coming == nil {
		u.Coming = []ComingItems{}
	}
	return u
}

// ComingItems counts the coming items of a published day that air a segment.
type ComingItems struct {
	Station string         `json:"station"`
	Date    schedules.Date `json:"date"`
	Items   int            `json:"items"`
}

// PlanRequest requests a draft of one day.
type PlanRequest struct {
	Seed uint64   `json:"seed"`
	Keep []string `json:"keep,omitempty"` // ids of items of the latest rundown to keep
}

// MostDays is how many days of stations a ManyRequest may name, stations times dates: each takes a while to plan.
const MostDays = 500

// ManyRequest requests many stations and days at once. No stations means all of them; no dates means today.
type ManyRequest struct {
	Stations []string         `json:"stations,omitempty"`
	Dates    []schedules.Date `json:"dates,omitempty"`
	Seed     uint64           `json:"seed"`

	Correction string `json:"correction,omitempty"` // of a publication, as for one day
}

// ManyResult is the result for one station and day of a ManyRequest.
type ManyResult struct {
	Station  string              `json:"station"`
	Date     schedules.Date      `json:"date,omitzero"`
	Revision int64               `json:"revision,omitempty"`
	Items    int                 `json:"items"`
	Warnings []schedules.Warning `json:"warnings,omitempty"`
	Problem  *Problem            `json:"problem,omitempty"` // why this one failed
	// the latest rundown of the day was published already, and nothing changed
	Unchanged bool `json:"unchanged,omitempty"`
}

// EditRequest edits a rundown by hand.
type EditRequest struct {
	Edits []schedules.Edit `json:"edits"`
}

// PublishRequest publishes the latest rundown of a day.
type PublishRequest struct {
	// why a frozen window may change, or the day may lose more than half of its time; empty means that it may not
	Correction string `json:"correction"`
}

// NewToken describes an access token to create.
type NewToken struct {
	Name    string            `json:"name"`    // the machine or station that will hold it; not with person
	Person  string            `json:"person"`  // ID of the person who will hold it
	Role    string            `json:"role"`    // with person, one of the person's roles
	Station string            `json:"station"` // only for the role station, and required for it
	May     []string          `json:"may"`     // IDs of the operations that it is limited to; none: all of its role
	Life    *schedules.Millis `json:"life_ms"` // none: 90 days; 0 means that it does not expire
}

// Token is the record of an access token. Secret is set only in the response that creates it.
type Token struct {
	ID        string            `json:"id"`
	Name      string            `json:"name"`             // the person, machine or station that holds it
	Person    string            `json:"person,omitempty"` // ID of the person who holds it, or for whom its name stands
	Role      string            `json:"role"`
	Station   string            `json:"station,omitempty"` // of the role station
	May       []string          `json:"may,omitempty"`     // IDs of the operations that it is limited to
	CreatedAt schedules.Instant `json:"created_at"`
	ExpiresAt schedules.Instant `json:"expires_at"` // none: it does not expire
	// to the hour, where another replica or an earlier run of the service saw it; none: it was not used yet
	LastUsed schedules.Instant `json:"last_used_at"`
	// ID of the person, or name of the machine, who made it; none: an earlier version of the service did not note it
	CreatedBy   string `json:"created_by,omitempty"`
	CreatedHere bool   `json:"created_here,omitempty"` // it was made on the service's machine (lifeline token create)
	Secret      string `json:"secret,omitempty"`
}

// Me is the identity and the role of a token.
type Me struct {
	Name    string   `json:"name"`             // the person, machine or station that holds the token
	Person  string   `json:"person,omitempty"` // ID of the person
	Role    string   `json:"role"`
	Roles   []string `json:"roles,omitempty"`   // of a session: all roles of the person
	Session string   `json:"session,omitempty"` // ID of the session, if the caller is signed in
	Station string   `json:"station,omitempty"` // of the role station
	// whether the caller hears sensitive recordings, and sees the persons and the consent of segments
	Sensitive *bool `json:"sensitive,omitempty"`
	// the operations that the role may perform, by their ids in the OpenAPI document
	May []string `json:"may"`
}

// Health reports that the service is alive.
type Health struct {
	Status string `json:"status"` // alive
}

// Readiness reports for each part of the service whether it is ready.
type Readiness struct {
	Parts map[string]string `json:"parts"` // ready, out of reach, or a description of the shortage or failure
}

// Time is the server's time, for measuring a clock's offset.
type Time struct {
	Now   schedules.Instant `json:"now"`
	NowMs int64             `json:"now_ms"`

	// ZoneData is the version of the time zone data by which the service computes the times of windows.
	ZoneData string `json:"zone_data,omitempty"`
}

// Change announces a resource's new revision on the change stream.
type Change struct {
	ID       int64             `json:"id"`
	Kind     string            `json:"kind"` // one of the names that GET /v1/changes lists
	Name     string            `json:"name"`
	Revision int64             `json:"revision"`
	At       schedules.Instant `json:"at"`
}

// AuditRecord records one change: its author, its time, and the revisions before and after it. A record whose
// to_revision is 0 changed nothing: a sign-in, a reading of what is sensitive, a refused request.
type AuditRecord struct {
	Sequence  int64             `json:"sequence"`
	At        schedules.Instant `json:"at"`
	By        string            `json:"by"`
	Action    string            `json:"action"`
	Reason    string            `json:"reason,omitempty"`
	Kind      string            `json:"kind"`
	ID        string            `json:"id"`
	From      int64             `json:"from_revision"`
	To        int64             `json:"to_revision"`
	RequestID string            `json:"request_id,omitempty"`
	Person    string            `json:"person,omitempty"`         // ID of the person who did it
	Token     string            `json:"token,omitempty"`          // ID of the access token of the request
	Remote    string            `json:"remote_address,omitempty"` // from which the request came

	Times  int64         `json:"times,omitempty"`  // how often it happened; left out: once
	Fields []FieldChange `json:"fields,omitempty"` // what it changed; none in records of older programs
}

// Waiting is a change that waits for a second person. It has changed nothing yet. Its ID stands for its content: if
// the person asks again with another content, that waits with another ID, and the earlier one is dropped.
type Waiting struct {
	ID        string            `json:"id"`
	By        string            `json:"by"`               // who asked for it, and cannot confirm it
	Person    string            `json:"person,omitempty"` // ID of the person who asked for it
	At        schedules.Instant `json:"at"`
	ExpiresAt schedules.Instant `json:"expires_at"` // it is dropped then
	Action    string            `json:"action"`     // such as segment.edit
	Reason    string            `json:"reason,omitempty"`
	Why       string            `json:"why"` // two persons are needed
	Documents []WaitingDocument `json:"documents"`
}

// WaitingDocument is a document that a waiting change would change.
type WaitingDocument struct {
	Kind   string        `json:"kind"`
	ID     string        `json:"id"`
	Delete bool          `json:"delete,omitempty"` // the document would be deleted
	Stale  bool          `json:"stale,omitempty"`  // it has changed since, so that the change cannot be confirmed
	Fields []FieldChange `json:"fields,omitempty"` // what would change; in the list only
}

// FieldChange is the value of a field before and after a change.
type FieldChange struct {
	Field  string `json:"field"`            // such as valid_until or windows.0.length_ms
	Before string `json:"before,omitempty"` // as JSON, texts as they are; of a long one the length and the SHA-256
	After  string `json:"after,omitempty"`
	Hidden bool   `json:"hidden,omitempty"` // the values are not told, because they are secret or sensitive
}
