package wire

import "lifeline/schedules"

// LinkSchema is the schema of a chain's links. LinkType is the DSSE payload type with which they are signed.
const (
	LinkSchema = "lifeline.link/1"
	LinkType   = "application/vnd.lifeline.link+json"
)

// The kinds of link.
const (
	LinkQueue = "queue"  // a published revision
	LinkAsRun = "as-run" // a station's reports about a past day
	// texts that were erased from sealed documents or reports
	LinkErasure = "erasure"
	LinkAudit   = "audit" // entries of the audit, in the chain of AuditChain
)

// AuditChain is the name of the chain of the audit, where other chains have the id of a station. Its links seal the
// entries after those of the link before, in order; their records are the lines of an archive. From and To are the
// instants of the first and the last entry, and Date is the day, in UTC, on which it was sealed.
const AuditChain = "~audit"

// Link is one link of a station's chain. It contains the hashes of the data that it seals and of the previous link.
// Hashes are SHA-256 in hex.
type Link struct {
	Schema   string            `json:"schema"`
	Station  string            `json:"station"`
	Number   int64             `json:"number"`   // from 1, consecutive
	Previous string            `json:"previous"` // hash of the previous link's envelope; empty in the first
	SealedAt schedules.Instant `json:"sealed_at"`
	Kind     string            `json:"kind"`
	Date     schedules.Date    `json:"date"` // the broadcast day

	Revision int64  `json:"revision,omitempty"`       // of a queue
	Queue    string `json:"queue_sha256,omitempty"`   // hash of its envelope
	Rundown  string `json:"rundown_sha256,omitempty"` // hash of its rundown as it is stored

	// Of the reports for [From, To) that were not sealed before: the sequences, as ranges [first, last], and the hash of
	// the records (see package chain). From is null for the first such link, which has no lower bound. Links that are not
	// late cover consecutive intervals; a late link has reports that arrived after their day was sealed.
	From      schedules.Instant `json:"from"`
	To        schedules.Instant `json:"to"`
	Late      bool              `json:"late,omitempty"`
	Sequences [][2]int64        `json:"sequences,omitempty"`
	Records   string            `json:"records_sha256,omitempty"`

	// Of an erasure: the hashes that earlier links contain, and those of the same data without the erased texts. In the
	// chain of the audit, Sequences are those of the entries that lost texts.
	Erased []ErasedHash `json:"erased,omitempty"`
	// Of an erasure: its id.
	Erasure string `json:"erasure,omitempty"`

	// Of a station's link: the number and the hash of the last link of AuditChain when this one was sealed. Links of
	// earlier releases, and those made before the audit was sealed, have neither.
	AuditNumber int64  `json:"audit_number,omitempty"`
	AuditSHA256 string `json:"audit_sha256,omitempty"`
}

// ErasedHash says which hash takes the place of another, because texts were erased from what it is of.
type ErasedHash struct {
	Was string `json:"was_sha256"`
	Is  string `json:"is_sha256"`
}

// ChainHead is the end of a station's chain.
type ChainHead struct {
	Station string            `json:"station"`
	Number  int64             `json:"number"`
	SHA256  string            `json:"sha256"` // hash of the last link's envelope
	Until   schedules.Instant `json:"until"`  // reports for the time before are sealed
}

// SealedLink is one link with the envelope that signs it, byte for byte.
type SealedLink struct {
	Link
	Envelope []byte `json:"envelope"` // base64
}

// ChainPage is one page of a chain, with its head.
type ChainPage struct {
	Page[SealedLink]
	Head ChainHead `json:"head"`
	// The days of the station that have a published queue, on the first page: the chain has a link of each.
	Published []schedules.Date `json:"published,omitempty"`
	Late      bool             `json:"late"` // a report that arrived after its day was sealed still waits for its link
}

// ChainRecord is one as-run report as it is stored, byte for byte, or one entry of the audit as a line of an archive.
type ChainRecord struct {
	Sequence int64  `json:"sequence"`
	AtMs     int64  `json:"at_ms"` // its instant for queries, in milliseconds since 1970
	Body     []byte `json:"body"`  // base64
}
