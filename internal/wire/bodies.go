package wire

import (
	"encoding/json"
	"slices"

	"lifeline/internal/fault"
	"lifeline/schedules"
)

// Page is one page of a list. An empty NextCursor ends it.
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
}

// SegmentMeta is the editorial metadata that a producer writes. The service writes the rest.
type SegmentMeta struct {
	ID           string               `json:"id"` // none: the service makes one
	Kind         schedules.Kind       `json:"kind"`
	Title        string               `json:"title"`
	Language     string               `json:"language"` // BCP 47; "zxx" for no linguistic content
	Voice        string               `json:"voice"`
	Series       string               `json:"series"`
	Tags         []string             `json:"tags"`
	Script       *schedules.ScriptRef `json:"script"`        // what a reading reads
	Persons      []string             `json:"persons"`       // ids of the persons named in it
	Intro        string               `json:"intro"`         // id of the segment that introduces this one in a chain
	BackAnnounce string               `json:"back_announce"` // id of the segment that closes the chain
	ValidFrom    schedules.Instant    `json:"valid_from"`    // none: always was
	ValidUntil   schedules.Instant    `json:"valid_until"`   // none: forever. An item must end by it
	Consent      *schedules.Consent   `json:"consent"`       // of the persons. An item must end by its expiry
	Sensitive    bool                 `json:"sensitive"`     // airs only under a lease that the station renews
}

// SegmentMetaOf is the editorial part of a segment. It shares no memory with it: a patch is decoded onto it.
func SegmentMetaOf(s schedules.Segment) SegmentMeta {
	m := SegmentMeta{s.ID, s.Kind, s.Title, s.Language, s.Voice, s.Series, slices.Clone(s.Tags), nil,
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

// Onto writes it over a segment's own.
func (m SegmentMeta) Onto(s *schedules.Segment) {
	s.ID, s.Kind, s.Title, s.Language, s.Voice, s.Series = m.ID, m.Kind, m.Title, m.Language, m.Voice, m.Series
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
	Length          int   `json:"length"` // pixels
	Data            []int `json:"data"`   // least and most value of each pixel
}

// SegmentNow is a segment with what does not belong to its revision: the stations with a window that allows its
// language, by id, and, while its recording is being analysed, how far that has come.
type SegmentNow struct {
	schedules.Segment
	AirableOn []string  `json:"airable_on"`
	Analysis  *Progress `json:"analysis,omitempty"`
}

// Progress is how far an analysis has come, in bytes.
type Progress struct {
	Bytes int64 `json:"bytes"`
	Of    int64 `json:"of"`
}

// Approval is the body of approve.
type Approval struct {
	Reason string `json:"reason"`
	// needed where the recording is silent or very quiet by its warnings
	AcceptWarnings bool `json:"accept_warnings,omitempty"`
}

// Reason is the body of reject, recall and reinstate, and of the withdrawal of a day.
type Reason struct {
	Reason string `json:"reason"`
}

// Apply is a whole network, or part of one, as it should be. What it does not name stays as it is.
type Apply struct {
	Stations  []schedules.Station  `json:"stations,omitempty"`
	Clocks    []schedules.Clock    `json:"clocks,omitempty"`
	Scripts   []schedules.Script   `json:"scripts,omitempty"`
	Campaigns []schedules.Campaign `json:"campaigns,omitempty"`
}

// Applied says what an apply did, or, on a dry run, would do.
type Applied struct {
	DryRun  bool            `json:"dry_run"`
	Changes []AppliedChange `json:"changes"`

	// Problems are what stands against stations after the change, and with it, by station: it does not keep the change
	// from being made. Published days that it leaves behind are among them.
	Problems map[string][]schedules.StationProblem `json:"problems,omitempty"`
}

// ChangedSegment is a segment after a change, with what the change leaves behind.
type ChangedSegment struct {
	schedules.Segment
	AirableOn []string `json:"airable_on"`

	// Stations have no fallback that may air any more, and name the segment in theirs.
	Stations map[string][]schedules.StationProblem `json:"stations_without_fallback,omitempty"`
}

// AppliedChange is one document's part of an apply.
type AppliedChange struct {
	Kind     string          `json:"kind"` // station, clock, script, campaign
	ID       string          `json:"id"`
	Action   string          `json:"action"` // create, update, unchanged
	Revision int64           `json:"revision"`
	Before   json.RawMessage `json:"before,omitempty"`
	After    json.RawMessage `json:"after,omitempty"`
}

// PlanRequest asks for a draft of one day.
type PlanRequest struct {
	Seed uint64   `json:"seed"`
	Keep []string `json:"keep,omitempty"` // item ids of the latest rundown that stay
}

// ManyRequest asks for many stations and days at once. No stations means all of them; no dates, today.
type ManyRequest struct {
	Stations []string         `json:"stations,omitempty"`
	Dates    []schedules.Date `json:"dates,omitempty"`
	Seed     uint64           `json:"seed"`

	Correction string `json:"correction,omitempty"` // of a publication, as for one day
}

// ManyResult is one station's day of a ManyRequest.
type ManyResult struct {
	Station  string              `json:"station"`
	Date     schedules.Date      `json:"date,omitzero"`
	Revision int64               `json:"revision,omitempty"`
	Items    int                 `json:"items"`
	Warnings []schedules.Warning `json:"warnings,omitempty"`
	Problem  *Problem            `json:"problem,omitempty"` // why this one failed
}

// EditRequest changes a rundown by hand.
type EditRequest struct {
	Edits []schedules.Edit `json:"edits"`
}

// PublishRequest publishes the latest rundown of a day.
type PublishRequest struct {
	// why a frozen window may change, or the day may lose over half of its time; empty: it may not
	Correction string `json:"correction"`
}

// NewToken is what a new access token shall be.
type NewToken struct {
	Name    string           `json:"name"` // the person or station that will hold it
	Role    string           `json:"role"`
	Station string           `json:"station"` // for the role station, and for no other
	Life    schedules.Millis `json:"life_ms"` // 0: it does not expire
}

// Token is an access token's record. Secret is there only in the answer that creates it.
type Token struct {
	ID        string            `json:"id"`
	Name      string            `json:"name"` // the person or station that holds it
	Role      string            `json:"role"`
	Station   string            `json:"station,omitempty"` // of the role station
	CreatedAt schedules.Instant `json:"created_at"`
	ExpiresAt schedules.Instant `json:"expires_at"`
	Secret    string            `json:"secret,omitempty"`
}

// Me is who a token says is asking.
type Me struct {
	Name    string `json:"name"` // the person or station that holds the token
	Role    string `json:"role"`
	Station string `json:"station,omitempty"` // of the role station
	// the operations that the role may do, by their ids in the OpenAPI document
	May []string `json:"may"`
}

// Health says that the service is alive.
type Health struct {
	Status string `json:"status"` // alive
}

// Readiness says of each part of the service whether it is ready.
type Readiness struct {
	Parts map[string]string `json:"parts"` // ready, out of reach, or in words what is short or stops
}

// Time is the server's time, for measuring a clock's offset.
type Time struct {
	Now   schedules.Instant `json:"now"`
	NowMs int64             `json:"now_ms"`
}

// Change tells of a resource's new revision on the change stream.
type Change struct {
	ID       int64             `json:"id"`
	Kind     string            `json:"kind"` // one of the names that GET /v1/changes lists
	Name     string            `json:"name"`
	Revision int64             `json:"revision"`
	At       schedules.Instant `json:"at"`
}

// AuditRecord says who changed what, when, and from which revision to which.
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
}
