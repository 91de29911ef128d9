package playout

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"lifeline/internal/fault"
	"lifeline/internal/playout/statedir"
	"lifeline/internal/sign"
	"lifeline/internal/trust"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// Pins is the configured trust of a station, independent of the service.
type Pins struct {
	Root *trust.Root         // nil: the root that was last in force, if any
	Keys []ed25519.PublicKey // trusted for everything while there is no root; none: the saved key
}

const rootsName = "roots.json"

// rootsRecord is the content of roots.json.
type rootsRecord struct {
	Roots [][]byte `json:"roots"`        // from the pinned one on, each the next of the previous one
	By    string   `json:"by,omitempty"` // id of the pinned key by which the first was accepted; "": it was configured
}

// chain returns the chain in the record, verified.
func (r rootsRecord) chain() ([]*trust.Root, error) {
	if len(r.Roots) == 0 {
		return nil, errors.New("it names no root")
	}
	first, err := trust.ParseRoot(r.Roots[0])
	if err == nil {
		err = first.Signed()
	}
	if err != nil {
		return nil, err
	}
	return trust.Walk(first, r.Roots[1:])
}

// loadRoots determines the root in force: the last of the saved chain, unless another root is configured. Configured
// trust has precedence over what the service served.
func (v *DocumentStore) loadRoots(pins Pins) error {
	var saved rootsRecord
	var chain []*trust.Root
	var damage error
	for _, c := range statedir.Records[rootsRecord](v.state, maxDocument, statedir.Twice(rootsName)...) {
		if errors.Is(c.Err, fs.ErrNotExist) {
			continue
		}
		roots, err := c.Value.chain()
		if c.Err != nil || err != nil {
			damage = errors.Join(c.Err, err)
			v.problems.Add("the saved %s is damaged and left out: %v", c.Name, damage)
			continue
		}
		if len(roots) > len(chain) {
			saved, chain = c.Value, roots
		}
	}
	switch {
	case pins.Root != nil:
		v.goOnFrom(pins.Root, chain)
	case chain != nil && saved.By != "" && len(pins.Keys) > 0 && !slices.ContainsFunc(pins.Keys,
		func(k ed25519.PublicKey) bool { return sign.KeyID(k) == saved.By }):
		v.problems.Add("the station trusted a root that key %s signed, and another key is given: it trusts that key now, "+
			"and no root", saved.By)
		v.another = true
	case chain != nil:
		v.chain, v.rootBy = chain, saved.By
	case damage != nil:
		return fmt.Errorf("playout: the saved roots, which name the keys that this station trusts, cannot be read; start "+
			"the player with --root and the root document, or LIFELINE_ROOT: %w", damage)
	}
	return nil
}

// goOnFrom makes root the pinned one, and keeps the roots after it that are held already.
func (v *DocumentStore) goOnFrom(root *trust.Root, held []*trust.Root) {
	for i, r := range held {
		if trust.Same(r, root) {
			v.chain = held[i:]
			return
		}
	}
	if held != nil {
		v.problems.Add("the root that is given, version %d, is none of those that this station trusted: it trusts that one "+
			"from now on", root.Version())
		v.another = true
	}
	v.chain = []*trust.Root{root}
}

// root returns the latest root; nil: there is none.
func (v *DocumentStore) root() *trust.Root {
	if len(v.chain) == 0 {
		return nil
	}
	return v.chain[len(v.chain)-1]
}

// Root returns the latest root, which is in force; nil: none.
func (v *DocumentStore) Root() *trust.Root {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.root()
}

func (v *DocumentStore) saveRoots() {
	record := rootsRecord{By: v.rootBy}
	for _, r := range v.chain {
		record.Roots = append(record.Roots, r.Bytes())
	}
	if err := v.state.KeepRecord(record, statedir.Twice(rootsName)...); err != nil {
		v.problems.Add("the root is used but could not be saved: %v", err)
	}
}

// trusted returns the keys that may sign documents of a type.
func (v *DocumentStore) trusted(payloadType string) ([]ed25519.PublicKey, error) {
	root, before, now := v.root(), v.seen[rootMark].Revision, int64(0)
	if root != nil {
		now = root.Version()
	}
	switch {
	case root == nil && len(v.keys) == 0:
		return nil, errors.New("no key is pinned yet")
	case now < before:
		return nil, fmt.Errorf("the station trusted root %d before and has root %d now, so that it does not know which "+
			"keys were revoked since. It needs the later roots again, from the service or by a bundle", before, now)
	case root == nil:
		return v.keys, nil
	}
	return root.Keys(trust.RoleOf(payloadType)), nil
}

// OfferRoots accepts the roots after the one in force, or returns why not. A station that pins a key and has no root
// yet accepts the first root if that key signed it.
func (v *DocumentStore) OfferRoots(offered wire.Roots) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	before := v.under()
	refuse := func(err error) error { return fmt.Errorf("the root is refused: %w", err) }
	next := slices.Clip(v.chain)
	if len(next) == 0 {
		if offered.First == nil || len(v.keys) == 0 {
			return nil
		}
		first, by, err := firstRoot(offered.First, v.keys)
		if err != nil {
			return refuse(err)
		}
		next, v.rootBy = []*trust.Root{first}, by
	}
	if len(offered.Roots) > trust.MaxRoots {
		return refuse(fmt.Errorf("there are more than %d", trust.MaxRoots))
	}
	var later [][]byte
	for _, b := range offered.Roots {
		r, err := trust.ParseRoot(b)
		if err != nil {
			return refuse(err)
		}
		if r.Version() > next[len(next)-1].Version() {
			later = append(later, b)
		}
	}
	walked, why := trust.Walk(next[len(next)-1], later)
	next = append(next, walked[1:]...)
	if len(next) > len(v.chain) {
		v.chain = next
		v.saveRoots()
		v.discardUntrusted(v.replaced(before))
	}
	if why != nil {
		return refuse(why)
	}
	return nil
}

// firstRoot returns the root in an envelope that one of the keys signed, and the id of that key.
func firstRoot(envelope *wire.Envelope, keys []ed25519.PublicKey) (*trust.Root, string, error) {
	b, err := json.Marshal(envelope)
	if err != nil {
		return nil, "", err
	}
	payload, err := sign.Verify(b, wire.FirstRootType, keys...)
	if err != nil {
		return nil, "", mistrust(nil, keys, b, err)
	}
	root, err := trust.ParseRoot(payload)
	if err == nil {
		err = root.Signed()
	}
	if err != nil {
		return nil, "", err
	}
	for _, key := range keys {
		if _, err := sign.Verify(b, wire.FirstRootType, key); err == nil {
			return root, sign.KeyID(key), nil
		}
	}
	return nil, "", errors.New("no key signed it")
}

// rootMark is the name of the mark of the latest root seen.
const rootMark = "root"

// marked lists the roles whose documents have marks.
var marked = []trust.KeyRole{trust.Queue, trust.Recall, trust.Mirror}

// roleOf returns the role that signs the document with a mark.
func roleOf(document string) trust.KeyRole {
	switch document {
	case "recalls", "lease":
		return trust.Recall
	case rootMark:
		return trust.RootKeys
	case pointerMark, mirrorsMark:
		return trust.Mirror
	}
	return trust.Queue
}

// under returns the ids of the keys under which marks are made.
func (v *DocumentStore) under() map[trust.KeyRole][]string {
	out := map[trust.KeyRole][]string{}
	for _, role := range marked {
		keys := v.keys
		if root := v.root(); root != nil {
			keys = root.Keys(role)
		}
		for _, key := range keys {
			out[role] = append(out[role], sign.KeyID(key))
		}
	}
	return out
}

// replaced returns the roles with a key that marks were made under and that is no longer trusted. Their marks are no
// longer valid: a thief of the key may have set them to unreachable revisions. Without a root, marks survive a change
// of keys.
func (v *DocumentStore) replaced(under map[trust.KeyRole][]string) (roles []trust.KeyRole) {
	if v.root() == nil {
		return nil
	}
	now := v.under()
	for _, role := range marked {
		gone := func(id string) bool { return !slices.Contains(now[role], id) }
		if len(under[role]) == 0 || slices.ContainsFunc(under[role], gone) {
			roles = append(roles, role)
		}
	}
	return roles
}

// discardUntrusted discards documents whose key is no longer trusted, and restarts the marks of its role. Recalls stay
// in force until the new key signs a list.
func (v *DocumentStore) discardUntrusted(roles []trust.KeyRole) {
	v.seen[rootMark] = mark{Revision: v.root().Version()}
	next := *v.Holdings()
	next.Queues = map[schedules.Date]*wire.Queue{}
	for date, q := range v.Holdings().Queues {
		if name := queueName(date); !slices.Contains(roles, trust.Queue) || v.keepIfTrusted(name, wire.QueueType) {
			next.Queues[date] = q
		}
	}
	if slices.Contains(roles, trust.Queue) && !v.keepIfTrusted(fallbackName, wire.FallbackType) {
		next.Fallback = nil
	}
	if slices.Contains(roles, trust.Mirror) && !v.keepIfTrusted(mirrorListName, wire.MirrorListType) {
		next.Mirrors = nil
	}
	if slices.Contains(roles, trust.Recall) {
		if !v.keepIfTrusted(recallsName, wire.RecallsType) {
			next.Recalls = nil
			v.discard(statedir.Twice(recallsName)[1])
		}
		next.Lease = nil
		v.discard(leaseName)
		v.discard(serviceTimeName)
		v.serviceTime.reset()
	}
	for document := range v.seen {
		if slices.Contains(roles, roleOf(document)) {
			delete(v.seen, document)
		}
	}
	v.markHeld(&next)
	v.setHoldings(&next)
	v.saveSeen()
}

// markHeld marks the documents that are still held.
func (v *DocumentStore) markHeld(h *Holdings) {
	for date, q := range h.Queues {
		v.seen[date.String()] = mark{q.Revision, q.PublishedAt}
	}
	if f := h.Fallback; f != nil {
		v.seen["fallback"] = mark{f.Revision, f.IssuedAt}
	}
	if r := h.Recalls; r != nil {
		v.seen["recalls"] = mark{r.Revision, r.IssuedAt}
	}
	if l := h.Mirrors; l != nil {
		v.seen[mirrorsMark] = mark{IssuedAt: l.IssuedAt}
	}
}

// keepIfTrusted reports whether a trusted key signed the saved document; it removes the document if not.
func (v *DocumentStore) keepIfTrusted(name, payloadType string) bool {
	b, err := v.state.Read(name, maxDocument)
	var document json.RawMessage
	if err == nil && v.open(b, payloadType, &document) == nil {
		return true
	}
	v.discard(name)
	return false
}

func (v *DocumentStore) discard(name string) {
	if err := v.state.Remove(name); err != nil {
		v.problems.Add("%s is signed by a key that is no longer trusted, and could not be removed: %v", name, err)
	}
}

// roots fetches the roots after the one in force.
func (f *Follower) roots(ctx context.Context) error {
	const alarm = "root"
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	version := int64(0)
	if root := f.documents.Root(); root != nil {
		version = root.Version()
	}
	offered, err := f.service.Roots(ctx, version)
	if fault.Is(err, fault.NotFound) { // an older service
		return nil
	}
	if err != nil {
		return err
	}
	err = f.documents.OfferRoots(offered)
	if root := f.documents.Root(); root != nil && root.Version() > version {
		f.problems.Add("the station trusts root %d now", root.Version())
		f.mu.Lock()
		f.said = wire.Freshness{} // a revoked key may have signed it
		f.mu.Unlock()
	}
	if err != nil {
		f.problems.Raise(alarm, "%v. The latest root that was accepted stays in force", err)
		return nil
	}
	f.problems.Calm(alarm)
	return nil
}

// tellExpiry raises the alarm of an expired root. The root stays trusted, because a station that is cut off must not
// fall silent.
func (f *Follower) tellExpiry() {
	const alarm = "root expired"
	root := f.documents.Root()
	if root == nil || f.time.Now().Before(root.Expires()) {
		f.problems.Calm(alarm)
		return
	}
	f.problems.Raise(alarm, "root %d was to be replaced by %s, and no later one has arrived. It stays trusted, and what "+
		"the station holds continues to air: make a new root, or check whether somebody holds it back", root.Version(),
		root.Expires().Format("2006-01-02"))
}
