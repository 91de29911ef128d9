package schedules

import "time"

// Input is everything that a plan depends on. Nothing in it is changed by planning. The order of its lists does not
// matter, except where a list is an order (a clock's positions, a station's fallback).
type Input struct {
	Station Station
	Date    Date
	Clocks  map[string]Clock
	Library *Library
	// of all stations, in any order; what aired or is published. Airings in this day's own windows are ignored
	History   []Airing
	Owed      []MakeGood // of this station
	Campaigns []Campaign
	Keep      []Item // items that stay as they are: frozen, locked, aired, or asked for
	Seed      uint64

	// Published is what the day is published as. Its windows that start by Frozen stay as they are there, whatever the
	// definitions say now: nothing is planned in them, and what the definitions would put over them gives way.
	Published Rundown
	Frozen    time.Time
	Over      time.Time // what has ended by then makes nothing good that is owed

	whole bool // all windows of Published stay, and no others are there
}
