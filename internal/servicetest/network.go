package servicetest

import (
	"strings"

	"lifeline/internal/wire"
	"lifeline/schedules"
)

// Music returns an approved segment of a minute. Its id ends in a digit.
func Music(id string) schedules.Segment {
	length := schedules.Ms(60_000)
	return schedules.Segment{ID: id, Kind: "music", Title: id, Language: "ko-KP", State: schedules.Approved,
		Recording: &schedules.Recording{SHA256: strings.Repeat(id[len(id)-1:], 64), Bytes: 1, ContentType: "audio/mpeg",
			Duration: length, CueOut: length}}
}

// OneStation returns a network with one station s, whose fallback is the segment m1. It has one window of a minute a
// day, which the clock c fills with music.
func OneStation() wire.Apply {
	return wire.Apply{
		Clocks: []schedules.Clock{{ID: "c", Length: schedules.Ms(60_000),
			Positions: []schedules.Position{{ID: "f", Fill: &schedules.Selector{Kinds: []schedules.Kind{"music"}}}}}},
		Stations: []schedules.Station{{ID: "s", Name: "s", Timezone: "Asia/Seoul", Languages: []string{"ko-KP"},
			Fallback: []string{"m1"},
			Windows: []schedules.Window{{ID: "w", Clock: "c", Length: schedules.Ms(60_000), Tolerance: schedules.Ms(1000),
				Starts: schedules.Recurrence{Timezone: "Asia/Seoul", RRule: "DTSTART:20261101T220000\nRRULE:FREQ=DAILY"}}}}}}
}
