package wire

import "lifeline/schedules"

// LinkSchema is the schema of a chain's links, LinkType the DSSE payload type that they are signed as.
const (
	LinkSchema = "lifeline.link/1"
	LinkType   = "application/vnd.lifeline.link+json"
)

// The kinds of link.
const (
	LinkQueue = "queue"  // a published revision
	LinkAsRun = "as-run" // what a station reported of a day that is over
)

// Link is one link of a station's chain: it names by their hashes what it seals and the link before it. Hashes are
// SHA-256 in hex.
type Link struct {
	Schema   string            `json:"schema"`
	Station  string            `json:"station"`
	Number   int64             `json:"number"`   // from 1, without a gap
	Previous string            `json:"previous"` // of the envelope of the link before; empty in the first
	SealedAt schedules.Instant `json:"sealed_at"`
	Kind     string            `json:"kind"`
	Date     schedules.Date    `json:"date"` // the broadcast day

	Revision int64  `json:"revision,omitempty"`       // of a queue
	Queue    string `json:"queue_sha256,omitempty"`   // of its envelope
	Rundown  string `json:"rundown_sha256,omitempty"` // of the rundown that it was made of, as it is stored

	// Of what was reported for [From, To), and not sealed before: the sequences, as ranges [first, last], and the hash
	// of the records (see package chain). From null is since ever. The links that are not late follow each other
	// without a gap; one that is late has what was reported after its day was sealed.
	From      schedules.Instant `json:"from"`
	To        schedules.Instant `json:"to"`
	Late      bool              `json:"late,omitempty"`
	Sequences [][2]int64        `json:"sequences,omitempty"`
	Records   string            `json:"records_sha256,omitempty"`
}

// ChainHead is how far a station's chain has come.
type ChainHead struct {
	Station string            `json:"station"`
	Number  int64             `json:"number"`
	SHA256  string            `json:"sha256"` // of the last link's envelope
	Until   schedules.Instant `json:"until"`  // what was reported for the time before is sealed
}

// SealedLink is one link with the envelope that signs it, byte for byte.
type SealedLink struct {
	Link
	Envelope []byte `json:"envelope"` // base64
}

// ChainPage is one page of a chain, and its head.
type ChainPage struct {
	Page[SealedLink]
	Head ChainHead `json:"head"`
	Late bool      `json:"late"` // a report that came after its day was sealed still waits for its link
}

// ChainRecord is one as-run report as it is stored, byte for byte.
type ChainRecord struct {
	Sequence int64  `json:"sequence"`
	AtMs     int64  `json:"at_ms"` // by which it is found, since 1970
	Body     []byte `json:"body"`  // base64
}
