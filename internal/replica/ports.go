package replica

import (
	"context"
	"io"
	"time"

	"lifeline/internal/blob"
	"lifeline/internal/store"
)

// Documents keeps revisioned documents.
type Documents interface {
	// Get fails with NotFound.
	Get(ctx context.Context, kind, id string) (store.Document, error)
	// List answers at most limit documents whose ids come after the given one in byte order.
	List(ctx context.Context, kind, after string, limit int) ([]store.Document, error)
	// Commit makes all writes durable, or none. It fails with Stale when a document is not at the expected revision,
	// and with Conflict when one that must not exist does.
	Commit(ctx context.Context, c store.Commit) ([]store.Change, error)
}

// Feed tells of changes in the order in which they were made.
type Feed interface {
	// Changes answers the changes after since without a gap. It fails with Gone when they are no longer kept.
	Changes(ctx context.Context, since int64, limit int) ([]store.Change, error)
	Latest(ctx context.Context) (int64, error)
	// Wait returns nil once there is a change after since, made here or by another process.
	Wait(ctx context.Context, since int64) error
}

// AsRunLog keeps what stations report.
type AsRunLog interface {
	// Append stores entries durably. An entry whose station and sequence are known is left as it is, and not fresh.
	Append(ctx context.Context, entries []store.Entry) (fresh []bool, err error)
	// Read answers the entries of [from, to), by sequence.
	Read(ctx context.Context, station string, from, to time.Time) ([]store.Entry, error)
	// Forget removes entries, all together. Their names are free again.
	Forget(ctx context.Context, station string, sequences []int64) error
}

// AuditTrail answers every change that was not trimmed.
type AuditTrail interface {
	Audit(ctx context.Context, q store.AuditQuery) ([]store.Change, error)
	// Trim removes the changes up to through that a later one of their document has overtaken. The feed answers Gone to
	// whoever has not come as far. It fails with Invalid unless through is before the latest change.
	Trim(ctx context.Context, through int64) error
}

// Store is all that a back end keeps.
type Store interface {
	Documents
	Feed
	AsRunLog
	AuditTrail
	Leases
	Ping(ctx context.Context) error
}

// Audio keeps recordings by the SHA-256 of their bytes.
type Audio interface {
	// Put stores r whole or not at all. It fails with TooLarge after limit bytes and with Full.
	Put(ctx context.Context, r io.Reader, limit int64) (blob.Blob, error)
	// Open fails with NotFound.
	Open(ctx context.Context, sha256 string) (blob.Content, int64, error)
	// DeleteOlder removes the blob if it is there and was last put before before, and says whether it did.
	DeleteOlder(ctx context.Context, sha256 string, before time.Time) (bool, error)
}

// Sealer signs a document.
type Sealer interface {
	Seal(payloadType string, payload []byte) (envelope []byte, err error)
	// KeyID names the key that it signs with, as its envelopes do.
	KeyID() string
}
