package dsp

import "time"

// Channels is how many channels the programme has.
const Channels = 2

// Rate is a sample rate in frames per second. It maps instants to frames of the timeline and back.
type Rate int

// Frame is the frame nearest to t.
func (r Rate) Frame(t time.Time) int64 {
	return t.Unix()*int64(r) + (int64(t.Nanosecond())*int64(r)+5e8)/1e9
}

// Time is when frame f is heard.
func (r Rate) Time(f int64) time.Time {
	s := f / int64(r)
	return time.Unix(s, ((f-s*int64(r))*1e9+int64(r)/2)/int64(r)).UTC()
}

// Frames is how many frames d lasts, to the nearest.
func (r Rate) Frames(d time.Duration) int64 {
	s := d / time.Second
	rest := int64(d-s*time.Second) * int64(r)
	if rest < 0 {
		return int64(s)*int64(r) - (-rest+5e8)/1e9
	}
	return int64(s)*int64(r) + (rest+5e8)/1e9
}

// Duration is how long n frames last.
func (r Rate) Duration(n int64) time.Duration {
	s := n / int64(r)
	return time.Duration(s)*time.Second + time.Duration((n-s*int64(r))*1e9/int64(r))
}

// From is how many whole frames last as long as n frames at another rate.
func (r Rate) From(n int64, rate int) int64 {
	in, out := int64(rate), int64(r)
	return n/in*out + n%in*out/in // without overflow
}
