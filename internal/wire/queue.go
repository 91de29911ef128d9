package wire

import (
	"encoding/json"
	"time"

	"lifeline/schedules"
)

// The schemas of signed documents. Readers reject unknown ones.
const (
	QueueSchema     = "lifeline.queue/1"
	FallbackSchema  = "lifeline.fallback/1"
	RecallsSchema   = "lifeline.recalls/1"
	LeaseSchema     = "lifeline.lease/1"
	FreshnessSchema = "lifeline.freshness/1"
)

// The DSSE payload types of the signed documents (the media type that a signature is bound to).
const (
	QueueType     = "application/vnd.lifeline.queue+json"
	FallbackType  = "application/vnd.lifeline.fallback+json"
	RecallsType   = "application/vnd.lifeline.recalls+json"
	LeaseType     = "application/vnd.lifeline.lease+json"
	FreshnessType = "application/vnd.lifeline.freshness+json"
	FirstRootType = "application/vnd.lifeline.root+json" // the first root, for stations that pin a key and no root yet
)

// Queue is the published rundown of one station and broadcast day, in the form that a station pulls.
type Queue struct {
	Schema      string            `json:"schema"`
	Station     string            `json:"station"`
	Date        schedules.Date    `json:"date"`
	Timezone    string            `json:"timezone"`
	Revision    int64             `json:"revision"`
	PublishedAt schedules.Instant `json:"published_at"`
	ExpiresAt   schedules.Instant `json:"expires_at"` // from then on a player airs the fallback instead
	// the day is no longer published: a player airs the fallback in the hours of its windows
	Withdrawn bool `json:"withdrawn,omitempty"`
	// it is intended that the day airs less than half of an earlier revision, by a correction or after a withdrawal
	Shortened bool             `json:"shortened,omitempty"`
	Windows   []schedules.Slot `json:"windows"`
	Items     []QueueItem      `json:"items"`

	// Open lists the times of the windows that are intentionally empty: an item there may no longer air, or would have
	// begun before the day was published. A player airs the fallback there.
	Open []schedules.Occurrence `json:"open,omitempty"`

	Fallback []QueueItem `json:"fallback"`
	Recalled []string    `json:"recalled"` // segment ids
}

// QueueItem is one item to play. A fallback item has no times.
type QueueItem struct {
	ID        string              `json:"id"`
	Window    string              `json:"window,omitempty"`
	Position  string              `json:"position,omitempty"`
	SegmentID string              `json:"segment_id"`
	Kind      schedules.Kind      `json:"kind"`
	Language  string              `json:"language"`
	Title     string              `json:"title"`
	Voice     string              `json:"voice,omitempty"`
	StartAt   *schedules.Instant  `json:"start_at,omitempty"` // planned
	StartMs   int64               `json:"start_ms,omitempty"` // StartAt in milliseconds since 1970
	Start     schedules.StartMode `json:"start,omitempty"`
	Grace     schedules.Millis    `json:"grace_ms,omitzero"`
	Duration  schedules.Millis    `json:"duration_ms"` // air time: CueOut - CueIn
	CueIn     schedules.Millis    `json:"cue_in_ms"`
	CueOut    schedules.Millis    `json:"cue_out_ms"`
	FadeOut   schedules.Millis    `json:"fade_out_ms"`
	GainDB    float64             `json:"gain_db"`             // brings the recording to the station's loudness target
	NotAfter  schedules.Instant   `json:"not_after"`           // the airing must have ended by then; null means no limit
	Sensitive bool                `json:"sensitive,omitempty"` // starts only under a lease that names its segment
	Chain     string              `json:"chain,omitempty"`
	MakesGood string              `json:"makes_good,omitempty"` // the make-good that this airing is for
	Audio     AudioRef            `json:"audio"`
}

// AirGain returns the gain in dB with which the item airs: GainDB within the bounds of all gains, whoever wrote the
// queue.
func (it *QueueItem) AirGain() float64 { return schedules.BoundGain(it.GainDB) }

// AudioRef names the bytes to play.
type AudioRef struct {
	SHA256      string `json:"sha256"`
	Bytes       int64  `json:"bytes"`
	ContentType string `json:"content_type"`
	URL         string `json:"url"`
}

// Fallback is the material that a station airs in its windows when it has no valid queue: the windows of the coming
// days and the list, in order.
type Fallback struct {
	Schema    string                 `json:"schema"`
	Station   string                 `json:"station"`
	Timezone  string                 `json:"timezone,omitempty"` // none in lists of older services
	Revision  int64                  `json:"revision"`
	IssuedAt  schedules.Instant      `json:"issued_at"`
	ExpiresAt schedules.Instant      `json:"expires_at"`
	Windows   []schedules.Occurrence `json:"windows"`
	Items     []QueueItem            `json:"items"`
	Recalled  []string               `json:"recalled"`
	// It applies to every queue held, whenever it was published, and also after the list has expired.
	Starved schedules.Starved `json:"starved,omitzero"`
}

// Lease allows one station to start sensitive items for a short time. A station renews it after a third of that time.
// Without the link the lease expires, and with it the permission: a recalled segment cannot air for longer on a station
// that cannot be reached.
type Lease struct {
	Schema    string            `json:"schema"`
	Station   string            `json:"station"`
	Nonce     string            `json:"nonce,omitempty"` // of the request that it answers
	IssuedAt  schedules.Instant `json:"issued_at"`
	ExpiresAt schedules.Instant `json:"expires_at"` // nothing may start from then on; items on the air may end
	Segments  []string          `json:"segments"`   // ids of the sensitive segments that may start
}

// MaxLease is the longest life of a lease.
const MaxLease = time.Hour

// Freshness answers one request of a station: the service's time, and the newest revision of each document that the
// station pulls. The nonce ties it to the request, so that a delayed answer proves nothing.
type Freshness struct {
	Schema   string            `json:"schema"`
	Station  string            `json:"station"`
	Nonce    string            `json:"nonce"`
	At       schedules.Instant `json:"at"`
	Recalls  int64             `json:"recalls_revision"`
	Fallback int64             `json:"fallback_revision"` // 0 means that none was issued
	Queues   map[string]int64  `json:"queue_revisions"`   // by date, of published days that ended recently or later
}

// HashForm is the form of a SHA-256 in hexadecimal.
const HashForm = `^[0-9a-f]{64}$`

// MaxNonce is the greatest length of a nonce.
const MaxNonce = 64

// Recalls lists the segments that no station may air. Revision increases with every recall and reinstatement; a station
// rejects a list older than one that it has seen.
type Recalls struct {
	Schema   string            `json:"schema"`
	Revision int64             `json:"revision"`
	IssuedAt schedules.Instant `json:"issued_at"`
	Segments []Recalled        `json:"segments"`
	// The hashes of recordings that were erased for good: who holds one deletes it, and what names it once that is over.
	Erased []string `json:"erased,omitempty"`

	// Above is the number above which the service numbers its documents because its store was set back to an older state;
	// 0 means never. Recalls in lists with a smaller Above may have been lost: a station keeps their segments off the air
	// until a later list names them in Segments or in Released.
	Above    int64      `json:"above,omitempty"`
	Released []Recalled `json:"released,omitempty"` // recalled since the store was set back, and airable again

	Envelope *Envelope `json:"envelope,omitempty"` // signs all of the above; absent inside its own payload
}

// Recalled is one recalled segment.
type Recalled struct {
	SegmentID  string            `json:"segment_id"`
	SHA256     string            `json:"sha256"`
	RecalledAt schedules.Instant `json:"recalled_at"`
}

// Envelope is a DSSE envelope: base64 payload, and signatures over it and its type.
type Envelope struct {
	PayloadType string      `json:"payloadType"`
	Payload     string      `json:"payload"`
	Signatures  []Signature `json:"signatures"`
}

// Signature is one signature of an Envelope, base64.
type Signature struct {
	KeyID string `json:"keyid"`
	Sig   string `json:"sig"`
}

// Keys lists the public keys that sign queues. Stations pin them.
type Keys struct {
	Keys   []Key `json:"keys"`
	Root   int64 `json:"root,omitempty"`   // version of the root that delegates to them; 0 means that there is none
	Former []Key `json:"former,omitempty"` // earlier signers, for checking old signatures only, not for pinning
}

// Roots lists root documents, the earliest first: TUF root metadata that names the keys of each role. A station accepts
// one if it is signed by enough keys of the previous root and by enough of its own.
type Roots struct {
	Roots []json.RawMessage `json:"roots"`

	// First is the very first root, signed by the key that signed everything before it: a station that pins that key pins
	// this root instead. It is missing if the service does not have that key.
	First *Envelope `json:"first,omitempty"`
}

// Key is one Ed25519 public key, base64.
type Key struct {
	ID        string `json:"id"`
	Algorithm string `json:"algorithm"` // "ed25519"
	PublicKey string `json:"public_key"`

	Roles []string `json:"roles,omitempty"` // the roles that the root gives it: queue, recall, record or mirror
}
