package wire

import "lifeline/schedules"

// ErasureRequest names what is to be erased for good.
type ErasureRequest struct {
	Segments   []string `json:"segments,omitempty"`   // ids, with all their recordings
	Recordings []string `json:"recordings,omitempty"` // SHA-256 of replaced recordings
	// a person as segments name them: all these segments with their recordings, and the name everywhere
	Person string `json:"person,omitempty"`
	// of the person or the segments: further names and spellings, which go from all texts
	Names []string `json:"names,omitempty"`
	// the id of an ended person who worked with the service: the names, everywhere
	Member string `json:"member,omitempty"`
	Reason string `json:"reason"`
}

// Erasure is what was erased, or will be once another person has confirmed it.
type Erasure struct {
	ID         string            `json:"id"`
	Revision   int64             `json:"revision"`
	State      string            `json:"state"` // asked, confirmed, purging, done or dropped
	Reason     string            `json:"reason"`
	Segments   []ErasedSegment   `json:"segments"`
	Recordings []ErasedRecording `json:"recordings"`       // all that go, those of the segments too
	Person     string            `json:"person,omitempty"` // until it is done
	// all names and titles that go from texts, while it waits for a decision; only for who may know them
	Names     []ErasedName      `json:"names,omitempty"`
	Member    string            `json:"member,omitempty"`
	Uploads   int               `json:"uploads"` // unfinished uploads that go
	AskedBy   string            `json:"asked_by"`
	AskedAt   schedules.Instant `json:"asked_at"`
	DecidedBy string            `json:"decided_by,omitempty"` // who confirmed or dropped it
	DecidedAt schedules.Instant `json:"decided_at"`
	DoneAt    schedules.Instant `json:"done_at"`
	Left      []string          `json:"left"`    // places that the service cleans, where something was when it last looked
	Outside   []string          `json:"outside"` // places that the service does not reach
}

// ErasedName is a name or title that goes from all texts.
type ErasedName struct {
	Name      string `json:"name"`
	Documents int    `json:"documents,omitempty"` // that have it; lists do not tell
}

// ErasedSegment is a segment of an erasure.
type ErasedSegment struct {
	ID       string         `json:"id"`
	Kind     schedules.Kind `json:"kind"`
	Language string         `json:"language"`
}

// ErasedRecording is a recording of an erasure.
type ErasedRecording struct {
	SHA256  string `json:"sha256"`
	Bytes   int64  `json:"bytes"` // 0: unknown, of a replaced recording
	Segment string `json:"segment"`
}
