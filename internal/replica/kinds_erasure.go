package replica

import (
	"reflect"
	"slices"

	"lifeline/internal/fault"
	"lifeline/internal/store"
	"lifeline/schedules"
)

const KindErasure = "erasure" // what was erased, or is to be: ID

var erasureKinds = Kinds{{Name: KindErasure, Changes: "erasure", Form: reflect.TypeFor[ErasureDoc](),
	Copy: Copied(Parse[ErasureDoc]), Inspect: Looking(inspectErasure)}}

// The states of an erasure, in order.
const (
	ErasureAsked     = "asked"     // another person must confirm it
	ErasureConfirmed = "confirmed" // under way: texts and audio are being removed
	ErasurePurging   = "purging"   // no document has a text any more; the files of the store may
	ErasureDone      = "done"
	ErasureDropped   = "dropped" // somebody decided against it
)

// ErasureDoc is the erasure of segments, former recordings, or persons. What stays of them once it is done is here and
// in the signed record: hashes, dates and airings.
type ErasureDoc struct {
	ID          string             `json:"id"`
	State       string             `json:"state"`
	Reason      string             `json:"reason"`
	Segments    []ErasureSegment   `json:"segments,omitempty"`
	Recordings  []ErasureRecording `json:"recordings,omitempty"` // all that go, those of the segments too
	Person      string             `json:"person,omitempty"`     // named in segments; removed with the rest
	Member      string             `json:"member,omitempty"`     // id of a person who worked with the service
	Texts       []string           `json:"texts,omitempty"`      // that are searched for, until it is done
	Uploads     []string           `json:"uploads,omitempty"`    // ids of unfinished uploads
	AskedBy     string             `json:"asked_by"`
	AskedByID   string             `json:"asked_by_id,omitempty"`
	AskedAt     schedules.Instant  `json:"asked_at"`
	DecidedBy   string             `json:"decided_by,omitempty"` // who confirmed or dropped it
	DecidedByID string             `json:"decided_by_id,omitempty"`
	DecidedAt   schedules.Instant  `json:"decided_at"`
	DoneAt      schedules.Instant  `json:"done_at"`
	Left        []string           `json:"left,omitempty"` // where something was when it was last looked for, in words
}

// ErasureSegment is a segment of an erasure.
type ErasureSegment struct {
	ID       string         `json:"id"`
	Kind     schedules.Kind `json:"kind"`
	Language string         `json:"language"`
}

// ErasureRecording is a recording of an erasure.
type ErasureRecording struct {
	SHA256  string `json:"sha256"`
	Bytes   int64  `json:"bytes"` // 0: unknown, of a former recording
	Segment string `json:"segment"`
}

// Decided reports whether e was confirmed, so that what it names is gone, or going.
func (e ErasureDoc) Decided() bool { return e.State != ErasureAsked && e.State != ErasureDropped }

func ErasuresIn(m *Replica) *Cache[ErasureDoc] { return CacheOf[*Cache[ErasureDoc]](m, KindErasure) }

// ErasureOf returns the confirmed erasure of a segment.
func ErasureOf(m *Replica, segment string) (ErasureDoc, bool) {
	for _, row := range ErasuresIn(m).After("", "") {
		if row.Value.Decided() && slices.ContainsFunc(row.Value.Segments, func(s ErasureSegment) bool {
			return s.ID == segment
		}) {
			return row.Value, true
		}
	}
	return ErasureDoc{}, false
}

// ErasedMember returns the confirmed erasure of a person who worked with the service.
func ErasedMember(m *Replica, id string) (ErasureDoc, bool) {
	for _, row := range ErasuresIn(m).After("", "") {
		if row.Value.Decided() && row.Value.Member == id {
			return row.Value, true
		}
	}
	return ErasureDoc{}, false
}

// ErasedRecordings returns the hashes of all recordings whose erasure was confirmed, in order.
func ErasedRecordings(m *Replica) (hashes []string) {
	for _, row := range ErasuresIn(m).After("", "") {
		if row.Value.Decided() {
			hashes = append(hashes, row.Value.Hashes()...)
		}
	}
	slices.Sort(hashes)
	return slices.Compact(hashes)
}

// Hashes returns the hashes of the recordings of e.
func (e ErasureDoc) Hashes() (hashes []string) {
	for _, r := range e.Recordings {
		hashes = append(hashes, r.SHA256)
	}
	return hashes
}

// RefuseErased fails with Gone if a confirmed erasure names a recording: nothing brings it back.
func RefuseErased(m *Replica, sha256 string) error {
	for id, row := range ErasuresIn(m).After("", "") {
		if row.Value.Decided() && slices.ContainsFunc(row.Value.Recordings, func(r ErasureRecording) bool {
			return r.SHA256 == sha256
		}) {
			return fault.New(fault.Gone, "this very recording was erased for good (erasure %s), so it is not stored again: "+
				"send another one", id)
		}
	}
	return nil
}

func inspectErasure(i *Inspector, d store.Document, e ErasureDoc) {
	if e.ID != d.ID {
		i.Tell(d, "has the body of %s", e.ID)
	}
	if e.Decided() {
		for _, r := range e.Recordings {
			i.erased[r.SHA256] = true
		}
	}
}
