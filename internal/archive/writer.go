package archive

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"time"

	"lifeline/internal/store"
)

// memberSize is the number of bytes of lines after which a part continues in its next member.
const memberSize = 8 << 20

// Writer writes an archive. Call Begin; then Document, Change and Entry for all values in that order; then Blob,
// Missing and Close. It keeps one member in memory, not a whole part.
type Writer struct {
	tar      *tar.Writer
	made     time.Time
	manifest Manifest
	tallies  map[string]*tally

	part    string // the current part
	members int    // the number of its members so far
	lines   []byte // the lines of its next member
}

// NewWriter returns a Writer of an archive to w; made is the time recorded in it.
func NewWriter(w io.Writer, made time.Time) *Writer {
	return &Writer{tar: tar.NewWriter(w), made: made,
		tallies: map[string]*tally{documents: newTally(), changes: newTally(), entries: newTally(), blobs: newTally()}}
}

// Begin writes the change up to which changes are trimmed, the content of the signing key's file if key is not empty,
// and the files of the folder of keys, which are in the order of their names.
func (w *Writer) Begin(trimmed int64, key []byte, files ...File) error {
	h := header{format, w.made.UnixMilli(), trimmed}
	if len(files) > 0 {
		h.Format, w.manifest.Keys = keysFormat, map[string]string{}
	}
	b, err := json.Marshal(h)
	if err != nil {
		return fmt.Errorf("archive: %w", err)
	}
	w.manifest.Header = sum(b)
	if err := w.member(headerName, b); err != nil {
		return err
	}
	if len(key) > 0 {
		w.manifest.Key = sum(key)
		if err := w.member(keyName, key); err != nil {
			return err
		}
	}
	for _, f := range files {
		w.manifest.Keys[f.Name] = sum(f.Content)
		if err := w.member(path.Join(folder, f.Name), f.Content); err != nil {
			return err
		}
	}
	return nil
}

// Document, Change and Entry write the next value.
func (w *Writer) Document(d store.Document) error {
	return line(w, documents, AppendDocument, d)
}

// Change writes the next change.
func (w *Writer) Change(c store.Change) error { return line(w, changes, AppendChange, c) }

// Entry writes the next as-run entry.
func (w *Writer) Entry(e store.Entry) error { return line(w, entries, AppendEntry, e) }

func line[T any](w *Writer, part string, add func([]byte, T) ([]byte, error), v T) error {
	if w.part != part {
		if err := w.flush(); err != nil {
			return err
		}
		w.part, w.members = part, 0
	}
	before := len(w.lines)
	var err error
	if w.lines, err = add(w.lines, v); err != nil {
		return fmt.Errorf("archive: %w", err)
	}
	w.tallies[part].add(w.lines[before:])
	if len(w.lines) < memberSize {
		return nil
	}
	return w.flush()
}

// Blob writes the size bytes of r, which must match the hash.
func (w *Writer) Blob(sha string, size int64, r io.Reader) error {
	if err := w.flush(); err != nil {
		return err
	}
	if err := w.tar.WriteHeader(w.header(path.Join(blobs, sha), size)); err != nil {
		return fmt.Errorf("archive: %w", err)
	}
	hash := sha256.New()
	if n, err := io.Copy(io.MultiWriter(w.tar, hash), r); err != nil || n != size {
		return fmt.Errorf("archive: %d of %d bytes of %s: %w", n, size, sha, err)
	}
	if got := hex.EncodeToString(hash.Sum(nil)); got != sha {
		return fmt.Errorf("archive: the bytes of %s hash to %s", sha, got)
	}
	w.tallies[blobs].addBlob(sha, size)
	return nil
}

// Missing records that a referenced blob could not be read.
func (w *Writer) Missing(sha string) { w.manifest.Missing = append(w.manifest.Missing, sha) }

// Close completes the archive. An archive that was not closed is invalid.
func (w *Writer) Close() (Manifest, error) {
	if err := w.flush(); err != nil {
		return Manifest{}, err
	}
	m := w.manifest
	m.Documents, m.Changes, m.AsRun, m.Blobs = w.tallies[documents].part(), w.tallies[changes].part(),
		w.tallies[entries].part(), w.tallies[blobs].part()
	slices.Sort(m.Missing)
	b, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return m, fmt.Errorf("archive: %w", err)
	}
	return m, errors.Join(w.member(manifestName, b), w.member(sumName, fmt.Appendf(nil, "%s  %s\n", sum(b), manifestName)),
		w.tar.Close())
}

// flush writes the pending lines as the next member of their part.
func (w *Writer) flush() error {
	if len(w.lines) == 0 {
		return nil
	}
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	if _, err := zip.Write(w.lines); err != nil {
		return fmt.Errorf("archive: %w", err)
	}
	if err := zip.Close(); err != nil {
		return fmt.Errorf("archive: %w", err)
	}
	w.lines = w.lines[:0]
	w.members++
	return w.member(memberName(w.part, w.members), out.Bytes())
}

func memberName(part string, n int) string { return fmt.Sprintf("%s/%06d.ndjson.gz", part, n) }

func (w *Writer) member(name string, b []byte) error {
	if err := w.tar.WriteHeader(w.header(name, int64(len(b)))); err != nil {
		return fmt.Errorf("archive: %w", err)
	}
	if _, err := w.tar.Write(b); err != nil {
		return fmt.Errorf("archive: %w", err)
	}
	return nil
}

func (w *Writer) header(name string, size int64) *tar.Header {
	return &tar.Header{Name: name, Size: size, Mode: 0o600, ModTime: w.made.Truncate(time.Second)}
}
