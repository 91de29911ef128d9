// Package playlist writes the items of a queue in the forms that common players read. It is pure: the items come with
// the addresses that the players shall open.
package playlist

import (
	"fmt"
	"strings"
	"time"

	"lifeline/internal/text"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// Form is a playlist format. Its value is the file extension.
type Form string

// The formats.
const (
	M3U      Form = "m3u"      // extended M3U, UTF-8
	PLS      Form = "pls"      // version 2
	XSPF     Form = "xspf"     // version 1
	Liq      Form = "liq"      // Liquidsoap's annotate: lines
	FFConcat Form = "ffconcat" // version 1.0, for ffmpeg's concat demuxer
)

// Forms lists all formats.
var Forms = []Form{M3U, PLS, XSPF, Liq, FFConcat}

// List is the content of a playlist.
type List struct {
	Title string
	Items []wire.QueueItem // in order; Audio.URL is the address that the player opens
}

// ContentType returns the media type of the format. Liquidsoap compares it letter by letter.
func (f Form) ContentType() string {
	switch f {
	case M3U:
		return "audio/x-mpegurl"
	case PLS:
		return "audio/x-scpls"
	case XSPF:
		return "application/xspf+xml"
	}
	return "text/plain; charset=utf-8"
}

// Write returns the list in the format f. Texts cannot break out of their fields: characters that a line cannot hold
// become escapes, and quotes are escaped by the format's rules.
func (f Form) Write(l List) ([]byte, error) {
	switch f {
	case M3U:
		return m3u(l), nil
	case PLS:
		return pls(l), nil
	case XSPF:
		return xspf(l)
	case Liq:
		return liq(l), nil
	case FFConcat:
		return ffconcat(l), nil
	}
	return nil, fmt.Errorf("playlist: there is no form %q", string(f))
}

func m3u(l List) []byte {
	var b strings.Builder
	b.WriteString("#EXTM3U\n")
	if title := text.ShownLine(l.Title); title != "" {
		fmt.Fprintf(&b, "#PLAYLIST:%s\n", title)
	}
	for _, i := range l.Items {
		fmt.Fprintf(&b, "#EXTINF:%d,%s\n%s\n", wholeSeconds(i.Duration), text.ShownLine(i.Title), address(i))
	}
	return []byte(b.String())
}

func pls(l List) []byte {
	var b strings.Builder
	b.WriteString("[playlist]\n")
	for n, i := range l.Items {
		fmt.Fprintf(&b, "File%d=%s\nTitle%[1]d=%[3]s\nLength%[1]d=%[4]d\n", n+1, address(i), text.ShownLine(i.Title),
			wholeSeconds(i.Duration))
	}
	fmt.Fprintf(&b, "NumberOfEntries=%d\nVersion=2\n", len(l.Items))
	return []byte(b.String())
}

// ffconcat writes cues and air times. It escapes quotes as ffmpeg's manual says ("Quoting and escaping").
func ffconcat(l List) []byte {
	var b strings.Builder
	b.WriteString("ffconcat version 1.0\n")
	for _, i := range l.Items {
		fmt.Fprintf(&b, "# %s\nfile '%s'\ninpoint %s\noutpoint %s\nduration %s\n", text.ShownLine(i.ID),
			strings.ReplaceAll(address(i), "'", `'\''`),
			seconds(i.CueIn), seconds(i.CueOut), seconds(i.Duration))
	}
	return []byte(b.String())
}

// address returns an item's address without spaces.
func address(i wire.QueueItem) string {
	return strings.ReplaceAll(text.ShownLine(i.Audio.URL), " ", "%20")
}

// seconds formats a duration in seconds with milliseconds.
func seconds(d schedules.Millis) string {
	ms := d.Milliseconds()
	sign := ""
	if ms < 0 {
		sign, ms = "-", -ms
	}
	return fmt.Sprintf("%s%d.%03d", sign, ms/1000, ms%1000)
}

// wholeSeconds rounds a length to seconds, for lists that people read.
func wholeSeconds(d schedules.Millis) int64 { return int64(d.Round(time.Second).Seconds()) }
