package wire

// The largest signed documents that a station reads, in bytes as they come. Decoded, JSON takes up many times its
// length, a station has little memory, and the link is read before anybody is known to have signed. They follow from
// the bounds of package schedules, with room: a definition has at most 1000 windows, positions and fallback items, an
// id 63 letters, a title or voice 500 characters; an envelope is four thirds of what it carries.
const (
	MostQueueBytes     = 48 << 20 // MostItems items of a kilobyte, and the longest fallback
	MostFallbackBytes  = 20 << 20 // 1000 items with the longest names, 1000 windows on each of 16 days, the recalled
	MostRecallsBytes   = 40 << 20 // MostRecalled segments, readable and in the envelope
	MostLeaseBytes     = 4 << 20  // the ids of MostItems segments
	MostFreshnessBytes = 1 << 20  // a revision for each day
)

// What a signed document lists at most.
const (
	MostItems    = 20_000 // of a day: 25 hours of items of 5 s are 18,000
	MostRecalled = 50_000
)
