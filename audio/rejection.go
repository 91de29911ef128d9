package audio

import "fmt"

// Rejection is the reason why a file cannot be aired: what it is, and what its producer can do. Error returns its
// message.
type Rejection struct {
	Code    string // stable, for programs: one of the Reject constants
	Message string // for the producer
}

// Error returns the message.
func (r *Rejection) Error() string { return r.Message }

// The codes of rejections.
const (
	RejectEmpty      = "empty"            // no bytes, or only zeros
	RejectNotMP3     = "not_mp3"          // another format, or an unknown one
	RejectLayer      = "wrong_layer"      // MPEG audio of layer I or II
	RejectFreeFormat = "free_format"      // Layer III without a stated bitrate
	RejectRate       = "unsupported_rate" // MPEG 2.5 at 8 kHz
	RejectRateChange = "rate_change"      // the sample rate changes within the file
	RejectNoAudio    = "no_audio"         // no frame can be decoded, or trimming leaves nothing
	RejectTag        = "tag_overruns"     // a tag claims more bytes than there are
	RejectTooLong    = "too_long"         // longer than Options.MaxDuration
	RejectUnmeasured = "analysis_failed"  // the analysis broke off again and again, for a fault of its own
	RejectDamaged    = "damaged"          // more frames are lost than decoded
)

func reject(code, format string, args ...any) *Rejection {
	return &Rejection{Code: code, Message: fmt.Sprintf(format, args...)}
}
