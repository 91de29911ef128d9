package schedules

// Station is a relay that pulls a queue: where it is, what it may say, and the air time hired on it.
type Station struct {
	ID             string   `json:"id"`
	Revision       int64    `json:"revision"`
	Name           string   `json:"name"`
	Timezone       string   `json:"timezone"` // IANA name; its midnight bounds the broadcast day
	Languages      []string `json:"languages"`
	Freeze         Millis   `json:"freeze_ms"` // before a window, how long only a recall or a correction changes it
	LoudnessTarget *float64 `json:"loudness_target_lufs"`
	Fallback       []string `json:"fallback"` // segment ids in the order in which they air
	Windows        []Window `json:"windows"`

	// Standing is what stands against the station now, in answers. It is no part of its definition: what is sent of it is
	// passed over.
	Standing []StationProblem `json:"problems,omitempty"`
}

// StationProblem is something that stands against a station until somebody mends it.
type StationProblem struct {
	// no_fallback, fallback_ends, definition, left_behind, held_twice, store_set_back, implausible, two_players
	Code    string `json:"code"`
	Field   string `json:"field,omitempty"`
	Date    *Date  `json:"date,omitempty"` // of the published day that it is about
	Message string `json:"message"`
}

// Window is recurring hired air time.
type Window struct {
	ID           string     `json:"id"`
	Starts       Recurrence `json:"starts"`
	Length       Millis     `json:"length_ms"`
	Tolerance    Millis     `json:"tolerance_ms"`
	Clock        string     `json:"clock"`
	Languages    []string   `json:"languages,omitempty"` // none: the station's
	FrequencyKHz int        `json:"frequency_khz,omitempty"`
	AlsoKHz      []int      `json:"also_khz,omitempty"` // further frequencies on which the same goes out
}

// Recurrence says when a window starts: RFC 5545 DTSTART, RRULE, RDATE and EXDATE lines in the wall time of a zone
// ("UTC" for times that do not follow daylight saving), within an optional season of days [From, Until).
type Recurrence struct {
	Timezone string `json:"timezone"`
	RRule    string `json:"rrule"`
	From     *Date  `json:"from,omitempty"`
	Until    *Date  `json:"until,omitempty"`
}

// Occurrence is one instance [StartAt, EndAt) of a window. Date is the broadcast day, in the station's zone, in
// which it starts.
type Occurrence struct {
	Window  string  `json:"window"`
	Date    Date    `json:"date"`
	StartAt Instant `json:"start_at"`
	EndAt   Instant `json:"end_at"`
}
