package schedules

import "time"

// Input holds everything that a plan depends on. Planning does not change it. The order of its lists does not matter,
// except for lists that define an order (a clock's positions, a station's fallback).
type Input struct {
	Station Station
	Date    Date
	Clocks  map[string]Clock
	Library *Library
	// aired and published items of all stations, in any order; airings in this day's own windows are ignored
	History   []Airing
	Owed      []MakeGood // of this station
	Campaigns []Campaign
	Keep      []Item // items to keep as they are: frozen, locked, aired, or requested
	Seed      uint64

	// Published is the published rundown of the day. Its windows that start by Frozen stay as published, even if the
	// definitions have changed: nothing is planned in them, and a defined window that overlaps them is left out.
	Published Rundown
	Frozen    time.Time
	// Repeated holds the rundowns of other days of the station that windows of this day repeat.
	Repeated []Rundown
	Over     time.Time // an item that has ended by then cannot make good an airing that is owed

	publishedOnly bool // the day has exactly the windows of Published
}
