package wire

import "lifeline/schedules"

// StatusChecksumMismatch is a tus server's answer to a piece with a wrong checksum (tus 1.0, checksum extension).
const StatusChecksumMismatch = 460

// TusVersion is the supported version of the tus protocol.
const TusVersion = "1.0.0"

// UploadState is the state of a recording that is being uploaded in pieces.
type UploadState struct {
	ID        string            `json:"id"`
	URL       string            `json:"url"` // where to continue with tus
	Segment   string            `json:"segment"`
	Offset    int64             `json:"offset"` // bytes that have arrived
	Length    int64             `json:"length"`
	SHA256    string            `json:"sha256,omitempty"` // of the whole recording, as its producer announced it
	ExpiresAt schedules.Instant `json:"expires_at"`
}
