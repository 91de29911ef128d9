package wire

import "lifeline/schedules"

// ReceiptsSchema is the schema of Receipts, and ReceiptsType their DSSE payload type.
const (
	ReceiptsSchema = "lifeline.receipts/1"
	ReceiptsType   = "application/vnd.lifeline.receipts+json"
)

// Receipts name as-run entries of a station that are on record and that others than the station brought: it had no
// answer to them. They come by mirrors and bundles, and the station then drops these entries, and no others, from its
// spool. They are signed by the key of the role record. Old ones are as true as new ones.
type Receipts struct {
	Schema   string            `json:"schema"`
	Station  string            `json:"station"`
	IssuedAt schedules.Instant `json:"issued_at"` // when the last of the entries came
	Entries  []Receipt         `json:"entries"`   // by sequence
}

// Receipt names an entry that is on record.
type Receipt struct {
	Sequence int64  `json:"sequence"` // that the station sent
	Digest   string `json:"digest"`   // AsRun.Digest of what is on record
}

// MostReceipts is the largest number of entries in Receipts.
const MostReceipts = 20_000
