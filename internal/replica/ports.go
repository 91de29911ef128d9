package replica

import (
	"context"
	"io"
	"time"

	"lifeline/internal/blob"
	"lifeline/internal/store"
)

// Documents stores documents with revisions.
type Documents interface {
	// Get returns a document. It fails with NotFound.
	Get(ctx context.Context, kind, id string) (store.Document, error)
	// List returns at most limit documents whose ids follow after, in byte order.
	List(ctx context.Context, kind, after string, limit int) ([]store.Document, error)
	// Commit stores all writes durably, or none. It fails with Stale when a document is not at the expected revision, and
	// with Conflict when a document exists that must not.
	Commit(ctx context.Context, c store.Commit) ([]store.Change, error)
}

// Feed delivers changes in the order in which they were made.
type Feed interface {
	// Changes returns the changes after since, without a gap. It fails with Gone when some are no longer kept.
	Changes(ctx context.Context, since int64, limit int) ([]store.Change, error)
	Latest(ctx context.Context) (int64, error)
	// Wait returns nil once there is a change after since, made by this process or another.
	Wait(ctx context.Context, since int64) error
}

// AsRunLog stores as-run entries.
type AsRunLog interface {
	// Append stores entries durably. It leaves an entry with a known station and sequence as it is, and reports it as not
	// fresh.
	Append(ctx context.Context, entries []store.Entry) (fresh []bool, err error)
	// Read returns the entries of [from, to), by sequence.
	Read(ctx context.Context, station string, from, to time.Time) ([]store.Entry, error)
	// Forget removes entries in one step. Their sequences may then be used again.
	Forget(ctx context.Context, station string, sequences []int64) error
}

// AuditTrail returns all changes that were not trimmed.
type AuditTrail interface {
	Audit(ctx context.Context, q store.AuditQuery) ([]store.Change, error)
	// Trim removes each change up to through that a later change of the same document follows. The feed then fails with
	// Gone for a reader that is behind through. Trim fails with Invalid unless through is before the latest change.
	Trim(ctx context.Context, through int64) error
	// Redact replaces in place, all or nothing, the origins and fields of stored changes, named by their sequences, and
	// the bodies of stored entries, named by station and sequence. It ignores those that are not stored.
	Redact(ctx context.Context, changes []store.Change, entries []store.Entry) error
	// Purge makes what was overwritten or deleted unreadable in the store's files too. It may take minutes. It fails with
	// Unsupported if the back end cannot do it, with the cure.
	Purge(ctx context.Context) error
}

// Store is everything that a back end stores.
type Store interface {
	Documents
	Feed
	AsRunLog
	AuditTrail
	Leases
	Ping(ctx context.Context) error
}

// Audio stores recordings by the SHA-256 of their bytes.
type Audio interface {
	// Put stores r as a whole or not at all. It fails with TooLarge after limit bytes, and with Full.
	Put(ctx context.Context, r io.Reader, limit int64) (blob.Blob, error)
	// Open fails with NotFound.
	Open(ctx context.Context, sha256 string) (blob.Content, int64, error)
	// DeleteOlder removes a blob whose last Put was earlier than before. It reports whether it removed one.
	DeleteOlder(ctx context.Context, sha256 string, before time.Time) (bool, error)
}

// Signer signs documents, each with the key of its payload type.
type Signer interface {
	Sign(payloadType string, payload []byte) (envelope []byte, err error)
	// KeyID returns the id of the key that signs documents of that type, as envelopes name it.
	KeyID(payloadType string) string
}
