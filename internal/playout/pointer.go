package playout

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"lifeline/internal/mirror"
	"lifeline/internal/wire"
)

// pointerMark is the name of the mark of the newest pointer of mirrors that was taken.
const pointerMark = "pointer"

// longestPointer is the longest life of a pointer.
const longestPointer = 31 * 24 * time.Hour

// OpenPointer verifies the envelope of a mirror's pointer, or returns why it is refused. It does not mark the pointer
// as seen: what it names is still to be verified. A pointer that has expired is not refused.
func (v *DocumentStore) OpenPointer(envelope []byte) (wire.MirrorPointer, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	var p wire.MirrorPointer
	err := v.open(envelope, wire.MirrorPointerType, &p)
	if err == nil {
		err = checkHead(p.Schema, wire.MirrorPointerSchema, p.Station, v.station)
	}
	switch lasts := p.ExpiresAt.Sub(p.IssuedAt.Time); {
	case err != nil:
	case p.Number < 1:
		err = errors.New("it has no number")
	case lasts <= 0 || lasts > longestPointer:
		err = fmt.Errorf("it lasts %v", lasts)
	case !named(p.Manifest, wire.MostManifestBytes) || p.Roots != nil && !named(*p.Roots, mostRoots):
		err = errors.New("it names no file that it could be for")
	default:
		err = plausible(p.IssuedAt, p.ExpiresAt, p.Number, v.now())
	}
	return p, err
}

// mostRoots bounds the chain of roots of a mirror in bytes. It is read before the pointer that names it is verified,
// and from several mirrors at once; it has room for two hundred roots. A longer chain comes from the service or a
// bundle.
const mostRoots = 1 << 20

// named reports whether a file has a hash, and a size that content of at most most bytes can have.
func named(f wire.MirrorFile, most int64) bool {
	return hashForm.MatchString(f.SHA256) && f.Bytes > 0 && f.Bytes <= mirror.MostEncrypted(most)
}

// pointerSeen returns the number of the newest pointer taken.
func (v *DocumentStore) pointerSeen() int64 {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.seen[pointerMark].Revision
}

// markPointer records that a pointer, and all that it names, was taken.
func (v *DocumentStore) markPointer(p wire.MirrorPointer) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if m := (mark{p.Number, p.IssuedAt}); v.seen[pointerMark].older(m) {
		v.seen[pointerMark] = m
		v.saveSeen()
	}
}

// openManifest parses the manifest that a verified pointer names.
func openManifest(text []byte) (m wire.MirrorManifest, err error) {
	if err = parse(text, &m); err != nil {
		return m, err
	}
	switch {
	case m.Schema != wire.MirrorManifestSchema:
		err = fmt.Errorf("its schema is %q, not %q", m.Schema, wire.MirrorManifestSchema)
	case len(m.Mirrors) > wire.MostMirrors:
		err = errors.New("it names too many mirrors")
	case len(m.Documents) > wire.MostMirrorFiles || len(m.Recordings) > wire.MostItems:
		err = errors.New("it names too many files")
	}
	for _, d := range m.Documents {
		if !named(d.File, maxDocument) {
			err = fmt.Errorf("it names no file for %.40q", d.Name)
		}
	}
	for _, r := range m.Recordings {
		if !named(r.File, maxItemBytes) || !hashForm.MatchString(r.SHA256) {
			err = fmt.Errorf("it names no file for recording %.12s", r.SHA256)
		}
	}
	return m, err
}

// OfferStatement accepts freshness that a mirror brought, or returns why not. Nobody knows when it was asked for, so
// that it sets no clock. It ends a starvation as of its own time: then the service had no later news than it names.
func (v *DocumentStore) OfferStatement(envelope json.RawMessage) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	f, err := v.openFreshness(envelope)
	if err != nil {
		return fmt.Errorf("the service's statement is refused: %w", err)
	}
	v.support(f.At)
	v.contact.stated(f.At.Time, max(v.now().Sub(f.At.Time), 0))
	return nil
}
