// Package archive defines the format in which a whole store is moved and backed up: a plain tar that any machine can
// unpack.
//
// Its members come in this order, without any others:
//
//	lifeline.json             {"format": "lifeline-archive/1", "made_at_ms": …, "trimmed": …}
//	signing.key               optional: the content of the file with the key that signs queues
//	keys/<name>               optional: the files of the folder of keys, by name, in byte order: roots and keys of roles
//	documents/000001.ndjson.gz, …  by kind and id, in byte order
//	changes/000001.ndjson.gz, …    by sequence; up to change "trimmed", only the last change of each document
//	asrun/000001.ndjson.gz, …      by station and sequence
//	blobs/<SHA-256>           optional: the bytes with that hash, both recordings and files of older records
//	manifest.json             the number of lines and bytes of each part, and the SHA-256 of all its lines
//	manifest.json.sha256      as sha256sum writes it
//
// With keys/ the format is "lifeline-archive/1+keys", which programs that do not know them refuse.
//
// An .ndjson.gz holds one JSON object per line, compressed by gzip. The hash of a part is that of its concatenated,
// uncompressed lines, so equal content from any store has equal hashes. The hash of "blobs" is that of their names, one
// per line.
//
//	documents  {"kind": "segment", "id": "…", "revision": 4, "body": {…}}
//	changes    {"sequence": 9, "kind": "segment", "id": "…", "revision": 4, "deleted": false, "at_ms": …, "by": "…",
//	           "action": "segment.approve", "reason": "…", "request_id": "…",
//	           "person": "…", "token": "…", "remote": "…", "fields": "…"}, the last four only where they are known
//	asrun      {"station": "…", "sequence": 7, "at_ms": …, "body": {…}}
//
// Instants are milliseconds since 1970 in UTC. A body is stored byte for byte; one that is not JSON on one line is
// stored in "base64" instead.
package archive

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"

	"lifeline/internal/fault"
)

const (
	format     = "lifeline-archive/1"
	keysFormat = format + "+keys" // with a folder of keys
)

// The names of single members and of the parts.
const (
	headerName   = "lifeline.json"
	keyName      = "signing.key"
	folder       = "keys"
	documents    = "documents"
	changes      = "changes"
	entries      = "asrun"
	blobs        = "blobs"
	manifestName = "manifest.json"
	sumName      = "manifest.json.sha256"
)

// header is the first member of an archive.
type header struct {
	Format  string `json:"format"`
	MadeAt  int64  `json:"made_at_ms"`
	Trimmed int64  `json:"trimmed"` // changes up to this one that a later change superseded are not in the archive
}

// Manifest describes the content of an archive. Equal content has equal parts.
type Manifest struct {
	Header    string            `json:"header"` // SHA-256 of lifeline.json
	Key       string            `json:"key,omitempty"`
	Keys      map[string]string `json:"keys,omitempty"` // SHA-256 of each file of the folder of keys
	Documents Part              `json:"documents"`
	Changes   Part              `json:"changes"`
	AsRun     Part              `json:"asrun"`
	Blobs     Part              `json:"blobs"`
	Missing   []string          `json:"missing,omitempty"` // hashes of referenced blobs that could not be read
}

// File is a file of the folder of keys.
type File struct {
	Name    string // without a folder
	Content []byte
}

// Part is one part's size and hash.
type Part struct {
	Count  int64  `json:"count"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// tally computes a Part from the lines that pass.
type tally struct {
	count, bytes int64
	hash         hash.Hash
}

func newTally() *tally { return &tally{hash: sha256.New()} }

// add counts a line with its newline.
func (t *tally) add(line []byte) {
	t.count++
	t.bytes += int64(len(line))
	t.hash.Write(line)
}

// addBlob counts a blob.
func (t *tally) addBlob(name string, bytes int64) {
	t.count++
	t.bytes += bytes
	t.hash.Write([]byte(name + "\n"))
}

func (t *tally) part() Part { return Part{t.count, t.bytes, hex.EncodeToString(t.hash.Sum(nil))} }

func sum(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

// damaged returns the error for an archive that is incomplete or altered.
func damaged(format string, args ...any) error {
	return fault.New(fault.Invalid, "the archive is damaged or was altered: "+format, args...)
}

// broken is what is said where a part of an archive cannot be read.
func broken(part string, err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return damaged("it ends in the middle of %s", part)
	}
	if failed := (*fs.PathError)(nil); errors.As(err, &failed) { // the disk's, and not the archive's
		return fmt.Errorf("%s: %w", part, err)
	}
	return damaged("%s was changed since it was written", part)
}
