package playout

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lifeline/internal/playout/statedir"
	"lifeline/internal/sign"
	"lifeline/internal/trust"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

func keyOf(n byte) ed25519.PrivateKey { return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{n}, 32)) }

func publicOf(n byte) ed25519.PublicKey { return keyOf(n).Public().(ed25519.PublicKey) }

// safe holds the root keys 1 to 3 and makes a chain of roots with them.
type safe struct {
	t     *testing.T
	chain []*trust.Root
}

// newSafe makes a first root that names the keys of the roles queue, recall and record.
func newSafe(t *testing.T, queue, recall, record byte) *safe {
	d := trust.NewDraft(2, documentsNow.AddDate(2, 0, 0))
	s := &safe{t: t}
	for role, keys := range map[trust.KeyRole][]byte{trust.RootKeys: {1, 2, 3}, trust.Queue: {queue},
		trust.Recall: {recall}, trust.Record: {record}} {
		for _, k := range keys {
			s.must(d.Add(role, publicOf(k)))
		}
	}
	s.sign(d, 1, 2)
	return s
}

func (s *safe) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *safe) sign(d *trust.Draft, keys ...byte) *trust.Root {
	s.t.Helper()
	r, err := d.Root()
	for _, k := range keys {
		s.must(err)
		r, err = r.Sign(keyOf(k))
	}
	s.must(err)
	s.chain = append(s.chain, r)
	return r
}

// rotate makes a root in which one key of a role replaces another.
func (s *safe) rotate(role trust.KeyRole, former, next byte) {
	s.t.Helper()
	d, err := s.chain[len(s.chain)-1].Draft(documentsNow.AddDate(2, 0, 0))
	s.must(err)
	s.must(d.Remove(role, sign.KeyID(publicOf(former))))
	s.must(d.Add(role, publicOf(next)))
	s.sign(d, 1, 3)
}

func (s *safe) offered(after int) (out wire.Roots) {
	for _, r := range s.chain[after:] {
		out.Roots = append(out.Roots, r.Bytes())
	}
	return out
}

// byKey returns a document signed with a key.
func byKey(t *testing.T, key byte, payloadType string, v any) []byte {
	t.Helper()
	signer, err := sign.NewSigner(keyOf(key))
	if err != nil {
		t.Fatal(err)
	}
	payload, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	envelope, err := signer.Sign(payloadType, payload)
	if err != nil {
		t.Fatal(err)
	}
	return envelope
}

// post is a station that has a root.
type post struct {
	*shelf
	pins Pins
}

func newPost(t *testing.T, pins Pins) *post {
	p := &post{&shelf{t: t, service: newService(t), dir: t.TempDir()}, pins}
	p.restart()
	return p
}

func (p *post) restart() {
	p.t.Helper()
	if err := p.start(); err != nil {
		p.t.Fatal(err)
	}
}

func (p *post) start() error {
	state, err := statedir.Open(p.dir)
	if err != nil {
		return err
	}
	p.t.Cleanup(func() { _ = state.Close() })
	now := func() time.Time { return documentsNow }
	p.problems = NewProblems(now, slog.New(slog.DiscardHandler))
	p.DocumentStore, err = OpenDocumentStore(state, "lantern", p.pins, now, p.problems)
	return err
}

func (p *post) queueBy(key byte, q wire.Queue) error {
	return p.OfferQueue(byKey(p.t, key, wire.QueueType, q), schedules.DateOf(documentsNow))
}

func (p *post) fallbackBy(key byte, f wire.Fallback) error {
	return p.OfferFallback(byKey(p.t, key, wire.FallbackType, f))
}

func (p *post) recallsBy(key byte, revision int64, segments ...string) error {
	r := wire.Recalls{Schema: wire.RecallsSchema, Revision: revision,
		IssuedAt: schedules.At(documentsNow.Add(time.Duration(revision) * time.Second))}
	for _, id := range segments {
		r.Segments = append(r.Segments, wire.Recalled{SegmentID: id})
	}
	return p.takeRecalls(byKey(p.t, key, wire.RecallsType, r), true)
}

func (p *post) leaseBy(key byte, at time.Time) error {
	return p.OfferLease(byKey(p.t, key, wire.LeaseType, wire.Lease{Schema: wire.LeaseSchema, Station: "lantern",
		Nonce: "n", IssuedAt: schedules.At(at), ExpiresAt: schedules.At(at.Add(10 * time.Minute)),
		Segments: []string{"segment-90"}}), "n", time.Now())
}

func (p *post) ok(what string, err error) {
	p.t.Helper()
	if err != nil {
		p.t.Errorf("%s: %v", what, err)
	}
}

func (p *post) refused(what string, err error, why string) {
	p.t.Helper()
	if err == nil || !strings.Contains(err.Error(), why) {
		p.t.Errorf("%s is not refused by %q: %v", what, why, err)
	}
}

func (p *post) recalls(id string) bool {
	return p.Holdings().Recalled(&wire.QueueItem{SegmentID: id})
}

func TestAKeyIsBelievedForItsRoleAlone(t *testing.T) {
	p := newPost(t, Pins{Root: newSafe(t, 11, 12, 13).chain[0]})
	p.ok("queue", p.queueBy(11, p.queue(1)))
	p.ok("fallback", p.fallbackBy(11, p.fallbackDoc(1)))
	p.ok("recalls", p.recallsBy(12, 1, "lost"))
	p.ok("lease", p.leaseBy(12, documentsNow))
	p.refused("a queue by the recall key", p.queueBy(12, p.queue(2)), "root 1 names "+sign.KeyID(publicOf(11)))
	p.refused("a recall list by the queue key", p.recallsBy(11, 2), "root 1 names")
	p.refused("a lease by the record key", p.leaseBy(13, documentsNow), "root 1 names")
	p.refused("a fallback by a root key", p.fallbackBy(1, p.fallbackDoc(2)), "root 1 names")
}

// A thief had the keys of queue and recall and signed documents with the highest accepted revisions. The rotation
// restarts the marks: the new keys are trusted from their first document on, no document of the old keys is, and
// recalls stay in force until the new key signs a list. The station may be off when the root arrives, and restart at
// any time.
func TestARotationBeginsTheMarksOfItsRoleAnew(t *testing.T) {
	for _, restarts := range []bool{false, true} {
		s := newSafe(t, 11, 12, 13)
		p := newPost(t, Pins{Root: s.chain[0]})
		again := func() {
			if restarts {
				p.restart()
			}
		}
		p.ok("recalls", p.recallsBy(12, 3, "lost"))
		poison := documentsNow.Add(mostAhead).Unix()
		q, f := p.queue(poison), p.fallbackDoc(poison)
		q.PublishedAt, f.IssuedAt = schedules.At(documentsNow), schedules.At(documentsNow)
		p.ok("poisoned queue", p.queueBy(11, q))
		p.ok("poisoned fallback", p.fallbackBy(11, f))
		r := wire.Recalls{Schema: wire.RecallsSchema, Revision: poison, IssuedAt: schedules.At(documentsNow),
			Segments: []wire.Recalled{{SegmentID: "lost"}, {SegmentID: "denied"}}, Above: poison}
		p.ok("poisoned recalls", p.takeRecalls(byKey(t, 12, wire.RecallsType, r), true))
		p.ok("poisoned lease", p.leaseBy(12, documentsNow.Add(mostAhead)))
		p.refused("an honest queue before the rotation", p.queueBy(11, p.queue(2)), "older")

		s.rotate(trust.Queue, 11, 21)
		s.rotate(trust.Recall, 12, 22)
		again()
		p.ok("roots", p.OfferRoots(s.offered(1)))
		again()
		if h := p.Holdings(); len(h.Queues) != 0 || h.Fallback != nil || h.Recalls != nil || h.Lease != nil {
			t.Errorf("held of the old keys: %+v", h)
		}
		if !p.recalls("lost") || !p.recalls("denied") || p.Holdings().forgot {
			t.Error("what was recalled may air before the new key has its say")
		}
		p.refused("a queue of the old key", p.queueBy(11, q), "root 3 names")
		p.refused("a list of the old key", p.recallsBy(12, poison+1), "root 3 names")
		p.ok("queue", p.queueBy(21, p.queue(1)))
		p.ok("fallback", p.fallbackBy(21, p.fallbackDoc(1)))
		p.ok("recalls", p.recallsBy(22, 4, "lost"))
		p.ok("lease", p.leaseBy(22, documentsNow))
		again()
		if !p.recalls("lost") || p.recalls("denied") {
			t.Error("the new key's list has not the say")
		}
		item := &wire.QueueItem{SegmentID: "segment-90", Sensitive: true}
		if why := p.Holdings().Unleased(item, documentsNow.Add(time.Minute)); why != "" {
			t.Errorf("the lease clock went on from the thief's: %s", why)
		}
		p.refused("an older queue of the new key", func() error {
			p.ok("a later queue", p.queueBy(21, p.queue(5)))
			return p.queueBy(21, p.queue(4))
		}(), "older")
	}
}

// The rotation of one role's keys does not affect another role.
func TestARotationLeavesOtherRolesAsTheyAre(t *testing.T) {
	s := newSafe(t, 11, 12, 13)
	p := newPost(t, Pins{Root: s.chain[0]})
	p.ok("queue", p.queueBy(11, p.queue(5)))
	p.ok("recalls", p.recallsBy(12, 5, "lost"))
	s.rotate(trust.Recall, 12, 22)
	p.ok("roots", p.OfferRoots(s.offered(1)))
	if p.Holdings().Revision(schedules.DateOf(documentsNow)) != 5 {
		t.Error("the queue is gone")
	}
	p.refused("an older queue", p.queueBy(11, p.queue(4)), "older")
}

// Documents of a key that was added before the previous one was removed stay held.
func TestWhatTheNextKeySignedAlreadyStaysHeld(t *testing.T) {
	s := newSafe(t, 11, 12, 13)
	p := newPost(t, Pins{Root: s.chain[0]})
	p.ok("fallback", p.fallbackBy(11, p.fallbackDoc(3)))
	d, err := s.chain[0].Draft(documentsNow.AddDate(2, 0, 0))
	s.must(err)
	s.must(d.Add(trust.Queue, publicOf(21)))
	s.sign(d, 1, 2)
	p.ok("root 2", p.OfferRoots(s.offered(1)))
	p.ok("queue", p.queueBy(21, p.queue(5)))
	d, err = s.chain[1].Draft(documentsNow.AddDate(2, 0, 0))
	s.must(err)
	s.must(d.Remove(trust.Queue, sign.KeyID(publicOf(11))))
	s.sign(d, 1, 2)
	p.ok("root 3", p.OfferRoots(s.offered(2)))
	if h := p.Holdings(); h.Fallback != nil || len(h.Queues) != 1 {
		t.Errorf("held: %+v", h)
	}
	p.refused("an older queue", p.queueBy(21, p.queue(4)), "older")
}

func TestTheStationNeverGoesBackToAnOlderRoot(t *testing.T) {
	s := newSafe(t, 11, 12, 13)
	s.rotate(trust.Queue, 11, 21)
	p := newPost(t, Pins{Root: s.chain[0]})
	p.ok("roots", p.OfferRoots(s.offered(0)))
	p.ok("the same again", p.OfferRoots(s.offered(0)))
	p.restart() // with the first root pinned
	if got := p.Root().Version(); got != 2 {
		t.Errorf("root %d after a restart", got)
	}
	p.refused("a root that nobody signed", p.OfferRoots(wire.Roots{
		Roots: []json.RawMessage{unsignedAfter(t, s.chain[1])}}),
		"root 3 is signed by 0 of the keys of root 2")
	p.refused("a root that leaves one out", p.OfferRoots(wire.Roots{Roots: []json.RawMessage{s.later(5)}}),
		"does not come after")
	// With damaged copies the station falls back to its pinned root, whose keys may be revoked since.
	for _, name := range statedir.Twice(rootsName) {
		if err := os.WriteFile(filepath.Join(p.dir, name), []byte(`{"roots":[]`), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p.restart()
	p.refused("a queue of the revoked key", p.queueBy(11, p.queue(1)), "trusted root 2 before")
	p.ok("the roots again", p.OfferRoots(s.offered(1)))
	p.ok("queue", p.queueBy(21, p.queue(1)))
	p.pins = Pins{}
	p.restart() // the saved state contains the chain
	if got := p.Root(); got == nil || got.Version() != 2 {
		t.Errorf("root %v", got)
	}
}

// unsignedAfter returns the root after r, without signatures.
func unsignedAfter(t *testing.T, r *trust.Root) []byte {
	d, err := r.Draft(documentsNow)
	if err != nil {
		t.Fatal(err)
	}
	next, err := d.Root()
	if err != nil {
		t.Fatal(err)
	}
	return next.Bytes()
}

// later returns a validly signed root, versions later.
func (s *safe) later(versions int) []byte {
	r := s.chain[len(s.chain)-1]
	for range versions {
		d, err := r.Draft(documentsNow)
		s.must(err)
		r, err = d.Root()
		s.must(err)
		for _, k := range []byte{1, 2} {
			r, err = r.Sign(keyOf(k))
			s.must(err)
		}
	}
	return r.Bytes()
}

// A station that pins a service's only key accepts the first root that this key signed, and then trusts only the root.
func TestAPinnedKeyGivesWayToTheRootThatItSigned(t *testing.T) {
	s := newSafe(t, 7, 7, 7)
	key := Pins{Keys: []ed25519.PublicKey{publicOf(7)}}
	p := newPost(t, key)
	p.ok("queue", p.queueBy(7, p.queue(5)))
	p.ok("recalls", p.recallsBy(7, 5, "lost"))
	first := func(by byte) *wire.Envelope {
		var e wire.Envelope
		s.must(json.Unmarshal(byKey(t, by, wire.FirstRootType, json.RawMessage(s.chain[0].Bytes())), &e))
		return &e
	}
	offered := s.offered(0)
	p.ok("roots that no pinned key signed", p.OfferRoots(offered))
	if p.Root() != nil {
		t.Error("a root is believed that the pinned key did not sign")
	}
	offered.First = first(8)
	p.refused("a first root by another key", p.OfferRoots(offered), "this station trusts")
	offered.First = first(7)
	p.ok("the first root", p.OfferRoots(offered))
	if p.Holdings().Revision(schedules.DateOf(documentsNow)) != 5 {
		t.Error("what the key signed for its role is gone")
	}
	p.refused("an older queue", p.queueBy(7, p.queue(4)), "older")
	s.rotate(trust.Queue, 7, 21)
	p.ok("roots", p.OfferRoots(s.offered(1)))
	p.restart() // still with --key
	p.refused("a queue of the pinned key", p.queueBy(7, p.queue(6)), "root 2 names")
	p.ok("queue", p.queueBy(21, p.queue(1)))

	// A thief of the key could serve another root. Another --key or --root, configured at the station, has precedence.
	p.pins = Pins{Keys: []ed25519.PublicKey{publicOf(9)}}
	p.restart()
	if p.Root() != nil {
		t.Error("the root of a key that is pinned no more is believed")
	}
	p.ok("queue by the key given", p.queueBy(9, p.queue(7)))
	other := newSafe(t, 31, 32, 33)
	p.pins = Pins{Root: other.chain[0], Keys: key.Keys}
	p.restart()
	p.refused("a queue of the pinned key beside a root", p.queueBy(7, p.queue(8)), "root 1 names")
	p.ok("queue under the root given", p.queueBy(31, p.queue(1)))
}

func TestWhatNoServiceCanHaveSaidIsRefused(t *testing.T) {
	p := newPost(t, Pins{Root: newSafe(t, 11, 12, 13).chain[0]})
	year9999 := schedules.At(time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC))
	for what, spoil := range map[string]func(*wire.Queue){
		"more than any service": func(q *wire.Queue) { q.Revision = math.MaxInt64 },
		"it is dated 9999":      func(q *wire.Queue) { q.PublishedAt = year9999 },
		"it expires at 9999":    func(q *wire.Queue) { q.ExpiresAt = year9999 },
	} {
		q := p.queue(1)
		q.PublishedAt = schedules.At(documentsNow)
		spoil(&q)
		p.refused("a queue", p.queueBy(11, q), what)
	}
	for what, spoil := range map[string]func(*wire.Fallback){
		"more than any service": func(f *wire.Fallback) { f.Revision = math.MaxInt64 },
		"it is dated 9999":      func(f *wire.Fallback) { f.IssuedAt = year9999 },
		"it expires at 9999":    func(f *wire.Fallback) { f.ExpiresAt = year9999 },
	} {
		f := p.fallbackDoc(1)
		spoil(&f)
		p.refused("a fallback", p.fallbackBy(11, f), what)
	}
	for what, r := range map[string]wire.Recalls{
		"revision 9223372036854775807 is": {Revision: math.MaxInt64},
		"more than any service":           {Revision: 1, Above: math.MaxInt64},
		"it is dated 9999":                {Revision: 1, IssuedAt: year9999},
	} {
		r.Schema = wire.RecallsSchema
		p.refused("a recall list", p.takeRecalls(byKey(t, 12, wire.RecallsType, r), true), what)
	}
	p.refused("a lease", p.leaseBy(12, year9999.Time), "it is dated 9999")
	lasting := wire.Lease{Schema: wire.LeaseSchema, Station: "lantern", Nonce: "n", IssuedAt: schedules.At(documentsNow),
		ExpiresAt: schedules.At(documentsNow.AddDate(1, 0, 0))}
	p.refused("a lease of a year", p.OfferLease(byKey(t, 12, wire.LeaseType, lasting), "n", time.Now()), "it lasts")
	_, err := p.OfferFreshness(byKey(t, 12, wire.FreshnessType, wire.Freshness{Schema: wire.FreshnessSchema,
		Station: "lantern", Nonce: "n", At: year9999}), "n", time.Now())
	p.refused("a time", err, "it is dated 9999")
}

// A station without a link gets the roots with the bundle whose documents the new keys signed.
func TestABundleBringsTheRootsBeforeWhatTheirKeysSigned(t *testing.T) {
	s := newSafe(t, 11, 12, 13)
	p := newPost(t, Pins{Root: s.chain[0]})
	p.ok("queue", p.queueBy(11, p.queue(9)))
	s.rotate(trust.Queue, 11, 7) // the key of the test's service
	s.rotate(trust.Recall, 12, 7)
	roots, err := json.Marshal(s.offered(0))
	s.must(err)
	p.service.put("/v1/roots", roots)
	p.service.publish(p.queue(1))
	p.service.put("/v1/recalls", p.recallsDoc(1, "lost"))
	in, _ := p.inbox(t)
	told := in.Import(t.Context(), bytes.NewReader(bundleOf(t, p.service, documentsNow)))
	if len(told.Refused) > 0 || told.Documents < 3 {
		t.Errorf("%+v", told)
	}
	if p.Root().Version() != 3 || p.Holdings().Revision(schedules.DateOf(documentsNow)) != 1 || !p.recalls("lost") {
		t.Errorf("root %d, holdings %+v", p.Root().Version(), p.Holdings())
	}
	again := in.Import(t.Context(), bytes.NewReader(bundleOf(t, p.service, documentsNow)))
	if len(again.Refused) > 0 {
		t.Errorf("the same bundle again: %+v", again)
	}
}

// An expired root raises an alarm, and the documents of its keys stay on the air.
func TestARootThatIsOverSilencesNoStation(t *testing.T) {
	s := newSafe(t, 11, 12, 13)
	p := newPost(t, Pins{Root: s.chain[0]})
	now := documentsNow
	f := &Follower{documents: p.DocumentStore, problems: p.problems, time: OpenTimekeeper(func() time.Time { return now },
		Uptime{}, p.state, p.problems)}
	f.tellExpiry()
	if told := p.problems.Alarms(); len(told) != 0 {
		t.Errorf("alarms: %q", told)
	}
	now = documentsNow.AddDate(3, 0, 0)
	f.tellExpiry()
	if told := p.problems.Alarms(); len(told) != 1 || !strings.Contains(told[0], "It stays trusted") {
		t.Errorf("alarms: %q", told)
	}
	p.ok("queue", p.queueBy(11, p.queue(1)))
}

// A follower learns of a rotation by itself, and accepts documents of the new keys in the same sweep.
func TestASweepTakesTheRootsBeforeWhatTheirKeysSigned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		safe, s := newSafe(t, 11, 12, 13), newService(t)
		safe.rotate(trust.Queue, 11, 7) // the key of the test's service
		safe.rotate(trust.Recall, 12, 7)
		roots, err := json.Marshal(safe.offered(0))
		safe.must(err)
		s.put("/v1/roots", roots)
		begin := time.Now().Add(time.Hour)
		s.publish(day("lantern", 1, begin, 20*time.Second, []wire.QueueItem{s.record(rec(1, 20))}))
		s.recall(1)
		state, err := statedir.Open(t.TempDir())
		safe.must(err)
		defer state.Close()
		problems := NewProblems(time.Now, discardLog())
		documents, err := OpenDocumentStore(state, "lantern", Pins{Root: safe.chain[0]}, time.Now, problems)
		safe.must(err)
		f := NewFollower(s.api(), "lantern", documents, problems, OpenTimekeeper(time.Now, Uptime{}, state, problems),
			FollowOptions{})
		if err := f.sweep(t.Context()); err != nil {
			t.Error(err)
		}
		if h := documents.Holdings(); documents.Root().Version() != 3 || len(h.Queues) != 1 || h.Recalls == nil {
			t.Errorf("root %d, holdings %+v", documents.Root().Version(), h)
		}
	})
}
