package dsp

import "time"

// Channels is the number of channels of the programme.
const Channels = 2

// Rate is a sample rate in frames per second. It maps instants to frames of the timeline and back.
type Rate int

// Frame returns the frame nearest to t.
func (r Rate) Frame(t time.Time) int64 {
	return t.Unix()*int64(r) + (int64(t.Nanosecond())*int64(r)+5e8)/1e9
}

// Time returns the instant of frame f.
func (r Rate) Time(f int64) time.Time {
	s := f / int64(r)
	return time.Unix(s, ((f-s*int64(r))*1e9+int64(r)/2)/int64(r)).UTC()
}

// Frames returns the duration d in frames, rounded to the nearest.
func (r Rate) Frames(d time.Duration) int64 {
	s := d / time.Second
	rest := int64(d-s*time.Second) * int64(r)
	if rest < 0 {
		return int64(s)*int64(r) - (-rest+5e8)/1e9
	}
	return int64(s)*int64(r) + (rest+5e8)/1e9
}

// Duration returns the duration of n frames.
func (r Rate) Duration(n int64) time.Duration {
	s := n / int64(r)
	return time.Duration(s)*time.Second + time.Duration((n-s*int64(r))*1e9/int64(r))
}

// From converts n frames at another rate to this one, rounded down.
func (r Rate) From(n int64, rate int) int64 {
	in, out := int64(rate), int64(r)
	return n/in*out + n%in*out/in // without overflow
}
