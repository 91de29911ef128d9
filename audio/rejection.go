package audio

import "fmt"

// Rejection says that a file cannot be aired, what it is, and what its producer can do. Its Error is its message.
type Rejection struct {
	Code    string // stable, for programs: one of the Reject constants
	Message string // for the producer
}

// Error returns the message.
func (r *Rejection) Error() string { return r.Message }

// The codes of rejections.
const (
	RejectEmpty      = "empty"            // no bytes, or nothing but zeros
	RejectNotMP3     = "not_mp3"          // some other format, or nothing that is known
	RejectLayer      = "wrong_layer"      // MPEG audio of layer I or II
	RejectFreeFormat = "free_format"      // Layer III without a stated bitrate
	RejectRate       = "unsupported_rate" // MPEG 2.5 at 8 kHz
	RejectRateChange = "rate_change"      // the sample rate changes on the way
	RejectNoAudio    = "no_audio"         // no frame could be decoded, or nothing is left after trimming
	RejectTag        = "tag_overruns"     // a tag claims more bytes than there are
	RejectTooLong    = "too_long"         // longer than Options.MaxDuration
	RejectDamaged    = "damaged"          // more of it is lost than can be decoded
)

func reject(code, format string, args ...any) *Rejection {
	return &Rejection{Code: code, Message: fmt.Sprintf(format, args...)}
}
