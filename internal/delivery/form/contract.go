// Package form says in which form a hired site takes the file of a window: its contract, the name of each file, the
// chunks and tags in it, and the files beside it. It is pure.
package form

import (
	"time"

	"lifeline/schedules"
)

// Contract says how a hired site takes the files of a station's windows. All text is the site's: nothing of it comes
// from segments.
type Contract struct {
	ID          string `json:"id"`
	Station     string `json:"station"`
	Window      string `json:"window,omitempty"`      // none: every window of the station
	Broadcaster string `json:"broadcaster,omitempty"` // as the site writes it
	Programme   string `json:"programme,omitempty"`   // as the site writes it

	Audio     Coding           `json:"audio"`
	Length    Length           `json:"length,omitzero"`
	Level     Level            `json:"level,omitzero"`
	Naming    Naming           `json:"naming"`
	Parts     int              `json:"parts,omitempty"` // files for each airing; none means 1
	Sidecars  []Sidecar        `json:"sidecars,omitempty"`
	Metadata  []Metadata       `json:"metadata,omitempty"`
	Deadline  schedules.Millis `json:"deadline_ms"`           // time before the slot at which the file must be there
	Retention schedules.Millis `json:"retention_ms,omitzero"` // time after the slot for which the site keeps the file

	WhenLate  WhenLate  `json:"when_late,omitempty"`
	Stream    string    `json:"stream,omitempty"`    // the address that the site airs when it is late, if it airs one
	Evergreen string    `json:"evergreen,omitempty"` // the segment that takes the place of a static file after its airing
	Contacts  []Contact `json:"contacts,omitempty"`
	Runbook   string    `json:"runbook,omitempty"` // what to do when a delivery is late
}

// Coding is the container and the codec of a file.
type Coding struct {
	Codec    Codec `json:"codec"`
	Rate     int   `json:"sample_rate"`
	Channels int   `json:"channels"`
	Kbps     int   `json:"bitrate_kbps,omitempty"` // of mp3 and mp2, constant
	Joint    bool  `json:"joint_stereo,omitempty"` // of mp3 and mp2
}

// Codec names a codec in its usual container. It is also the ending of file names.
type Codec string

// The codecs.
const (
	MP3  Codec = "mp3"
	MP2  Codec = "mp2"
	WAV  Codec = "wav" // 16 bits
	FLAC Codec = "flac"
)

// Lossy reports whether decoding gives other samples than were encoded.
func (c Codec) Lossy() bool { return c == MP3 || c == MP2 }

// FrameSamples returns the samples for each channel of one frame of an MPEG codec at a rate (ISO/IEC 11172-3 and
// 13818-3), and 1 for the others, whose length is exact.
func (c Coding) FrameSamples() int {
	switch {
	case c.Codec == MP3 && c.Rate < 32_000:
		return 576
	case c.Codec.Lossy():
		return 1152
	}
	return 1
}

// Length is the rule by which the length of a file follows from that of its slot.
type Length struct {
	Shorter schedules.Millis `json:"shorter_ms,omitzero"` // than the slot
	AtLeast bool             `json:"at_least,omitempty"`  // a file that is shorter still is taken
	LeadIn  schedules.Millis `json:"lead_in_ms,omitzero"` // silence at the beginning of the file
	Tail    schedules.Millis `json:"tail_ms,omitzero"`    // silence at its end
}

// File returns the length of the file of a slot, the longest one where shorter ones are taken.
func (l Length) File(slot time.Duration) time.Duration { return slot - l.Shorter.Duration }

// Programme returns the length of the programme in that file: what must be planned.
func (l Length) Programme(slot time.Duration) time.Duration {
	return l.File(slot) - l.LeadIn.Duration - l.Tail.Duration
}

// Takes reports whether a programme of that length can be delivered for a slot.
func (l Length) Takes(programme, slot time.Duration) bool {
	most := l.Programme(slot)
	return programme > 0 && (programme == most || l.AtLeast && programme < most)
}

// Level is the loudness (EBU R 128) and the true peak of a file. A nil field asks for nothing.
type Level struct {
	Target    *float64 `json:"target_lufs,omitempty"`
	Tolerance float64  `json:"tolerance_lu,omitempty"`
	Peak      *float64 `json:"peak_dbtp,omitempty"`
}

// Naming says how files are named.
type Naming struct {
	Template string `json:"template"`          // without the ending; ParseTemplate names the fields
	Zone     string `json:"timezone"`          // of {date}, {time} and {weekday}, and of dates in the file
	Static   bool   `json:"static,omitempty"`  // every airing has the same name
	Longest  int    `json:"longest,omitempty"` // characters without the ending; none means 100
	Plain    bool   `json:"plain,omitempty"`   // letters, digits and spaces alone
}

// Sidecar is a file beside the file.
type Sidecar struct {
	Kind    SidecarKind `json:"kind"`
	Ending  string      `json:"ending,omitempty"`  // none: the usual one of the kind
	Instead bool        `json:"instead,omitempty"` // in place of the ending of the file, and not after it
}

// SidecarKind is what a file beside the file holds.
type SidecarKind string

// The kinds of sidecars.
const (
	SHA256  SidecarKind = "sha256"
	MD5     SidecarKind = "md5"
	JSON    SidecarKind = "json"
	Rundown SidecarKind = "rundown"
	Trigger SidecarKind = "trigger" // nothing: that it is there says that the file is whole
)

// Metadata is a form of data within the file.
type Metadata string

// The forms of data within files.
const (
	BWF  Metadata = "bext" // EBU Tech 3285, of wav
	Cart Metadata = "cart" // AES46, of wav
	ID3  Metadata = "id3"  // ID3v2.3, of mp3
)

// WhenLate is what a site airs when a file does not come.
type WhenLate string

// What sites air when a file does not come.
const (
	AirsLast      WhenLate = "last" // the file that came before
	AirsSilence   WhenLate = "silence"
	AirsStream    WhenLate = "stream"
	AirsEvergreen WhenLate = "evergreen" // a programme of the site's, or one that it holds for this
)

// Contact is whom to call about a delivery.
type Contact struct {
	Name  string `json:"name"`
	Phone string `json:"phone,omitempty"`
	Mail  string `json:"mail,omitempty"`
	Hours string `json:"hours,omitempty"` // in the contact's words
}

// Occasion is one slot for which a site takes a file.
type Occasion struct {
	Station      string
	Window       string
	StartAt      time.Time
	EndAt        time.Time
	FrequencyKHz int
	Part         int   // from 1; none means 1
	Revision     int64 // of what is delivered
}

// PartsOf returns the number of files for each airing.
func (c Contract) PartsOf() int { return max(c.Parts, 1) }

// Has reports whether the file carries that form of data.
func (c Contract) Has(m Metadata) bool {
	for _, has := range c.Metadata {
		if has == m {
			return true
		}
	}
	return false
}

// TriggerName returns the name of the trigger file of a file; empty if the contract has none.
func (c Contract) TriggerName(file string) string {
	for _, s := range c.Sidecars {
		if s.Kind == Trigger {
			return s.Name(file)
		}
	}
	return ""
}
