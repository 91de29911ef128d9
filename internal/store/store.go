// Package store defines the values of the storage contract. The back ends below it implement the contract, and the use
// cases above it declare the interfaces. The guarantees are documented at the fields and tested by storetest.
package store

import (
	"encoding/json"
	"time"
)

// Document is one resource with revisions. Kind and ID together name it; ids are compared by their bytes. Revisions
// count 1, 2, 3 … per document and never repeat, not even after a deletion.
type Document struct {
	Kind     string
	ID       string
	Revision int64
	Body     []byte
}

// Write is one requested change of a document within a Commit.
type Write struct {
	Kind   string
	ID     string
	Expect int64  // the revision to change; 0 means that the document must not exist
	Body   []byte // ignored for a deletion
	Delete bool
	Fields string // for the audit: what it changes, in a form that the use cases define
}

// Commit is a set of writes that are applied together or not at all, with their author and reason. At most one write
// may name a document. A Commit without writes records only its Action.
type Commit struct {
	Writes []Write
	Origin
	Fields string // of a commit without writes, as Write.Fields
}

// System is the name of the author of background work.
const System = "system"

// Origin is the origin of a change, for the audit.
type Origin struct {
	At        time.Time // UTC, whole milliseconds
	By        string    // name of the person or machine; System for background work
	Action    string    // such as "segment.approve"
	Reason    string
	RequestID string

	Person string // id of the person; empty for a machine, for background work, and for changes of older programs
	Token  string // id of the access token
	Remote string // network address of the request
}

// Change is the change of one document, in the order in which the store applied it. Sequence counts up over the whole
// store; the changes of one commit are adjacent. Changes form the audit trail: they stay until they are trimmed.
type Change struct {
	Sequence int64
	Kind     string
	ID       string
	Revision int64 // after the change; the revision before is one less
	Deleted  bool
	Origin
	Fields string // of the write; empty for changes of older programs
}

// Entry is one as-run report, named by station and sequence. An entry never changes, and stays until it is forgotten.
type Entry struct {
	Station  string
	Sequence int64
	At       time.Time // the instant for queries: the actual start, or the arrival if nothing started
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
