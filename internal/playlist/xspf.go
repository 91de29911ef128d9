package playlist

import (
	"encoding/xml"
	"fmt"
	"net/url"
	"strconv"

	"lifeline/internal/text"
	"lifeline/internal/wire"
)

// xspfDocument is XSPF version 1 (xspf.org, section 4), with the elements that a queue has values for.
type xspfDocument struct {
	XMLName xml.Name    `xml:"http://xspf.org/ns/0/ playlist"`
	Version string      `xml:"version,attr"`
	Title   string      `xml:"title,omitempty"`
	Tracks  []xspfTrack `xml:"trackList>track"`
}

type xspfTrack struct {
	Location   string     `xml:"location"`
	Identifier []string   `xml:"identifier"`
	Title      string     `xml:"title,omitempty"`
	Creator    string     `xml:"creator,omitempty"`
	Duration   int64      `xml:"duration"` // milliseconds
	Meta       []xspfMeta `xml:"meta"`
}

type xspfMeta struct {
	Rel   string `xml:"rel,attr"`
	Value string `xml:",chardata"`
}

func xspf(l List) ([]byte, error) {
	doc := xspfDocument{Version: "1", Title: text.ShownLine(l.Title), Tracks: make([]xspfTrack, len(l.Items))}
	for n, i := range l.Items {
		doc.Tracks[n] = track(i)
	}
	b, err := xml.MarshalIndent(doc, "", " ")
	if err != nil {
		return nil, fmt.Errorf("playlist: xspf: %w", err)
	}
	return append([]byte(xml.Header), append(b, '\n')...), nil
}

// track identifies the item and its bytes, and uses meta for values without an XSPF element.
func track(i wire.QueueItem) xspfTrack {
	t := xspfTrack{Location: address(i), Identifier: []string{"urn:lifeline:item:" + url.PathEscape(i.ID), "urn:sha256:" +
		url.PathEscape(i.Audio.SHA256)},
		Title: text.ShownLine(i.Title), Creator: text.ShownLine(i.Voice), Duration: i.Duration.Milliseconds()}
	add := func(name, value string) {
		t.Meta = append(t.Meta, xspfMeta{"urn:lifeline:" + name, text.ShownLine(value)})
	}
	add("segment_id", i.SegmentID)
	if i.StartAt != nil {
		add("start_at", i.StartAt.String())
	}
	add("cue_in_ms", strconv.FormatInt(i.CueIn.Milliseconds(), 10))
	add("cue_out_ms", strconv.FormatInt(i.CueOut.Milliseconds(), 10))
	add("fade_out_ms", strconv.FormatInt(i.FadeOut.Milliseconds(), 10))
	add("gain_db", strconv.FormatFloat(i.GainDB, 'f', -1, 64))
	return t
}
