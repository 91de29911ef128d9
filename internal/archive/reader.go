package archive

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"iter"
	"maps"
	"path"
	"time"

	"lifeline/internal/fault"
	"lifeline/internal/store"
)

// maxLine bounds the memory for one line, and maxMember the memory for a member that is read as a whole.
const (
	maxLine   = 1 << 30
	maxMember = 64 << 20
)

// Reader reads an archive in order: Documents, Changes, Entries, Blobs, each to its end, then Finish. It fails with
// Invalid if the archive is truncated, altered, out of order or in another format.
type Reader struct {
	tar     *tar.Reader
	header  header
	key     []byte
	files   []File
	got     Manifest
	tallies map[string]*tally

	next *tar.Header // the next member; nil at the end
}

// NewReader reads the first members of an archive.
func NewReader(r io.Reader) (*Reader, error) {
	a := &Reader{tar: tar.NewReader(r),
		tallies: map[string]*tally{documents: newTally(), changes: newTally(), entries: newTally(), blobs: newTally()}}
	if err := a.advance(); err != nil || a.next == nil || a.next.Name != headerName {
		return nil, fault.New(fault.Invalid, "this is not a file that lifeline backup wrote")
	}
	b, err := a.whole()
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(b, &a.header); err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "this is not a file that lifeline backup wrote")
	}
	if a.header.Format != format && a.header.Format != keysFormat {
		return nil, fault.New(fault.Invalid, "this backup has the form %q, and this program reads %q: take the Lifeline that "+
			"wrote it, or a newer one", a.header.Format, format)
	}
	a.got.Header = sum(b)
	if a.next != nil && a.next.Name == keyName {
		if a.key, err = a.whole(); err != nil {
			return nil, err
		}
		a.got.Key = sum(a.key)
	}
	return a, a.folder()
}

// folder reads the files of the folder of keys.
func (a *Reader) folder() error {
	size, latest := int64(0), ""
	for a.next != nil && path.Dir(a.next.Name) == folder {
		name := path.Base(a.next.Name)
		if size += a.next.Size; name <= latest || path.Join(folder, name) != a.next.Name || size > maxMember {
			return damaged("%s is out of place", a.next.Name)
		}
		b, err := a.whole()
		if err != nil {
			return err
		}
		if a.got.Keys == nil {
			a.got.Keys = map[string]string{}
		}
		a.files, a.got.Keys[name], latest = append(a.files, File{name, b}), sum(b), name
	}
	return nil
}

// Trimmed returns the change up to which changes are trimmed. MadeAt returns when the archive was made. Key returns the
// content of the signing key's file, or nothing if the archive does not have it.
func (a *Reader) Trimmed() int64 { return a.header.Trimmed }

// MadeAt returns when the archive was made.
func (a *Reader) MadeAt() time.Time { return time.UnixMilli(a.header.MadeAt).UTC() }

// Key returns the content of the signing key's file, or nothing if the archive does not have it.
func (a *Reader) Key() []byte { return a.key }

// Folder returns the files of the folder of keys, or nothing if the archive does not have them.
func (a *Reader) Folder() []File { return a.files }

// Documents, Changes and Entries return iterators over the archive's values.
func (a *Reader) Documents() iter.Seq2[store.Document, error] {
	return lines(a, documents, ParseDocument)
}

// Changes returns an iterator over the changes.
func (a *Reader) Changes() iter.Seq2[store.Change, error] { return lines(a, changes, ParseChange) }

// Entries returns an iterator over the as-run entries.
func (a *Reader) Entries() iter.Seq2[store.Entry, error] { return lines(a, entries, ParseEntry) }

func lines[T any](a *Reader, part string, parse func([]byte) (T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for n := 1; a.next != nil && a.next.Name == memberName(part, n); n++ {
			zip, err := gzip.NewReader(a.tar)
			if err != nil {
				yield(*new(T), broken(a.next.Name, err))
				return
			}
			for in := bufio.NewReaderSize(zip, 64<<10); ; {
				line, err := readLine(in)
				if err == io.EOF {
					break
				}
				var v T
				if err == nil {
					a.tallies[part].add(line)
					v, err = parse(line)
				} else {
					err = broken(a.next.Name, err)
				}
				if !yield(v, err) || err != nil {
					return
				}
			}
			if err := a.advance(); err != nil {
				yield(*new(T), err)
				return
			}
		}
	}
}

// readLine reads a line with its newline. It fails with io.EOF at the start of a line.
func readLine(in *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := in.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case err == nil:
			return line, nil
		case errors.Is(err, io.EOF) && len(line) > 0:
			return nil, io.ErrUnexpectedEOF
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
		case len(line) > maxLine:
			return nil, fmt.Errorf("a line of more than %d bytes", maxLine)
		}
	}
}

// Blob is one blob of an archive. Reading it to its end fails unless its bytes match its name.
type Blob struct {
	SHA256 string
	Bytes  int64
	io.Reader
}

// Blobs returns an iterator over the archive's blobs. A blob that is not read to its end is skipped and checked.
func (a *Reader) Blobs() iter.Seq2[Blob, error] {
	return func(yield func(Blob, error) bool) {
		for a.next != nil && path.Dir(a.next.Name) == blobs {
			b := Blob{SHA256: path.Base(a.next.Name), Bytes: a.next.Size}
			b.Reader = &verifyingReader{r: a.tar, name: b.SHA256, hash: sha256.New()}
			if !yield(b, nil) {
				return
			}
			_, err := io.Copy(io.Discard, b)
			a.tallies[blobs].addBlob(b.SHA256, b.Bytes)
			if err == nil {
				err = a.advance()
			}
			if err != nil {
				yield(Blob{}, err)
				return
			}
		}
	}
}

// verifyingReader returns an error instead of io.EOF if the hash of the bytes that were read does not match the name.
type verifyingReader struct {
	r    io.Reader
	name string
	hash hash.Hash
}

func (p *verifyingReader) Read(b []byte) (int, error) {
	n, err := p.r.Read(b)
	p.hash.Write(b[:n])
	switch {
	case err == nil:
	case err != io.EOF:
		err = broken(p.name, err)
	case hex.EncodeToString(p.hash.Sum(nil)) != p.name:
		err = damaged("the bytes of %s were changed", p.name)
	}
	return n, err
}

// Finish reads the manifest and checks that the archive is complete and unaltered.
func (a *Reader) Finish() (Manifest, error) {
	if a.next == nil {
		return Manifest{}, damaged("it ends before its manifest")
	}
	if a.next.Name != manifestName {
		return Manifest{}, damaged("%s is out of place", a.next.Name)
	}
	b, err := a.whole()
	if err != nil {
		return Manifest{}, err
	}
	if a.next == nil || a.next.Name != sumName {
		return Manifest{}, damaged("it ends before its manifest's hash")
	}
	stated, err := a.whole()
	if err != nil {
		return Manifest{}, err
	}
	var m Manifest
	if err := json.Unmarshal(b, &m); err != nil || !bytes.Equal(stated, fmt.Appendf(nil, "%s  %s\n", sum(b),
		manifestName)) {
		return Manifest{}, damaged("its manifest is not the one that was written")
	}
	if a.next != nil {
		return m, damaged("%s is out of place", a.next.Name)
	}
	if a.got.Header != m.Header || a.got.Key != m.Key || !maps.Equal(a.got.Keys, m.Keys) {
		return m, damaged("its beginning is that of another backup")
	}
	for part, want := range map[string]Part{documents: m.Documents, changes: m.Changes, entries: m.AsRun, blobs: m.Blobs} {
		if got := a.tallies[part].part(); got != want {
			return m, damaged("its %s are %d with the hash %.12s, and should be %d with %.12s", part, got.Count, got.SHA256,
				want.Count, want.SHA256)
		}
	}
	return m, nil
}

// Skim reads and checks the rest of the archive without keeping it.
func (a *Reader) Skim() (Manifest, error) {
	if err := errors.Join(last(a.Documents()), last(a.Changes()), last(a.Entries()), last(a.Blobs())); err != nil {
		return Manifest{}, err
	}
	return a.Finish()
}

// last returns the error with which a sequence ends.
func last[T any](all iter.Seq2[T, error]) (err error) {
	for _, err = range all {
	}
	return err
}

// whole reads the next member and advances.
func (a *Reader) whole() ([]byte, error) {
	if a.next.Size > maxMember {
		return nil, damaged("%s has %d bytes", a.next.Name, a.next.Size)
	}
	b, err := io.ReadAll(a.tar)
	if err != nil {
		return nil, broken(a.next.Name, err)
	}
	return b, a.advance()
}

// advance reads the header of the next member.
func (a *Reader) advance() error {
	next, err := a.tar.Next()
	if err == io.EOF {
		a.next = nil
		return nil
	}
	if err != nil {
		return broken("what comes next", err)
	}
	a.next = next
	return nil
}
