// Package store holds the values of the storage contract, which every back end below it keeps and the use cases
// above it declare as ports. The promises are written at the fields and proved by storetest.
package store

import (
	"encoding/json"
	"time"
)

// Document is one revisioned resource. Kind and ID together name it; ids are compared by their bytes. Revisions
// count 1, 2, 3 … per document and never repeat, not even after a deletion.
type Document struct {
	Kind     string
	ID       string
	Revision int64
	Body     []byte
}

// Write asks for one change of one document within a Commit.
type Write struct {
	Kind   string
	ID     string
	Expect int64  // the revision that the change starts from; 0: the document must not exist
	Body   []byte // ignored by a deletion
	Delete bool
}

// Commit is a set of writes that happen together or not at all, with who made them and why. At most one write may
// name a document. A Commit without writes records its Action alone.
type Commit struct {
	Writes []Write
	Origin
}

// Origin says where a change came from. It is the audit record of the change.
type Origin struct {
	At        time.Time // UTC, whole milliseconds
	By        string    // token name; "system" for background work
	Action    string    // such as "segment.approve"
	Reason    string
	RequestID string
}

// Change is one document's change, in the order in which the store applied it. Sequence counts up over the whole
// store; all changes of one commit are adjacent. Changes are the audit trail: they stay until they are trimmed.
type Change struct {
	Sequence int64
	Kind     string
	ID       string
	Revision int64 // after the change; the revision before is one less
	Deleted  bool
	Origin
}

// Entry is one as-run report, named by station and sequence. An entry never changes; it stays until it is forgotten.
type Entry struct {
	Station  string
	Sequence int64
	At       time.Time // by which it is found: the actual start, or the arrival of what did not start
	Body     json.RawMessage
}

// AuditQuery selects changes. Zero fields select everything.
type AuditQuery struct {
	Kind, ID, By string
	From, To     time.Time // [From, To) by Origin.At
	After        int64     // changes with a larger Sequence
	Before       int64     // changes with a smaller one
	Newest       bool      // the newest first
	Limit        int       // at most 500; 0 means 50
}
