package wire

import "lifeline/schedules"

// StatusChecksumMismatch is what a tus server answers when a piece's checksum is wrong (tus 1.0, checksum extension).
const StatusChecksumMismatch = 460

// TusVersion is the version of the tus protocol that is spoken.
const TusVersion = "1.0.0"

// UploadState is a recording that is arriving in pieces.
type UploadState struct {
	ID        string            `json:"id"`
	URL       string            `json:"url"` // where tus goes on
	Segment   string            `json:"segment"`
	Offset    int64             `json:"offset"` // bytes that have arrived
	Length    int64             `json:"length"`
	SHA256    string            `json:"sha256,omitempty"` // of the whole, as its producer announced it
	ExpiresAt schedules.Instant `json:"expires_at"`
}
