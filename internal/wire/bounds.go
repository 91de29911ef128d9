package wire

// The sizes in bytes of the largest signed documents that a station reads. Decoded JSON takes many times its length, a
// station has little memory, and it reads a response before it can verify the signature. The bounds follow, with a
// margin, from those of package schedules: a definition has at most 1000 windows, positions and fallback items, an id
// 63 letters, a title or voice 500 characters; an envelope is four thirds of its payload.
const (
	MostQueueBytes     = 48 << 20  // MostItems items of a kilobyte, and the longest fallback
	MostFallbackBytes  = 20 << 20  // 1000 items with the longest names, 1000 windows on each of 16 days, the recalled
	MostRecallsBytes   = 40 << 20  // MostRecalled segments, readable and in the envelope
	MostLeaseBytes     = 4 << 20   // the ids of MostItems segments
	MostFreshnessBytes = 1 << 20   // a revision for each day
	MostListBytes      = 256 << 10 // a MirrorList: MostMirrors addresses
	MostReceiptsBytes  = 4 << 20   // MostReceipts entries
)

// The largest numbers of entries in signed documents.
const (
	MostItems    = 20_000 // of a day: 25 hours of items of 5 s are 18,000
	MostRecalled = 50_000
)
