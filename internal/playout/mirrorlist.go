package playout

import (
	"fmt"

	"lifeline/internal/wire"
	"lifeline/schedules"
)

const mirrorListName = "mirrors.dsse"

// mirrorsMark is the name of the mark of the list of mirrors that was issued last, signed by itself or in the manifest
// of a pointer.
const mirrorsMark = "mirrors"

// OfferMirrorList accepts the envelope of a list of mirrors, or returns why not. An older list than the one that is
// known changes nothing, and is no fault: pointers bring later ones.
func (v *DocumentStore) OfferMirrorList(envelope []byte) error {
	return v.takeMirrorList(envelope, true)
}

func (v *DocumentStore) takeMirrorList(envelope []byte, save bool) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	var l wire.MirrorList
	err := v.open(envelope, wire.MirrorListType, &l)
	if err == nil {
		err = checkHead(l.Schema, wire.MirrorListSchema, l.Station, v.station)
	}
	switch {
	case err != nil:
	case len(l.Mirrors) > wire.MostMirrors:
		err = fmt.Errorf("it names %d mirrors, and a list has at most %d", len(l.Mirrors), wire.MostMirrors)
	default:
		err = plausible(l.IssuedAt, schedules.Instant{}, 0, expiry(v.now, save))
	}
	if err != nil {
		return fmt.Errorf("the list of mirrors is refused: %w", err)
	}
	m := mark{IssuedAt: l.IssuedAt}
	held := v.Holdings().Mirrors
	if m.older(v.seen[mirrorsMark]) || held != nil && !l.IssuedAt.After(held.IssuedAt.Time) {
		return nil
	}
	next := *v.Holdings()
	next.Mirrors = &l
	v.keep(mirrorListName, envelope, mirrorsMark, m, save, &next)
	return nil
}

// mirrorsIssued reports whether mirrors that a signed document of that time names are not older than those known, and
// marks them as known.
func (v *DocumentStore) mirrorsIssued(at schedules.Instant) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	m := mark{IssuedAt: at}
	if m.older(v.seen[mirrorsMark]) {
		return false
	}
	if v.seen[mirrorsMark] != m {
		v.seen[mirrorsMark] = m
		v.saveSeen()
	}
	return true
}
