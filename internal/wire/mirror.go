package wire

import (
	"encoding/json"

	"lifeline/schedules"
)

// The schemas of what mirrors serve.
const (
	MirrorPointerSchema  = "lifeline.mirror-pointer/1"
	MirrorManifestSchema = "lifeline.mirror-manifest/1"
	MirrorListSchema     = "lifeline.mirror-list/1"
)

// MirrorPointerType is the DSSE payload type of a MirrorPointer.
const MirrorPointerType = "application/vnd.lifeline.mirror-pointer+json"

// MirrorListType is the DSSE payload type of a MirrorList.
const MirrorListType = "application/vnd.lifeline.mirror-list+json"

// MirrorList tells a station where mirrors are, before it needs one: it comes from the service and by bundles. It is
// signed by the key of the role mirror. Of a list and the manifests that pointers name, the one that was issued last
// counts.
type MirrorList struct {
	Schema   string            `json:"schema"`
	Station  string            `json:"station"`
	IssuedAt schedules.Instant `json:"issued_at"`
	Mirrors  []string          `json:"mirrors"` // as in a MirrorManifest
	Drops    string            `json:"drops,omitempty"`
}

// MirrorPointer names the newest documents and recordings of one station on mirrors. It is signed by the key of the
// role mirror, lives for a short time, and is encrypted to the station.
type MirrorPointer struct {
	Schema    string            `json:"schema"`
	Station   string            `json:"station"`
	Number    int64             `json:"number"` // grows with each push
	IssuedAt  schedules.Instant `json:"issued_at"`
	ExpiresAt schedules.Instant `json:"expires_at"` // a mirror that serves it from then on is out of date, or freezes
	Manifest  MirrorFile        `json:"manifest"`   // a MirrorManifest

	// Roots is the chain of root documents, a Roots. A station reads it before it can verify the pointer: each root is
	// signed by the one before.
	Roots *MirrorFile `json:"roots,omitempty"`

	// Freshness is the envelope of a Freshness that the service gave for this pointer.
	Freshness json.RawMessage `json:"freshness,omitempty"`
}

// MirrorFile names an encrypted file of a mirror by the SHA-256 of its bytes.
type MirrorFile struct {
	SHA256 string `json:"sha256"`
	Bytes  int64  `json:"bytes"`
}

// MirrorManifest lists the files of one station on mirrors.
type MirrorManifest struct {
	Schema     string            `json:"schema"`
	Documents  []MirrorDocument  `json:"documents"` // in the order in which a station takes them
	Recordings []MirrorRecording `json:"recordings"`

	// Mirrors are the addresses at which stations find the mirrors.
	Mirrors []string `json:"mirrors,omitempty"`

	// Drops is the age recipient to which stations encrypt the reports that they drop; "": none is known.
	Drops string `json:"drops,omitempty"`
}

// MirrorDocument is a signed document. Its name is that of the entry of a bundle.
type MirrorDocument struct {
	Name string     `json:"name"`
	File MirrorFile `json:"file"`
}

// MirrorRecording is a recording: its own hash, and the file of a mirror that holds it encrypted.
type MirrorRecording struct {
	SHA256 string     `json:"sha256"`
	File   MirrorFile `json:"file"`
}

// The bounds of what a station reads from mirrors.
const (
	MostPointerBytes  = 256 << 10 // a station reads one of each mirror at once; most have 16 KiB
	MostManifestBytes = 16 << 20  // MostItems recordings
	MostMirrors       = 32        // that a station asks
	MostMirrorFiles   = 200       // documents of a manifest: two months of queues
)
