package playout

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"lifeline/internal/playout/statedir"
	"lifeline/internal/sign"
	"lifeline/internal/trust"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

const fallbackName = "fallback.dsse"

func queueName(date schedules.Date) string { return "queues/" + date.String() + ".dsse" }

// maxDocument bounds the size of every saved document, in bytes.
const maxDocument = wire.MostQueueBytes

// DocumentStore holds the signed documents that the station accepts. It accepts only documents that a trusted key
// signed, that are for this station and that are not older than those accepted before. It keeps all of this through a
// restart.
type DocumentStore struct {
	state    *statedir.Dir
	station  string
	now      Now
	problems *Problems

	held        atomic.Pointer[Holdings] // can be read without waiting for a slow disk
	serviceTime *serviceTime
	contact     *contact

	mu      sync.Mutex
	keys    []ed25519.PublicKey // trusted for all documents as long as there is no root
	chain   []*trust.Root       // from the pinned root on; the last is in force
	rootBy  string              // id of the key by which the first root was accepted; "": it was configured
	another bool                // the configured root belongs to another chain than the root in force
	seen    map[string]mark     // by document: a date, "fallback", "recalls", "lease", "root"

	recalled  []string        // segment ids and hashes in the latest recall list seen; nil: unknown
	kept      []wire.Recalled // recalls of earlier lists that the service may have lost
	above     int64           // the Above of the latest recall list seen
	loaded    bool            // all saved documents are loaded
	unmarked  bool            // there is no record of the marks seen
	lost      bool            // a recall list, or the record of the one seen, was saved here and cannot be read
	supported time.Time       // the latest time that signed documents confirm

	acknowledge func(wire.Receipts) error // handles receipts; nil: nothing here needs them

	changing sync.Mutex
	changed  chan struct{} // closed at the next change
}

// OpenDocumentStore loads the documents in the state directory. Without configured keys it uses the key that Pin saved,
// and it accepts nothing while there is neither a key nor a root. It reports and ignores saved documents that no longer
// verify.
func OpenDocumentStore(state *statedir.Dir, station string, pins Pins, now Now, problems *Problems) (*DocumentStore,
	error) {
	v := &DocumentStore{state: state, station: station, now: now, problems: problems, keys: pins.Keys,
		seen:        map[string]mark{},
		serviceTime: &serviceTime{now: now}, contact: &contact{}, changed: make(chan struct{})}
	v.held.Store(&Holdings{Queues: map[schedules.Date]*wire.Queue{}, serviceTime: v.serviceTime, contact: v.contact})
	if err := v.contact.load(state, now().Round(0)); err != nil {
		problems.Add("%v", err)
	}
	if err := v.loadRoots(pins); err != nil {
		return nil, err
	}
	if len(v.keys) == 0 && v.root() == nil {
		saved, err := savedKeys(state, problems)
		if err != nil {
			return nil, err
		}
		v.keys = saved
	}
	stale := v.loadSeen()
	if v.root() != nil {
		v.saveRoots()
	}
	if v.pinned() {
		v.load()
	}
	next := *v.Holdings()
	if v.unmarked && next.Recalls == nil && (len(next.Queues) > 0 || next.Fallback != nil) {
		v.lost = true // the documents were marked when they came: the marks were removed, and the recall list with them
	}
	v.loaded = true
	v.setHoldings(&next) // only now is everything loaded that determines the recalls
	if stale && len(v.seen) > 0 {
		v.saveSeen()
	}
	return v, nil
}

// savedKeys returns the key that Pin saved; nil: none. If the two copies differ it returns both: one is damaged, and
// nobody can sign with a damaged key.
func savedKeys(state *statedir.Dir, problems *Problems) (keys []ed25519.PublicKey, err error) {
	var damage error
	for _, name := range statedir.Twice(keyName) {
		b, err := state.Read(name, 1<<10)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		var key ed25519.PublicKey
		if err == nil {
			key, err = sign.ParsePublic(strings.TrimSpace(string(b)))
		}
		if err != nil {
			damage = errors.Join(damage, fmt.Errorf("%s: %w", name, err))
		} else if len(keys) == 0 || !keys[0].Equal(key) {
			keys = append(keys, key)
		}
	}
	if len(keys) == 0 && damage != nil {
		return nil, fmt.Errorf("playout: the saved key of the service cannot be read; start the player with --key, or "+
			"LIFELINE_KEY: %w", damage)
	}
	if damage != nil || len(keys) > 1 {
		problems.Add("a copy of the saved key is damaged, and the other is used")
	}
	return keys, nil
}

// load loads the saved documents.
func (v *DocumentStore) load() {
	offer := func(name string, take func([]byte) error) {
		b, err := v.state.Read(name, maxDocument)
		if errors.Is(err, fs.ErrNotExist) {
			return
		}
		if err == nil {
			err = take(b)
		}
		if err != nil {
			v.problems.Add("the saved %s is left out: %v", name, err)
		}
	}
	v.loadRecalls()
	offer(fallbackName, func(b []byte) error { return v.takeFallback(b, false) })
	offer(mirrorListName, func(b []byte) error { return v.takeMirrorList(b, false) })
	offer(leaseName, func(b []byte) error { return v.takeLease(b, "", time.Time{}, false) })
	names, err := fs.Glob(v.state.Root.FS(), "queues/*.dsse")
	if err != nil {
		v.problems.Add("the saved queues cannot be listed: %v", err)
	}
	for _, name := range names {
		date, err := schedules.ParseDate(strings.TrimSuffix(path.Base(name), ".dsse"))
		if err != nil {
			continue
		}
		offer(name, func(b []byte) error { return v.takeQueue(b, date, false) })
	}
}

// Pinned reports whether there is a key or a root to verify documents with.
func (v *DocumentStore) Pinned() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.pinned()
}

func (v *DocumentStore) pinned() bool { return len(v.keys) > 0 || v.root() != nil }

// Pin trusts key from now on and saves it. It fails if another key or a root is pinned already.
func (v *DocumentStore) Pin(key ed25519.PublicKey) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.pinned() {
		return errors.New("playout: a key is pinned already")
	}
	if err := v.state.ReplaceTwice(keyName, []byte(base64.StdEncoding.EncodeToString(key)+"\n")); err != nil {
		return err
	}
	v.keys = []ed25519.PublicKey{key}
	return nil
}

// Holdings returns the documents held now.
func (v *DocumentStore) Holdings() *Holdings { return v.held.Load() }

// Changed returns a channel that is closed when the holdings change.
func (v *DocumentStore) Changed() <-chan struct{} {
	v.changing.Lock()
	defer v.changing.Unlock()
	return v.changed
}

// setHoldings makes next the current holdings.
func (v *DocumentStore) setHoldings(next *Holdings) {
	next.Generation++
	v.resolveRecalls(next)
	next.index()
	v.changing.Lock()
	defer v.changing.Unlock()
	v.held.Store(next)
	close(v.changed)
	v.changed = make(chan struct{})
}

// OfferQueue accepts the envelope of a day's queue, or returns why not. A zero date accepts the queue of any day.
func (v *DocumentStore) OfferQueue(envelope []byte, date schedules.Date) error {
	return v.takeQueue(envelope, date, true)
}

// OfferFallback accepts the envelope of the fallback, or returns why not.
func (v *DocumentStore) OfferFallback(envelope []byte) error { return v.takeFallback(envelope, true) }

// OfferRecalls accepts the response of GET /v1/recalls, or returns why not. It trusts only the envelope in it.
func (v *DocumentStore) OfferRecalls(body []byte) error {
	var outer struct {
		Envelope json.RawMessage `json:"envelope"`
	}
	if err := json.Unmarshal(body, &outer); err != nil {
		return fmt.Errorf("the recall list is refused: %w", err)
	}
	if len(outer.Envelope) == 0 {
		return errors.New("the recall list is refused: it is not signed")
	}
	return v.takeRecalls(outer.Envelope, true)
}

// offer accepts a document by its name in a bundle, or returns why not.
func (v *DocumentStore) offer(name string, text []byte) error {
	switch name {
	case rootsName:
		var roots wire.Roots
		if err := json.Unmarshal(text, &roots); err != nil {
			return fmt.Errorf("%q is refused: %w", name, err)
		}
		return v.OfferRoots(roots)
	case recallsName:
		return v.takeRecalls(text, true)
	case mirrorListName:
		return v.OfferMirrorList(text)
	case receiptsName:
		return v.OfferReceipts(text)
	case fallbackName:
		return v.OfferFallback(text)
	}
	date, err := schedules.ParseDate(strings.TrimSuffix(strings.TrimPrefix(name, "queues/"), ".dsse"))
	if err != nil {
		return unknownDocumentError(name)
	}
	return v.OfferQueue(text, date)
}

// unknownDocumentError is the error of a document that a later service may have.
type unknownDocumentError string

func (name unknownDocumentError) Error() string {
	return fmt.Sprintf("%q is not a document that this player knows", string(name))
}

func (v *DocumentStore) takeQueue(envelope []byte, date schedules.Date, save bool) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	refuse := func(err error) error { return fmt.Errorf("the queue of %s is refused: %w", date, err) }
	var q wire.Queue
	if err := v.open(envelope, wire.QueueType, &q); err != nil {
		return refuse(err)
	}
	if date.IsZero() {
		date = q.Date
	}
	held := v.Holdings().Queues[date]
	admitted, dropped, err := admitQueue(q, held, v.station, date, expiry(v.now, save))
	if err != nil {
		return refuse(err)
	}
	m := mark{q.Revision, q.PublishedAt}
	if held != nil && held.Revision == q.Revision {
		return nil // a published revision is immutable
	}
	if seen := v.seen[date.String()]; m.older(seen) {
		return refuse(outdatedError{m, seen})
	}
	for _, err := range dropped {
		v.problems.Add("queue of %s, revision %d: %v", date, q.Revision, err)
	}
	next := *v.Holdings()
	next.Queues = maps.Clone(next.Queues)
	next.Queues[date] = admitted
	v.keep(queueName(date), envelope, date.String(), m, save, &next)
	return nil
}

func (v *DocumentStore) takeFallback(envelope []byte, save bool) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	refuse := func(err error) error { return fmt.Errorf("the fallback is refused: %w", err) }
	var f wire.Fallback
	if err := v.open(envelope, wire.FallbackType, &f); err != nil {
		return refuse(err)
	}
	admitted, dropped, err := admitFallback(f, v.station, expiry(v.now, save))
	if err != nil {
		return refuse(err)
	}
	m := mark{f.Revision, f.IssuedAt}
	if seen := v.seen["fallback"]; m.older(seen) {
		return refuse(outdatedError{m, seen})
	}
	for _, err := range dropped {
		v.problems.Add("fallback, revision %d: %v", f.Revision, err)
	}
	next := *v.Holdings()
	if held := next.Fallback; held != nil && m == (mark{held.Revision, held.IssuedAt}) {
		return nil
	}
	next.Fallback = admitted
	v.keep(fallbackName, envelope, "fallback", m, save, &next)
	return nil
}

func (v *DocumentStore) takeRecalls(envelope []byte, save bool) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	refuse := func(err error) error { return fmt.Errorf("the recall list is refused: %w", err) }
	var r wire.Recalls
	if err := v.open(envelope, wire.RecallsType, &r); err != nil {
		return refuse(err)
	}
	if r.Schema != wire.RecallsSchema {
		return refuse(fmt.Errorf("its schema is %q, not %q", r.Schema, wire.RecallsSchema))
	}
	if err := plausible(r.IssuedAt, schedules.Instant{}, max(r.Revision, r.Above), expiry(v.now, save)); err != nil {
		return refuse(err)
	}
	m := mark{r.Revision, r.IssuedAt}
	if seen := v.seen["recalls"]; m.older(seen) {
		return refuse(outdatedError{m, seen})
	}
	next := *v.Holdings()
	if held := next.Recalls; held != nil && m == (mark{held.Revision, held.IssuedAt}) {
		return nil
	}
	if save && v.seen["recalls"] == (mark{}) { // the first list that a trusted key signs is authoritative
		v.kept, v.above = nil, r.Above
	} else {
		v.keepLostRecalls(&r, next.Recalls)
	}
	next.Recalls, next.recallsProof, v.lost = &r, wire.RecallsProof(v.station, envelope), false
	v.recalled = []string{}
	for _, s := range r.Segments {
		v.recalled = append(v.recalled, s.SegmentID)
		if s.SHA256 != "" {
			v.recalled = append(v.recalled, s.SHA256)
		}
	}
	v.keep(recallsName, envelope, "recalls", m, save, &next)
	return nil
}

func (v *DocumentStore) open(envelope []byte, payloadType string, out any) error {
	keys, err := v.trusted(payloadType)
	if err != nil {
		return err
	}
	payload, err := sign.Verify(envelope, payloadType, keys...)
	if err != nil {
		return mistrust(v.root(), keys, envelope, err)
	}
	return parse(payload, out)
}

// checkHead fails unless a document has the wanted schema and is for the player's station.
func checkHead(schema, wanted, station, own string) error {
	switch {
	case schema != wanted:
		return fmt.Errorf("its schema is %q, not %q", schema, wanted)
	case station != own:
		return fmt.Errorf("it is for station %q", station)
	}
	return nil
}

// mistrust returns why an envelope cannot be verified, with the cure. keys are those that root names, or the pinned
// ones if root is nil.
func mistrust(root *trust.Root, keys []ed25519.PublicKey, envelope []byte, err error) error {
	signers := sign.Signers(envelope)
	if len(signers) == 0 {
		return err
	}
	var trusted []string
	for _, key := range keys {
		trusted = append(trusted, sign.KeyID(key))
	}
	by := signers[0]
	if slices.ContainsFunc(signers, func(id string) bool { return slices.Contains(trusted, id) }) {
		return fmt.Errorf("its signature by key %s does not fit: it was changed on the way", by)
	}
	if root != nil {
		return fmt.Errorf("key %s signed it, and root %d names %s for such documents. If the key was rotated, the root that "+
			"says so has not come yet; it comes from the service or by a bundle", by, root.Version(), trust.KeyIDs(keys))
	}
	return fmt.Errorf("key %s signed it, and this station trusts %s. If the service's key was changed on purpose, start "+
		"the player with the new one: --key, or LIFELINE_KEY",
		by, strings.Join(trusted, ", "))
}

// expiry returns the time at which an offered document must still be valid. It returns the zero time for a saved
// document, which may have expired: it does not air, and its expiry is no error.
func expiry(now Now, offered bool) time.Time {
	if offered {
		return now()
	}
	return time.Time{}
}

// keep makes next the current holdings and saves the document before its mark. After a crash between the two writes,
// load marks the document. If the disk fails, the document is used all the same, and saved once the disk takes it.
func (v *DocumentStore) keep(name string, envelope []byte, document string, m mark, save bool, next *Holdings) {
	known := v.seen[document] == m
	v.support(m.IssuedAt)
	v.seen[document] = m
	v.setHoldings(next)
	if save {
		write, names := v.state.Keep, []string{name}
		if name == recallsName {
			write, names = v.state.KeepFirst, statedir.Twice(name)
		}
		var err error
		for _, n := range names {
			err = errors.Join(err, write(n, envelope))
		}
		if err != nil {
			v.problems.Add("%s is used but could not be saved: %v", name, err)
			return
		}
	}
	if !known {
		v.saveSeen()
	}
}

// Forget removes the queues of days before date and, a week later, their marks. The clock alone is not sufficient:
// signed documents must confirm that the day after has ended, too.
func (v *DocumentStore) Forget(date schedules.Date) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if supported := schedules.DateOf(v.supported).AddDays(-1); supported.Before(date) {
		date = supported
	}
	next := *v.Holdings()
	next.Queues = maps.Clone(next.Queues)
	for _, d := range sortedDates(next.Queues) {
		if d.Before(date) {
			delete(next.Queues, d)
			if err := v.state.Remove(queueName(d)); err != nil {
				v.problems.Add("an old queue could not be removed: %v", err)
			}
		}
	}
	for name := range v.seen {
		if d, err := schedules.ParseDate(name); err == nil && d.Before(date.AddDays(-7)) {
			delete(v.seen, name)
		}
	}
	if len(next.Queues) == len(v.Holdings().Queues) {
		return
	}
	v.saveSeen()
	v.setHoldings(&next)
}
