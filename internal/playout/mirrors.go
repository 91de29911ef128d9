package playout

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"filippo.io/age"

	"lifeline/internal/client"
	"lifeline/internal/mirror"
	"lifeline/internal/playout/retry"
	"lifeline/internal/playout/statedir"
	"lifeline/internal/sign"
	"lifeline/internal/trust"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// MirrorOptions configures where else a station finds its documents and recordings.
type MirrorOptions struct {
	Addresses []string          // of mirrors that the station knows without being told
	Key       age.Identity      // opens what is encrypted to the station; nil: it reads no mirror
	Recipient string            // of that key
	Transport http.RoundTripper // nil: http.DefaultTransport with bounds
	TLSOnly   bool              // mirrors on other machines without TLS are left out, whoever names them
}

// Mirrors fetches the station's documents and recordings from mirrors. It takes the newest of their pointers, and
// offers what that names to the document store, which judges it as if it came from the service. It tells which mirrors
// lie.
type Mirrors struct {
	station   string
	opt       MirrorOptions
	pointer   string // name of the station's pointer
	documents *DocumentStore
	cache     *Cache
	follower  *Follower
	problems  *Problems
	now       Now
	http      *http.Client

	manifests map[string]wire.MirrorManifest // of the last poll, by hash
	offered   map[string]offeredDocument     // documents of the last poll, by the hash of the file
	learned   []string                       // addresses of mirrors that signed documents named
	heard     *wire.MirrorList               // the list that was held at the last look; nil: none

	mu         sync.Mutex
	list       []*mirrorHost
	drops      string                     // recipient of what the station drops, which the newest signed pointer led to
	recordings map[string]wire.MirrorFile // of the last poll, by the hash of the recording
}

// offeredDocument is a document of a mirror that was offered.
type offeredDocument struct {
	refused bool
	next    time.Time // when a refused one may be offered again
}

// mirrorHost is one mirror.
type mirrorHost struct {
	address string
	pace    pace // its speed is guarded by mu

	mu       sync.Mutex
	state    MirrorState
	forgedAt time.Time // when it last served a wrong file; zero: never, or a right one since
	roots    string    // hash of the roots that were read to verify its pointer
}

// MirrorState tells about a mirror for status and metrics.
type MirrorState struct {
	Address string            `json:"address"`
	State   string            `json:"state"` // current, behind, lies, out of reach; empty: not asked yet
	Why     string            `json:"why,omitempty"`
	Number  int64             `json:"number,omitempty"` // of the newest pointer that it served
	At      schedules.Instant `json:"at,omitzero"`      // when it was asked last
}

// The states of a mirror.
const (
	mirrorCurrent     = "current"
	mirrorBehind      = "behind"
	mirrorForges      = "lies"
	mirrorUnreachable = "out of reach"
)

// NewMirrors returns Mirrors that feed documents and cache.
func NewMirrors(station string, documents *DocumentStore, cache *Cache, follower *Follower, problems *Problems, now Now,
	opt MirrorOptions) *Mirrors {
	m := &Mirrors{station: station, opt: opt, documents: documents, cache: cache, follower: follower, problems: problems,
		now: now, http: mirrorClient(opt.Transport)}
	if opt.Key != nil {
		m.pointer = mirror.PointerName(opt.Recipient)
	}
	m.know(opt.Addresses)
	m.loadKnownMirrors()
	return m
}

// know adds mirrors, up to a bound.
func (m *Mirrors) know(addresses []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, a := range addresses {
		if m.opt.TLSOnly && plain(a) {
			m.problems.Add("the mirror %s is left out, because it has no TLS: --allow-plain-http allows it", a)
			continue
		}
		known := func(s *mirrorHost) bool { return s.address == a }
		if len(m.list) < wire.MostMirrors && !slices.ContainsFunc(m.list, known) {
			m.list = append(m.list, &mirrorHost{address: a, state: MirrorState{Address: a}})
		}
	}
}

// plain reports whether an address is of another machine and has no TLS.
func plain(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Scheme == "http" && !client.OfThisMachine(u.Hostname())
}

const mirrorsName = "mirrors.json"

// mirrorsRecord is the content of mirrors.json.
type mirrorsRecord struct {
	Mirrors []string `json:"mirrors"`         // that the newest signed pointer led to
	Drops   string   `json:"drops,omitempty"` // likewise: the recipient of what the station drops
}

// loadKnownMirrors reads the mirrors that an earlier run learned.
func (m *Mirrors) loadKnownMirrors() {
	r := statedir.Records[mirrorsRecord](m.cache.state, 64<<10, mirrorsName)[0]
	if r.Damaged() {
		m.problems.Add("the saved list of mirrors is left out: %v", r.Err)
	} else if r.Err == nil {
		m.learned, m.drops = r.Value.Mirrors, r.Value.Drops
		m.know(r.Value.Mirrors)
	}
}

// Drops returns the age recipient of what the station drops, which a signed pointer led to; "": none is known.
func (m *Mirrors) Drops() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.drops
}

// learn makes the mirrors and the recipient that a signed document named known, in place of those learned before. The
// mirrors that were configured stay.
func (m *Mirrors) learn(mirrors []string, drops string) {
	var valid []string
	for _, a := range mirrors {
		if u, err := url.Parse(a); err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" {
			valid = append(valid, a)
		}
	}
	if _, err := trust.ParseRecipient(drops); err != nil {
		drops = ""
	}
	if slices.Equal(valid, m.learned) && drops == m.Drops() {
		return
	}
	m.learned = valid
	m.mu.Lock()
	m.drops = drops
	m.list = slices.DeleteFunc(m.list, func(s *mirrorHost) bool {
		gone := !slices.Contains(valid, s.address) && !slices.Contains(m.opt.Addresses, s.address)
		if gone {
			m.problems.Calm("mirror " + s.address)
		}
		return gone
	})
	m.mu.Unlock()
	m.know(valid)
	if err := m.cache.state.KeepRecord(mirrorsRecord{valid, drops}, mirrorsName); err != nil {
		m.problems.Add("the list of mirrors could not be saved: %v", err)
	}
}

func (m *Mirrors) sources() []*mirrorHost {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.list)
}

// States returns what is known of each mirror.
func (m *Mirrors) States() (out []MirrorState) {
	for _, s := range m.sources() {
		s.mu.Lock()
		out = append(out, s.state)
		s.mu.Unlock()
	}
	return out
}

const (
	mirrorsEvery = 5 * time.Minute  // interval between polls while the service answers
	mirrorsSoon  = time.Minute      // while it does not
	serviceQuiet = 90 * time.Second // without an answer for so long, the service does not answer
	forgeryKept  = 24 * time.Hour   // how long a mirror that served a wrong file is said to lie
	offerAgain   = 10 * time.Minute // after which a refused document is offered again
)

// Run polls the mirrors until ctx is done.
func (m *Mirrors) Run(ctx context.Context) error {
	const alarm = "mirrors"
	for {
		m.hear()
		wait := mirrorsEvery
		switch {
		case len(m.sources()) == 0:
		case m.opt.Key == nil:
			m.problems.Raise(alarm, "this station has no key of its own to read its mirrors with: enrol it")
		case m.documents.Pinned():
			m.problems.Calm(alarm)
			m.Poll(ctx)
		}
		if m.follower.Quiet() > serviceQuiet {
			wait = mirrorsSoon
		}
		if !m.pause(ctx, wait-wait/10+retry.Jitter(wait/5)) {
			return nil
		}
	}
}

// pause waits, at most until a list of mirrors comes. It reports whether ctx goes on.
func (m *Mirrors) pause(ctx context.Context, wait time.Duration) bool {
	until := time.Now().Add(wait)
	for ctx.Err() == nil {
		changed := m.documents.Changed()
		if m.documents.Holdings().Mirrors != m.heard || !time.Now().Before(until) {
			return true
		}
		if retry.Pause(ctx, time.Until(until), changed) != nil {
			return false
		}
	}
	return false
}

// hear makes the mirrors known that the station's list names.
func (m *Mirrors) hear() {
	list := m.documents.Holdings().Mirrors
	if list == m.heard {
		return
	}
	if m.heard = list; list == nil { // its key is trusted no more: who had it must not read what is dropped
		m.learn(m.learned, "")
	} else if m.documents.mirrorsIssued(list.IssuedAt) {
		m.learn(list.Mirrors, list.Drops)
	}
}

// fetchedPointer is a pointer, and the mirror that served it.
type fetchedPointer struct {
	wire.MirrorPointer
	from     *mirrorHost
	envelope []byte
}

// Poll asks all mirrors for the station's pointer, and takes what the newest names.
func (m *Mirrors) Poll(ctx context.Context) {
	all := m.sources()
	got := make([]*fetchedPointer, len(all))
	var asking sync.WaitGroup
	for i, s := range all {
		asking.Go(func() { got[i] = m.ask(ctx, s) })
	}
	asking.Wait()
	if ctx.Err() != nil {
		return
	}
	got = slices.DeleteFunc(got, func(f *fetchedPointer) bool { return f == nil || !m.verify(f) })
	now := m.now()
	slices.SortStableFunc(got, func(a, b *fetchedPointer) int { return cmp.Compare(b.Number, a.Number) })
	newest := m.documents.pointerSeen()
	if len(got) > 0 {
		newest = max(newest, got[0].Number)
	}
	for _, f := range got {
		m.classify(f, newest, now)
	}
	m.takeNewest(ctx, got, now)
	for _, s := range m.sources() {
		m.tell(s)
	}
}

// takeNewest takes the newest pointer that names nothing older than what is held. If the key of mirrors is stolen, that
// need not be the one with the highest number.
func (m *Mirrors) takeNewest(ctx context.Context, got []*fetchedPointer, now time.Time) {
	seen := m.documents.pointerSeen()
	manifests, offered := map[string]wire.MirrorManifest{}, map[string]offeredDocument{}
	recordings := map[string]wire.MirrorFile{}
	for _, f := range got {
		if _, again := manifests[f.Manifest.SHA256]; again || f.Number < seen {
			continue
		}
		from := m.order(f)
		manifest, err := m.readManifest(ctx, from, f.Manifest)
		if err != nil {
			m.problems.Add("the manifest of the mirrors could not be read: %v", err)
			continue
		}
		manifests[f.Manifest.SHA256] = manifest
		for _, r := range manifest.Recordings {
			if _, named := recordings[r.SHA256]; !named {
				recordings[r.SHA256] = r.File
			}
		}
		m.mu.Lock()
		m.recordings = maps.Clone(recordings) // before the documents want them
		m.mu.Unlock()
		if m.take(ctx, f, manifest, from, offered, now) {
			m.documents.markPointer(f.MirrorPointer)
			if m.documents.mirrorsIssued(f.IssuedAt) {
				m.learn(manifest.Mirrors, manifest.Drops)
			}
			break
		}
	}
	if len(manifests) > 0 {
		m.manifests, m.offered = manifests, offered
	}
}

// ask fetches the pointer of a mirror, and the roots by which it can be verified; nil: there is none to verify.
func (m *Mirrors) ask(ctx context.Context, s *mirrorHost) *fetchedPointer {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	s.set(mirrorUnreachable, "", m.now())
	b, err := m.read(ctx, s, m.pointer, wire.MostPointerBytes)
	if err != nil {
		m.note(s, err)
		return nil
	}
	envelope, err := mirror.OpenBytes(b, wire.MostPointerBytes, m.opt.Key)
	if err != nil {
		m.note(s, forgery{fmt.Errorf("what it serves as the pointer is not one: %w", err)})
		return nil
	}
	if _, err := m.documents.OpenPointer(envelope); err != nil {
		m.learnRoots(ctx, s, envelope)
	}
	return &fetchedPointer{from: s, envelope: envelope}
}

// verify opens a pointer by the roots that all mirrors brought: a key that one of them revokes signs for none.
func (m *Mirrors) verify(f *fetchedPointer) bool {
	var err error
	if f.MirrorPointer, err = m.documents.OpenPointer(f.envelope); err != nil {
		m.note(f.from, forgery{fmt.Errorf("its pointer is refused: %w", err)})
	}
	return err == nil
}

// learnRoots reads the roots that an unverified pointer names: a later root may name the key that signed it.
func (m *Mirrors) learnRoots(ctx context.Context, s *mirrorHost, envelope []byte) {
	payload, err := sign.Payload(envelope)
	var p wire.MirrorPointer
	if err != nil || parse(payload, &p) != nil || p.Roots == nil || !named(*p.Roots, mostRoots) ||
		p.Roots.SHA256 == s.roots {
		return
	}
	b, err := m.file(ctx, []*mirrorHost{s}, *p.Roots, mostRoots)
	if err != nil {
		return
	}
	s.roots = p.Roots.SHA256
	if err := m.documents.offer(rootsName, b); err != nil {
		m.problems.Add("from the mirror %s: %v", s.address, err)
	}
}

// classify sets the state of a mirror whose pointer is valid.
func (m *Mirrors) classify(f *fetchedPointer, newest int64, now time.Time) {
	m.tellClock(f, now)
	s := f.from
	s.mu.Lock()
	before := s.state.Number
	s.state.Number = max(before, f.Number)
	s.mu.Unlock()
	switch {
	case f.Number < before:
		m.note(s, forgery{fmt.Errorf("it serves pointer %d and served %d before: it was set back", f.Number, before)})
	case !f.ExpiresAt.After(now):
		m.note(s, forgery{fmt.Errorf("its pointer expired at %s: it is frozen, or nobody pushes to it any more, "+
			"or the clock of this machine, which shows %s, is ahead", f.ExpiresAt, schedules.At(now))})
	case f.Number < newest:
		s.set(mirrorBehind, fmt.Sprintf("it serves pointer %d, and %d was seen", f.Number, newest), now)
	default:
		s.set(mirrorCurrent, "", now)
	}
}

// mostBehind is how far the clock may be behind the date of a signed pointer.
const mostBehind = 10 * time.Minute

// tellClock raises an alarm if this machine's clock is behind what has been signed: then all that airs by it airs late.
func (m *Mirrors) tellClock(f *fetchedPointer, now time.Time) {
	const alarm = "clock behind mirrors"
	if behind := f.IssuedAt.Sub(now); behind > mostBehind {
		m.problems.Raise(alarm, "the clock of this machine shows %s, and mirrors have a pointer that was signed at %s: "+
			"everything would air too late. Set the clock, or connect the service, which says what time it is",
			schedules.At(now), f.IssuedAt)
		return
	}
	m.problems.Calm(alarm)
}

// take offers what a pointer names. It reports whether all of it was accepted or is held: only then is it known that
// the pointer is no older than what is held. It adds the documents that were offered to offered.
func (m *Mirrors) take(ctx context.Context, f *fetchedPointer, manifest wire.MirrorManifest, from []*mirrorHost,
	offered map[string]offeredDocument, now time.Time) bool {
	all := true
	for _, d := range manifest.Documents {
		o, again := m.offered[d.File.SHA256]
		if !again || o.refused && !now.Before(o.next) {
			text, err := m.file(ctx, from, d.File, maxDocument)
			if err != nil {
				m.problems.Add("%s could not be read from the mirrors: %v", d.Name, err)
				all = false
				continue
			}
			o = offeredDocument{}
			if err := m.documents.offer(d.Name, text); err != nil && !errors.As(err, new(unknownDocumentError)) {
				if !errors.As(err, new(outdatedError)) { // the service may have brought a newer one
					m.problems.Add("from a mirror: %v", err)
				}
				o = offeredDocument{true, now.Add(offerAgain)}
			}
		}
		offered[d.File.SHA256] = o
		all = all && !o.refused
	}
	if len(f.Freshness) > 0 && f.ExpiresAt.After(now) {
		if err := m.documents.OfferStatement(f.Freshness); err != nil {
			m.problems.Add("from a mirror: %v", err)
		}
	}
	return all
}

// readManifest reads a manifest, unless the last poll did.
func (m *Mirrors) readManifest(ctx context.Context, from []*mirrorHost, file wire.MirrorFile) (wire.MirrorManifest,
	error) {
	if held, ok := m.manifests[file.SHA256]; ok {
		return held, nil
	}
	text, err := m.file(ctx, from, file, wire.MostManifestBytes)
	if err != nil {
		return wire.MirrorManifest{}, err
	}
	return openManifest(text)
}

// order returns the mirrors in the order in which they are asked for files: those that serve the pointer first, and
// those that served a wrong file last.
func (m *Mirrors) order(f *fetchedPointer) []*mirrorHost {
	all := m.sources()
	rank := func(s *mirrorHost) int {
		s.mu.Lock()
		defer s.mu.Unlock()
		switch {
		case !s.forgedAt.IsZero():
			return 4
		case f != nil && s == f.from:
			return 0
		case s.state.State == mirrorCurrent:
			return 1
		case s.state.State == mirrorBehind:
			return 2
		}
		return 3
	}
	slices.SortStableFunc(all, func(a, b *mirrorHost) int { return cmp.Compare(rank(a), rank(b)) })
	return all
}

// forgery is the error of a mirror that serves what it cannot have got from a push.
type forgery struct{ error }

func (l forgery) Unwrap() error { return l.error }

// note records why a mirror could not be used.
func (m *Mirrors) note(s *mirrorHost, err error) {
	state := mirrorUnreachable
	if errors.As(err, new(forgery)) {
		state = mirrorForges
	}
	s.set(state, cleanText(err.Error()), m.now())
}

// wrong records that a mirror served a wrong file.
func (m *Mirrors) wrong(s *mirrorHost, err error) {
	m.note(s, err)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forgedAt = m.now()
}

func (s *mirrorHost) current() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.State == mirrorCurrent
}

func (s *mirrorHost) set(state, why string, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if state != mirrorForges && !s.forgedAt.IsZero() && now.Sub(s.forgedAt) < forgeryKept {
		return // it serves true pointers, and wrong files
	}
	if state == mirrorCurrent {
		s.forgedAt = time.Time{}
	}
	s.state.State, s.state.Why, s.state.At = state, why, schedules.At(now)
}

// tell raises the alarm about a mirror that lies, and ends it when it does not.
func (m *Mirrors) tell(s *mirrorHost) {
	s.mu.Lock()
	state := s.state
	s.mu.Unlock()
	if state.State == mirrorForges {
		m.problems.Raise("mirror "+state.Address, "the mirror %s serves false data: %s. What the station holds continues "+
			"to air, and the other mirrors are asked", state.Address, state.Why)
		return
	}
	m.problems.Calm("mirror " + state.Address)
}

// Quiet returns for how long the service has signed no answer.
func (f *Follower) Quiet() time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	return time.Since(f.heard)
}
