package audio

import "time"

// Version is the version of the analysis. It is raised when the facts of a file can come out differently, so that
// recordings analysed by an older one can be found and measured again.
const Version = 2

// Facts is everything measured of one MP3. Times are offsets from the first audible sample.
type Facts struct {
	SHA256      string // of the whole file, lower-case hexadecimal
	Bytes       int64  // of the whole file
	ContentType string // always "audio/mpeg"

	Samples     int64         // audible, per channel: encoder delay and padding are not counted
	Duration    time.Duration // Samples over SampleRate, to the nearest nanosecond
	SampleRate  int           // Hz
	Channels    int           // 1 or 2, as the first frame has it
	BitrateKbps int           // the constant bitrate, or the mean
	BitrateMode string        // "cbr", "abr" or "vbr"
	MPEG        string        // "1", "2" or "2.5"
	Encoder     string        // as the file names it, such as "LAME3.100"; empty when it does not
	Delay       int           // samples that the file says its encoder put before the audio
	Padding     int           // and after it

	// Loudness by ITU-R BS.1770-5 and EBU R 128. Nil where there is nothing to measure: silence, or too short.
	IntegratedLUFS   *float64
	RangeLU          *float64 // EBU Tech 3342; nil below 3 s
	MaxShortTermLUFS *float64 // over 3 s
	MaxMomentaryLUFS *float64 // over 400 ms
	TruePeakDBTP     *float64 // at least this much, when Clipping.Samples is not zero: the decoder clips
	SamplePeakDBFS   *float64

	Clipping ClippingFacts
	DCOffset []float64 // per channel, of full scale
	Stereo   *StereoFacts

	CueIn    time.Duration // where to start and stop so that silence is trimmed and speech is not
	CueOut   time.Duration
	Silences []Span // below -60 dBFS for half a second or more, in order; the first maxSilences of them

	Warnings []Warning
	Damage   Damage
	Waveform Waveform
	Tags     Tags
}

// Span is a half-open interval of audible time.
type Span struct{ Start, End time.Duration }

// ClippingFacts says how much of the audio is at full scale.
type ClippingFacts struct {
	Samples int64 // at full scale
	Runs    int64 // of three or more such samples in a row
	Longest int64 // samples in the longest run
	First   time.Duration
}

// StereoFacts says what is odd between two channels.
type StereoFacts struct {
	Correlation float64 // -1 opposite to 1 the same; 0 when a channel is silent
	DeadChannel string  // "left" or "right" when that one alone is silent
}

// Damage says what of the file cannot be heard as it was recorded.
type Damage struct {
	Frames       int64 // heard as silence, of all
	TotalFrames  int64
	SkippedBytes int64 // junk between frames
	CRCChecked   int64 // frames that carry a check word
	CRCWrong     int64 // and of those, frames that it does not fit
	Truncated    bool  // the file ends inside a frame
	Spots        []Spot
}

// Spot is one damaged place.
type Spot struct {
	Kind   string        // "damaged", "reservoir", "overrun", "decoder" or "lost"
	Offset int64         // in the file
	Bytes  int64         // skipped there
	At     time.Duration // from where it is heard as silence
	Length time.Duration // for how long; 0 when only bytes were skipped
}

// Warning is a fault that does not keep a file from the air.
type Warning struct {
	Code    string // stable, for programs: one of the Warn constants
	Message string // for the producer
	At      time.Duration
}

// The codes of warnings.
const (
	WarnHeadSilence   = "head_silence"
	WarnTailSilence   = "tail_silence"
	WarnSilence       = "silence" // inside
	WarnSilent        = "silent"  // all of it
	WarnMostlySilent  = "mostly_silent"
	WarnVeryQuiet     = "very_quiet"
	WarnClipping      = "clipping"
	WarnTruePeak      = "true_peak"
	WarnDCOffset      = "dc_offset"
	WarnPhase         = "phase_inverted"
	WarnDeadChannel   = "dead_channel"
	WarnDamage        = "damage"
	WarnCRC           = "crc"
	WarnTruncated     = "truncated"
	WarnJunk          = "junk"
	WarnJoined        = "joined"
	WarnChannelChange = "channel_change"
	WarnIntensity     = "intensity_stereo"
	WarnFrameCount    = "frame_count"
)

// samplesTime is the time of n samples at rate, to the nearest nanosecond.
func samplesTime(n int64, rate int) time.Duration {
	r := int64(rate)
	whole, rest := n/r, n%r
	return time.Duration(whole)*time.Second + time.Duration((rest*int64(time.Second)+r/2)/r)
}
