package audio

import "time"

// Version is the version of the analysis. It increases when the facts of a file can change, so that recordings with
// older facts can be found and measured again.
const Version = 2

// Facts holds all measurements of one MP3. Times are offsets from the first audible sample.
type Facts struct {
	SHA256      string // of the whole file, lower-case hexadecimal
	Bytes       int64  // of the whole file
	ContentType string // always "audio/mpeg"

	Samples     int64         // audible, per channel: encoder delay and padding are not counted
	Duration    time.Duration // Samples over SampleRate, to the nearest nanosecond
	SampleRate  int           // Hz
	Channels    int           // 1 or 2, as in the first frame
	BitrateKbps int           // the constant bitrate, or the mean
	BitrateMode string        // "cbr", "abr" or "vbr"
	MPEG        string        // "1", "2" or "2.5"
	Encoder     string        // as the file names it, such as "LAME3.100"; empty if it names none
	Delay       int           // samples before the audio, as the file states
	Padding     int           // samples after the audio, as the file states

	// Loudness by ITU-R BS.1770-5 and EBU R 128; nil if there is nothing to measure because of silence or a short length.
	IntegratedLUFS   *float64
	RangeLU          *float64 // EBU Tech 3342; nil below 3 s
	MaxShortTermLUFS *float64 // over 3 s
	MaxMomentaryLUFS *float64 // over 400 ms
	TruePeakDBTP     *float64 // a lower bound if Clipping.Samples is not zero, because the decoder clips
	SamplePeakDBFS   *float64

	Clipping ClippingFacts
	DCOffset []float64 // per channel, relative to full scale
	Stereo   *StereoFacts

	CueIn    time.Duration // where to start and stop to trim silence but not speech
	CueOut   time.Duration
	Silences []Span // below -60 dBFS for at least half a second, in order; the first maxSilences of them

	Warnings []Warning
	Damage   Damage
	Waveform Waveform
	Tags     Tags
}

// Span is a half-open interval of audible time.
type Span struct{ Start, End time.Duration }

// ClippingFacts measures how much of the audio is at full scale.
type ClippingFacts struct {
	Samples int64 // at full scale
	Runs    int64 // of three or more such samples in a row
	Longest int64 // in samples
	First   time.Duration
}

// StereoFacts holds anomalies between two channels.
type StereoFacts struct {
	Correlation float64 // from -1 (opposite) to 1 (equal); 0 if a channel is silent
	DeadChannel string  // "left" or "right" if only that channel is silent
}

// Damage describes the parts of the file that cannot be heard as recorded.
type Damage struct {
	Frames       int64 // replaced by silence, in total
	TotalFrames  int64
	SkippedBytes int64 // junk between frames
	CRCChecked   int64 // frames with a check word
	CRCWrong     int64 // frames whose check word is wrong
	Truncated    bool  // the file ends inside a frame
	Spots        []Spot
}

// Spot is one damaged place.
type Spot struct {
	Kind   string        // "damaged", "reservoir", "overrun", "decoder" or "lost"
	Offset int64         // in the file
	Bytes  int64         // skipped there
	At     time.Duration // start of the silence that replaces it
	Length time.Duration // length of that silence; 0 if only bytes were skipped
}

// Warning is a fault that does not prevent airing.
type Warning struct {
	Code    string // stable, for programs: one of the Warn constants
	Message string // for the producer
	At      time.Duration
}

// The codes of warnings.
const (
	WarnHeadSilence   = "head_silence"
	WarnTailSilence   = "tail_silence"
	WarnSilence       = "silence" // inside the recording
	WarnSilent        = "silent"  // the whole recording
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

// Grave reports whether a warning with this code means that listeners miss a part of what was recorded, or hear little
// or nothing of it. The other warnings are of faults that can be heard and hide nothing, or of what is as it should be
// in some recordings: the pips of a time signal are mostly silent.
func Grave(code string) bool {
	switch code {
	case WarnSilent, WarnVeryQuiet, WarnPhase, WarnDamage, WarnTruncated, WarnFrameCount:
		return true
	}
	return false
}

// samplesTime returns the time of n samples at rate, to the nearest nanosecond.
func samplesTime(n int64, rate int) time.Duration {
	r := int64(rate)
	whole, rest := n/r, n%r
	return time.Duration(whole)*time.Second + time.Duration((rest*int64(time.Second)+r/2)/r)
}
