package schedules

import (
	"math"
	"slices"
)

// Kind is the role of a segment in a programme.
type Kind string

// Kinds lists the kinds of segment in the order of a catalogue.
var Kinds = []Kind{"reading", "intro", "back-announce", "ident", "sign-on", "sign-off", "frequency", "time-signal",
	"news", "commentary", "testimony", "interview", "letter", "names", "music", "bed", "promo", "correction", "evergreen"}

// Known reports whether k is one of Kinds.
func (k Kind) Known() bool { return slices.Contains(Kinds, k) }

// State is the state of a segment between upload and air.
type State string

// The states of a segment. Only an approved one may air.
const (
	Analysing State = "analysing" // stored, but not measured yet
	Rejected  State = "rejected"  // cannot air; Rejection has the reason
	Pending   State = "pending"   // analysed, awaiting approval
	Approved  State = "approved"
	Recalled  State = "recalled" // off the air everywhere, now
)

// Segment is an airable catalogue item with editorial metadata and one current Recording.
type Segment struct {
	ID           string     `json:"id"`
	Revision     int64      `json:"revision"`
	Kind         Kind       `json:"kind"`
	Title        string     `json:"title"`
	Language     string     `json:"language"` // BCP 47; "zxx" for no linguistic content
	Voice        string     `json:"voice,omitempty"`
	Series       string     `json:"series,omitempty"`
	Episode      int        `json:"episode,omitempty"` // its number in the series; 0: none
	Tags         []string   `json:"tags,omitempty"`
	Script       *ScriptRef `json:"script,omitempty"`
	Persons      []string   `json:"persons,omitempty"`
	Intro        string     `json:"intro,omitempty"`         // id of the segment that introduces this one in a chain
	BackAnnounce string     `json:"back_announce,omitempty"` // id of the segment that closes the chain
	ValidFrom    Instant    `json:"valid_from"`              // none means from the beginning
	ValidUntil   Instant    `json:"valid_until"`             // none means forever; an airing must end by then
	Consent      *Consent   `json:"consent,omitempty"`       // of the persons; an airing must end by its expiry
	Sensitive    bool       `json:"sensitive,omitempty"`     // airs only under a lease that the station renews
	State        State      `json:"state"`
	Rejection    *Rejection `json:"rejection,omitempty"`
	UploadedBy   string     `json:"uploaded_by,omitempty"`   // the person whose token uploaded the recording
	ReinstatedBy string     `json:"reinstated_by,omitempty"` // the person who ended its last recall or rejection
	// the ids of these persons; none for a token that belongs to no person
	UploadedByID   string `json:"uploaded_by_id,omitempty"`
	ReinstatedByID string `json:"reinstated_by_id,omitempty"`
	// the changes since its last approval: of each person the first, and all later ones; who made one cannot approve it
	Edits []Edited `json:"edits,omitempty"`
	// its last recall since its last approval
	Recall *RecallOrder `json:"recall,omitempty"`
	// its last approval, also if it is not approved any more
	Approval *LastApproval `json:"approval,omitempty"`
	// since when it has been sensitive; none if always, or if it is not
	GuardedSince Instant `json:"guarded_since,omitzero"`
	// the persons whom it named before; a recall of one takes it off the air, too
	FormerPersons []string   `json:"former_persons,omitempty"`
	Recording     *Recording `json:"recording,omitempty"`
	Previous      []string   `json:"previous,omitempty"` // SHA-256 of earlier recordings, oldest first
}

// Edited is what a person changed in a segment since its last approval.
type Edited struct {
	By     string   `json:"by"`
	ByID   string   `json:"by_id,omitempty"` // id of the person; none for a token that belongs to no person
	At     Instant  `json:"at"`              // the first change of the person, or the latest
	Fields []string `json:"fields"`          // the fields that changed, and audio
}

// RecallOrder says who recalled a segment, and when.
type RecallOrder struct {
	By     string  `json:"by"`
	ByID   string  `json:"by_id,omitempty"` // id of the person; none for a token that belongs to no person
	At     Instant `json:"at"`
	Person string  `json:"person,omitempty"` // recalled with all segments that name this person
	Was    State   `json:"was"`              // the segment's state before
	// the other person who confirmed the recall, after many
	ConfirmedBy   string `json:"confirmed_by,omitempty"`
	ConfirmedByID string `json:"confirmed_by_id,omitempty"`
}

// LastApproval says who approved a segment last, and what was heard for it.
type LastApproval struct {
	By     string  `json:"by"`
	ByID   string  `json:"by_id,omitempty"` // id of the person; none for a token that belongs to no person
	At     Instant `json:"at"`
	SHA256 string  `json:"sha256,omitempty"` // of the recording that was heard
	// how much of the recording was really played before, in percent, by the player of the console; none: not measured
	HeardPercent *int `json:"heard_percent,omitempty"`
}

// HeardEnough is the share of a recording, in percent, below which an approval says that less was heard.
const HeardEnough = 90

// ScriptRef names the passages of a script's version that a segment reads.
type ScriptRef struct {
	ID       string `json:"id"`
	Version  int    `json:"version"`
	Passages []int  `json:"passages"`
}

// Rejection tells a producer why a recording cannot air.
type Rejection struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// RejectedEditorially is the code of a rejection by a person. All other codes are those of the analysis.
const RejectedEditorially = "editorial"

// orders lists the fields of a segment that order it among others, and those by which rules about order select it.
var orders = []string{"kind", "language", "voice", "series", "episode", "tags", "script", "valid_from"}

// Ordered reports whether the segment counts where others air in order. One that awaits approval of what would order it
// does not: nobody could decide alone what may air after it.
func (s *Segment) Ordered() bool {
	return s.State == Approved || !slices.ContainsFunc(s.Edits, func(e Edited) bool {
		return slices.ContainsFunc(e.Fields, func(f string) bool { return slices.Contains(orders, f) })
	})
}

// RejectedByPerson reports whether a person rejected the segment, so that it can be reinstated.
func (s *Segment) RejectedByPerson() bool {
	return s.State == Rejected && s.Rejection != nil && s.Rejection.Code == RejectedEditorially && s.Recording != nil
}

// Recording is audio bytes, named by their SHA-256, and their measured facts. A figure that could not be measured is
// nil, never invented. Cue points are whole milliseconds.
type Recording struct {
	SHA256          string `json:"sha256"`
	Bytes           int64  `json:"bytes"`
	ContentType     string `json:"content_type"`
	AnalysisVersion int    `json:"analysis_version,omitempty"` // 0 means not analysed
	// audible length, without encoder delay and padding
	Duration          Millis             `json:"duration_ms"`
	SampleRate        int                `json:"sample_rate_hz"`
	Channels          int                `json:"channels"`
	BitrateKbps       int                `json:"bitrate_kbps"`
	BitrateMode       string             `json:"bitrate_mode"` // cbr, abr, vbr
	IntegratedLUFS    *float64           `json:"integrated_lufs"`
	RangeLU           *float64           `json:"range_lu"`
	MaxShortTermLUFS  *float64           `json:"max_short_term_lufs"`
	MaxMomentaryLUFS  *float64           `json:"max_momentary_lufs"`
	TruePeakDBTP      *float64           `json:"true_peak_dbtp"`
	CueIn             Millis             `json:"cue_in_ms"`
	CueOut            Millis             `json:"cue_out_ms"`
	Silences          []Silence          `json:"silences,omitempty"`
	RecordingWarnings []RecordingWarning `json:"warnings,omitempty"`
}

// AirTime returns the length of the recording on the air: from cue-in to cue-out.
func (r *Recording) AirTime() Millis {
	if r == nil {
		return Millis{}
	}
	return Millis{r.CueOut.Duration - r.CueIn.Duration}
}

// Sounding returns how much of AirTime is not silent.
func (r *Recording) Sounding() Millis {
	sounding := r.AirTime()
	if r == nil {
		return sounding
	}
	for _, s := range r.Silences {
		start, end := max(s.Start.Duration, r.CueIn.Duration), min(s.End.Duration, r.CueOut.Duration)
		sounding.Duration -= max(end-start, 0)
	}
	return sounding
}

// The bounds in dB of the gain applied to a recording. A gain above MostGain would amplify the recording's noise, and
// an almost silent recording contains nothing else; a gain below LeastGain is inaudible.
const (
	MostGain  = 12.0
	LeastGain = -60.0
)

// BoundGain limits a gain in dB to its bounds. It returns 0 dB for NaN.
func BoundGain(db float64) float64 {
	if math.IsNaN(db) {
		return 0
	}
	return min(max(db, LeastGain), MostGain)
}

// Silence is an interval [Start, End) of a recording without sound.
type Silence struct {
	Start Millis `json:"start_ms"`
	End   Millis `json:"end_ms"`
}

// RecordingWarning is a fault of a recording that does not prevent its airing.
type RecordingWarning struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// Script is the text that readings read, in versions.
type Script struct {
	ID        string          `json:"id"`
	Revision  int64           `json:"revision"`
	Title     string          `json:"title,omitempty"`
	Languages []string        `json:"languages"`
	Versions  []ScriptVersion `json:"versions"`
}

// ScriptVersion is one wording of a script.
type ScriptVersion struct {
	Version  int       `json:"version"`
	Passages []Passage `json:"passages"`
}

// Passage is one numbered part of a script's version, with an editor's ruling on how long its readings may air.
type Passage struct {
	Number   int               `json:"number"`
	Text     map[string]string `json:"text,omitempty"` // by language
	Dead     bool              `json:"dead,omitempty"`
	AirUntil Instant           `json:"air_until"` // none means no limit
}
