package schedules

import "time"

// Station is a relay that pulls a queue: its location, its languages, and the air time hired on it.
type Station struct {
	ID             string   `json:"id"`
	Revision       int64    `json:"revision"`
	Name           string   `json:"name"`
	Timezone       string   `json:"timezone"` // IANA name; the broadcast day begins at midnight in it
	Languages      []string `json:"languages"`
	Freeze         Millis   `json:"freeze_ms"` // time before a window in which only a recall or a correction changes it
	LoudnessTarget *float64 `json:"loudness_target_lufs"`
	Fallback       []string `json:"fallback"` // segment ids in the order in which they air
	Starved        Starved  `json:"starved,omitzero"`
	Windows        []Window `json:"windows"`

	// the order by which its days are planned and published unattended; none means that people do it. It acts in the name
	// of who set it, and stops when that person may no longer schedule the station
	StandingOrder *StandingOrder `json:"standing_order,omitempty"`

	// what is different on single days
	Exceptions []Exception `json:"exceptions,omitempty"`

	// CurrentProblems lists the present problems of the station, in responses only. It is not part of the definition, and
	// requests that contain it are accepted without effect.
	CurrentProblems []StationProblem `json:"problems,omitempty"`
}

// StationProblem is a problem of a station that lasts until somebody corrects it.
type StationProblem struct {
	// no_fallback, fallback_reserve, fallback_ends, definition, left_behind, held_twice, open_time, store_set_back,
	// implausible, two_players, unsigned_reports, wrong_signatures, seized_reports, sequence_twice, old_status,
	// recall_not_shown, mass_recall (field is the person), token_ends, order_stopped, order_unconfirmed,
	// day_unplanned, day_unpublished, day_withdrawn, day_stands_in
	Code    string `json:"code"`
	Field   string `json:"field,omitempty"`
	Date    *Date  `json:"date,omitempty"` // the published day that it is about
	Message string `json:"message"`
}

// Starved says when a station is starved, and what it airs then. A station is starved when the service has signed it no
// answer for a time: recalls and changes may not reach it.
type Starved struct {
	Policy StarvedPolicy `json:"policy,omitempty"`  // none means go_on
	After  Millis        `json:"after_ms,omitzero"` // the time without a signed answer; none means 10 minutes
}

// StarvedPolicy is what a starved station airs.
type StarvedPolicy string

// The policies.
const (
	GoOn          StarvedPolicy = "go_on"          // everything, sensitive items as long as their lease allows
	DropSensitive StarvedPolicy = "drop_sensitive" // no sensitive items: the fallback airs in their place
)

// StarvedPolicies lists the policies.
var StarvedPolicies = []StarvedPolicy{GoOn, DropSensitive}

// Time returns the time without a signed answer after which the station is starved.
func (s Starved) Time() time.Duration {
	if s.After.Duration <= 0 {
		return 10 * time.Minute
	}
	return s.After.Duration
}

// Drops reports whether the station airs no sensitive items while it is starved.
func (s Starved) Drops() bool { return s.Policy == DropSensitive }

// Window is recurring hired air time.
type Window struct {
	ID           string     `json:"id"`
	Starts       Recurrence `json:"starts"`
	Length       Millis     `json:"length_ms"`
	Tolerance    Millis     `json:"tolerance_ms"`
	Clock        string     `json:"clock"`
	Languages    []string   `json:"languages,omitempty"` // none means the station's
	FrequencyKHz int        `json:"frequency_khz,omitempty"`
	AlsoKHz      []int      `json:"also_khz,omitempty"` // further frequencies that carry the same transmission

	// the window whose items it airs again, as far as they may air; its clock fills what they leave open
	Repeats *WindowRepeat `json:"repeats,omitempty"`
}

// Recurrence defines when a window starts: RFC 5545 DTSTART, RRULE, RDATE and EXDATE lines in the wall time of a zone
// ("UTC" for times that do not follow daylight saving), within an optional season of days [From, Until).
//
// At, Days and Every say the same in words. In requests they may stand in place of RRule; beside it they must agree.
// Responses have both where words can say it. Only the lines are stored.
type Recurrence struct {
	Timezone string `json:"timezone,omitempty"`
	RRule    string `json:"rrule,omitempty"`
	From     *Date  `json:"from,omitempty"` // with words alone also the day from which weeks and months count
	Until    *Date  `json:"until,omitempty"`

	Zone  string   `json:"zone,omitempty"`  // another name of timezone, in requests
	At    string   `json:"at,omitempty"`    // HH:MM or HH:MM:SS, in the zone
	Days  []string `json:"days,omitempty"`  // mon to sun, or first mon to last sun of the month; none: every day
	Every string   `json:"every,omitempty"` // day, week, 2 weeks, month; none: as the days are
}

// Occurrence is one instance [StartAt, EndAt) of a window. Date is the broadcast day in which it starts, in the
// station's zone.
type Occurrence struct {
	Window  string  `json:"window"`
	Date    Date    `json:"date"`
	StartAt Instant `json:"start_at"`
	EndAt   Instant `json:"end_at"`
}
