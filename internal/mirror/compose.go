package mirror

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"lifeline/internal/wire"
	"lifeline/schedules"
)

// Station is what the mirrors hold for one station.
type Station struct {
	ID         string
	Recipient  string // age recipient of the station's key
	Documents  []Document
	Recordings []Recording
	Freshness  json.RawMessage // envelope of a wire.Freshness
}

// Document is a signed document, named as the entry of a bundle.
type Document struct {
	Name    string
	Content []byte
}

// Recording is a recording that a station airs.
type Recording struct {
	SHA256 string
	Bytes  int64
}

// RootsName is the name of the document that holds the chain of roots.
const RootsName = "roots.json"

// Composition is what a tree is composed from.
type Composition struct {
	Stations []Station
	// Recording opens a recording. It is called for those that the tree does not hold yet.
	Recording func(ctx context.Context, r Recording) (io.ReadCloser, error)
	// Sign returns the envelope of a payload of type wire.MirrorPointerType.
	Sign func(payload []byte) ([]byte, error)
	Now  time.Time
	Life time.Duration // of the pointers
	// Mirrors are the addresses at which stations find the mirrors.
	Mirrors []string
	Drops   string        // age recipient of the reports that stations drop; "": none
	Keep    time.Duration // how long files stay that no pointer names any more
	// Hashes of recordings that were erased for good. When there is another, no file stays that no pointer names.
	Erased []string
}

// file is content, and to whom it is encrypted.
type file struct {
	n    int64
	to   []string
	open func(context.Context) (io.ReadCloser, error)
}

// Compose makes the tree hold what the stations need now: their files, and new pointers. Documents and recordings that
// several stations need are one file.
func (t *Tree) Compose(ctx context.Context, c Composition) error {
	files := map[string]*file{}
	need := func(hash, recipient string, n int64, open func(context.Context) (io.ReadCloser, error)) {
		f := files[hash]
		if f == nil {
			f = &file{n: n, open: open}
			files[hash] = f
		}
		f.to = append(f.to, recipient)
	}
	for _, s := range c.Stations {
		for _, d := range s.Documents {
			need(hash(d.Content), s.Recipient, int64(len(d.Content)), opened(d.Content))
		}
		for _, r := range s.Recordings {
			need(r.SHA256, s.Recipient, r.Bytes, func(ctx context.Context) (io.ReadCloser, error) {
				return c.Recording(ctx, r)
			})
		}
	}
	placed := map[string]wire.MirrorFile{}
	for _, sum := range slices.Sorted(maps.Keys(files)) {
		f, err := t.put(ctx, sum, files[sum].n, files[sum].to, files[sum].open)
		if err != nil {
			return fmt.Errorf("mirror: file %.12s: %w", sum, err)
		}
		placed[sum] = f
	}
	number := t.next(c.Now)
	t.heads = map[string][]byte{}
	for _, s := range c.Stations {
		if err := t.point(ctx, c, s, number, placed); err != nil {
			return fmt.Errorf("mirror: station %s: %w", s.ID, err)
		}
	}
	return t.commit(number, c.Now, c.Keep, c.Erased)
}

// point adds the manifest and the pointer of a station.
func (t *Tree) point(ctx context.Context, c Composition, s Station, number int64,
	placed map[string]wire.MirrorFile) error {
	m := wire.MirrorManifest{Schema: wire.MirrorManifestSchema, Documents: []wire.MirrorDocument{},
		Recordings: []wire.MirrorRecording{}, Mirrors: c.Mirrors, Drops: c.Drops}
	p := wire.MirrorPointer{Schema: wire.MirrorPointerSchema, Station: s.ID, Number: number, Freshness: s.Freshness,
		IssuedAt: schedules.At(c.Now), ExpiresAt: schedules.At(c.Now.Add(c.Life))}
	for _, d := range s.Documents {
		f := placed[hash(d.Content)]
		m.Documents = append(m.Documents, wire.MirrorDocument{Name: d.Name, File: f})
		if d.Name == RootsName {
			p.Roots = &f
		}
	}
	for _, r := range s.Recordings {
		m.Recordings = append(m.Recordings, wire.MirrorRecording{SHA256: r.SHA256, File: placed[r.SHA256]})
	}
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if p.Manifest, err = t.put(ctx, hash(text), int64(len(text)), []string{s.Recipient}, opened(text)); err != nil {
		return err
	}
	payload, err := json.Marshal(p)
	if err != nil {
		return err
	}
	envelope, err := c.Sign(payload)
	if err != nil {
		return err
	}
	return t.head(s.Recipient, envelope)
}

func opened(content []byte) func(context.Context) (io.ReadCloser, error) {
	return func(context.Context) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }
}
