package playout

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"filippo.io/age"

	"lifeline/internal/client"
	"lifeline/internal/harness/longform"
	"lifeline/internal/mirror"
	"lifeline/internal/playout/statedir"
	"lifeline/internal/sign"
	"lifeline/internal/trust"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// memoryTree is what a mirror serves, by name.
type memoryTree map[string][]byte

func (m memoryTree) List(context.Context) (map[string]int64, error) {
	out := map[string]int64{}
	for name, b := range m {
		out[name] = int64(len(b))
	}
	return out, nil
}

func (m memoryTree) Put(_ context.Context, name string, _ int64, content io.ReadSeeker) (err error) {
	m[name], err = io.ReadAll(content)
	return err
}

func (m memoryTree) Remove(_ context.Context, name string) error { delete(m, name); return nil }

// The keys of the roles of a mirrored service. The root that is made with push rotated replaces the key of the role
// mirror.
const (
	queueKey, recallKey, recordKey = 21, 22, 23
	mirrorKey, mirrorKeyNext       = 24, 25
	rotated                        = 2
	pushes                         = 6
	pushEvery                      = 10 * time.Minute
	pointerLife                    = 30 * time.Minute
)

// mirrored is a service with a station "lantern", and what its pushes gave to mirrors. Push n has queue revision n+1.
type mirrored struct {
	t       *testing.T
	begun   time.Time
	key     *age.X25519Identity
	other   *age.X25519Identity // of another station
	roots   *safe
	audio   []byte
	audioOf mirror.Recording
	trees   []memoryTree // by push
	public  []string     // addresses of mirrors that pointers lead to
	drops   string       // recipient of drops that they lead to
}

func (w *mirrored) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func newMirrored(t *testing.T, begun time.Time) *mirrored {
	w := &mirrored{t: t, begun: begun, roots: newSafe(t, queueKey, recallKey, recordKey),
		audio: bytes.Repeat([]byte("la"), 9000)}
	var err error
	w.key, err = age.GenerateX25519Identity()
	w.must(err)
	w.other, err = age.GenerateX25519Identity()
	w.must(err)
	d, err := w.roots.chain[0].Draft(begun.AddDate(2, 0, 0))
	w.must(err)
	w.must(d.Add(trust.Mirror, publicOf(mirrorKey)))
	w.roots.chain = []*trust.Root{w.roots.sign(d, 1, 2)} // stations pin this one
	w.audioOf = mirror.Recording{SHA256: sha(w.audio), Bytes: int64(len(w.audio))}
	tree, err := mirror.OpenTree(t.TempDir())
	w.must(err)
	defer tree.Close()
	place := memoryTree{}
	for n := range pushes {
		if n == rotated {
			w.roots.rotate(trust.Mirror, mirrorKey, mirrorKeyNext)
		}
		w.must(tree.Compose(t.Context(), w.composition(n, w.signer(n))))
		_, err := tree.Push(t.Context(), place)
		w.must(err)
		w.trees = append(w.trees, maps.Clone(place))
	}
	return w
}

func (w *mirrored) signer(push int) byte {
	if push < rotated {
		return mirrorKey
	}
	return mirrorKeyNext
}

func (w *mirrored) at(push int) time.Time { return w.begun.Add(time.Duration(push) * pushEvery) }

// composition is what push n pushes, its pointers signed with a key.
func (w *mirrored) composition(n int, key byte) mirror.Composition {
	now := schedules.At(w.at(n))
	day := schedules.DateOf(w.begun)
	start := schedules.At(w.begun.Add(6 * time.Hour))
	item := wire.QueueItem{ID: "item", SegmentID: "segment", Window: "evening", StartAt: &start, Title: "A letter",
		CueOut: schedules.Ms(3_600_000), Duration: schedules.Ms(3_600_000),
		Audio: wire.AudioRef{SHA256: w.audioOf.SHA256, Bytes: w.audioOf.Bytes}}
	q := wire.Queue{Schema: wire.QueueSchema, Station: "lantern", Date: day, Timezone: "UTC", Revision: int64(n + 1),
		PublishedAt: now, ExpiresAt: schedules.At(w.begun.Add(48 * time.Hour)), Items: []wire.QueueItem{item},
		Windows: []schedules.Slot{{Occurrence: schedules.Occurrence{Window: "evening", Date: day, StartAt: start,
			EndAt: schedules.At(start.Add(time.Hour))}}}}
	recalls := wire.Recalls{Schema: wire.RecallsSchema, Revision: int64(n + 1), IssuedAt: now}
	freshness := wire.Freshness{Schema: wire.FreshnessSchema, Station: "lantern", Nonce: "push", At: now}
	roots, err := json.Marshal(w.roots.offered(0))
	w.must(err)
	station := mirror.Station{ID: "lantern", Recipient: w.key.Recipient().String(), Documents: []mirror.Document{
		{Name: rootsName, Content: roots}, {Name: recallsName, Content: byKey(w.t, recallKey, wire.RecallsType, recalls)},
		{Name: queueName(day), Content: byKey(w.t, queueKey, wire.QueueType, q)}},
		Recordings: []mirror.Recording{w.audioOf}, Freshness: byKey(w.t, recallKey, wire.FreshnessType, freshness)}
	foreign := station
	foreign.ID, foreign.Recipient = "harbour", w.other.Recipient().String()
	foreign.Documents = station.Documents[:2]
	return mirror.Composition{Stations: []mirror.Station{station, foreign}, Now: now.Time, Life: pointerLife,
		Keep: 24 * time.Hour, Mirrors: w.public, Drops: w.drops,
		Recording: func(context.Context, mirror.Recording) (io.ReadCloser, error) {
			return io.NopCloser(bytes.NewReader(w.audio)), nil
		}, Sign: func(payload []byte) ([]byte, error) {
			s, err := sign.NewSigner(keyOf(key))
			w.must(err)
			return s.Sign(wire.MirrorPointerType, payload)
		}}
}

func (w *mirrored) pointer() string { return mirror.PointerName(w.key.Recipient().String()) }

// signedBy returns the tree of push n with pointers that a key signed, n pushes later than the last.
func (w *mirrored) signedBy(n int, key byte, later int) memoryTree {
	tree, err := mirror.OpenTree(w.t.TempDir())
	w.must(err)
	defer tree.Close()
	c := w.composition(n, key)
	c.Now = w.at(pushes - 1 + later)
	place := memoryTree{}
	w.must(tree.Compose(w.t.Context(), c))
	_, err = tree.Push(w.t.Context(), place)
	w.must(err)
	return place
}

// reader is a station that reads mirrors.
type reader struct {
	*Mirrors
	documents *DocumentStore
	cache     *Cache
	problems  *Problems
	date      schedules.Date
}

// station opens a station on a state directory. Its clock shows at now, and goes as that of the test from then on.
func (w *mirrored) station(t *testing.T, dir string, at time.Time, mirrors map[string]http.RoundTripper) *reader {
	t.Helper()
	state, err := statedir.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = state.Close() })
	begun := time.Now()
	now := func() time.Time { return at.Add(time.Since(begun)) }
	r := &reader{problems: NewProblems(now, discardLog()), date: schedules.DateOf(w.begun)}
	keeper := OpenTimekeeper(now, Uptime{}, state, r.problems)
	r.documents, err = OpenDocumentStore(state, "lantern", Pins{Root: w.roots.chain[0]}, now, r.problems)
	if err != nil {
		t.Fatal(err)
	}
	if r.cache, err = OpenCache(state, r.problems, now); err != nil {
		t.Fatal(err)
	}
	api := client.New("http://127.0.0.1:1", "token", http.DefaultClient)
	follower := NewFollower(api, "lantern", r.documents, r.problems, keeper, FollowOptions{})
	var addresses []string
	for i := range len(mirrors) {
		addresses = append(addresses, mirrorAddress(i))
	}
	r.Mirrors = NewMirrors("lantern", r.documents, r.cache, follower, r.problems, now, MirrorOptions{Addresses: addresses,
		Key: w.key, Recipient: w.key.Recipient().String(), Transport: hosts(mirrors)})
	return r
}

func mirrorAddress(i int) string { return fmt.Sprintf("http://mirror-%d", i) }

// hosts routes requests by their host.
type hosts map[string]http.RoundTripper

func (h hosts) RoundTrip(r *http.Request) (*http.Response, error) {
	if host, ok := h[r.URL.Host]; ok {
		return host.RoundTrip(r)
	}
	return nil, errors.New("no such host")
}

// serves is a mirror that answers by a function.
type serves func(name string) (status int, body io.Reader)

func (s serves) RoundTrip(r *http.Request) (*http.Response, error) {
	status, body := s(strings.TrimPrefix(r.URL.Path, "/"))
	if status == 0 {
		return nil, errors.New("connection refused")
	}
	switch b := body.(type) {
	case slow:
		b.ctx = r.Context()
		body = b
	case modem:
		b.ctx = r.Context()
		body = b
	}
	return &http.Response{StatusCode: status, Body: io.NopCloser(body), Header: http.Header{}, Request: r}, nil
}

// honest serves a tree.
func honest(tree memoryTree) serves {
	return func(name string) (int, io.Reader) {
		if b, ok := tree[name]; ok {
			return http.StatusOK, bytes.NewReader(b)
		}
		return http.StatusNotFound, strings.NewReader("not found")
	}
}

// slow is a body of a byte a second.
type slow struct {
	from io.Reader
	ctx  context.Context
}

func (s slow) Read(p []byte) (int, error) {
	select {
	case <-time.After(time.Second):
		return s.from.Read(p[:1])
	case <-s.ctx.Done():
		return 0, s.ctx.Err()
	}
}

// modem is a body of 600 bytes a second.
type modem struct{ slow }

func (m modem) Read(p []byte) (int, error) {
	select {
	case <-time.After(time.Second):
		return m.from.Read(p[:min(len(p), 600)])
	case <-m.ctx.Done():
		return 0, m.ctx.Err()
	}
}

// attack returns an evil mirror of a random kind, and its name.
func (w *mirrored) attack(dice *rand.Rand, forged, stolen, stale memoryTree) (string, serves) {
	latest := w.trees[pushes-1]
	own := rand.New(rand.NewPCG(dice.Uint64(), 0)) // mirrors serve at the same time
	old := w.trees[dice.IntN(pushes-1)]
	files := func(change func(b []byte) (int, io.Reader)) serves {
		return func(name string) (int, io.Reader) {
			if b, ok := latest[name]; ok && strings.Contains(name, "/") {
				return change(b)
			}
			return honest(latest)(name)
		}
	}
	other := w.trees[pushes-1][mirror.PointerName(w.other.Recipient().String())]
	with := func(pointer []byte, rest memoryTree) serves {
		return func(name string) (int, io.Reader) {
			if name == w.pointer() {
				return http.StatusOK, bytes.NewReader(pointer)
			}
			return honest(rest)(name)
		}
	}
	attacks := []struct {
		name  string
		serve serves
	}{
		{"rolled back or frozen", honest(old)},
		{"the newest pointer, the files of an old push", with(latest[w.pointer()], w.trees[0])},
		{"an old pointer, the newest files", with(old[w.pointer()], latest)},
		{"the pointer of another station", with(other, latest)},
		{"forged, with roots of its own", honest(forged)},
		{"signed by the stolen key that a later root replaced", honest(stolen)},
		{"of an old root, numbered as newest", honest(stale)},
		{"another file in place of each", files(func([]byte) (int, io.Reader) {
			for name, b := range latest {
				if strings.Contains(name, "/") {
					return http.StatusOK, bytes.NewReader(b)
				}
			}
			return 0, nil
		})},
		{"a changed bit", files(func(b []byte) (int, io.Reader) {
			b = bytes.Clone(b)
			b[own.IntN(len(b))] ^= 1
			return http.StatusOK, bytes.NewReader(b)
		})},
		{"truncated", files(func(b []byte) (int, io.Reader) {
			return http.StatusOK, bytes.NewReader(b[:own.IntN(len(b))])
		})},
		{"broken off", files(func(b []byte) (int, io.Reader) {
			return http.StatusOK, io.MultiReader(bytes.NewReader(b[:own.IntN(len(b))]), brokenOff{})
		})},
		{"without an end", func(string) (int, io.Reader) { return http.StatusOK, endless{} }},
		{"files without an end", files(func(b []byte) (int, io.Reader) {
			return http.StatusOK, io.MultiReader(bytes.NewReader(b), endless{})
		})},
		{"a byte a second", func(name string) (int, io.Reader) {
			status, body := honest(latest)(name)
			return status, slow{from: body}
		}},
		{"its pointers at once, its files at a byte a second", trickling(latest)},
		{"a page in place of all", func(string) (int, io.Reader) {
			return http.StatusOK, strings.NewReader("<html>Sign in to the network</html>")
		}},
		{"errors", func(string) (int, io.Reader) { return 500 + own.IntN(5), strings.NewReader("") }},
		{"refused", func(string) (int, io.Reader) { return 0, nil }},
	}
	a := attacks[dice.IntN(len(attacks))]
	return a.name, a.serve
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

type brokenOff struct{}

func (brokenOff) Read([]byte) (int, error) { return 0, errors.New("connection reset by peer") }

// Of ten mirrors nine are evil, each in a way of its own, which may change between polls. The station has taken any of
// the earlier pushes before, or none. LIFELINE_PROVE=mirrors tests 10,000 seeds, or
// LIFELINE_INPUTS of them; LIFELINE_SEED is the first, and the only one without that.
func TestOneTrueMirrorOfTenBringsTheNewestWithinTwoPolls(t *testing.T) {
	first, runs := uint64(time.Now().UnixNano()), 60
	if testing.Short() {
		runs = 15
	}
	if os.Getenv("LIFELINE_PROVE") == "mirrors" {
		first, runs = 1, 10_000
	}
	if text := os.Getenv("LIFELINE_SEED"); text != "" {
		seed, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		first, runs = seed, 1
	}
	runs = longform.Inputs(t, runs)
	w := newMirrored(t, documentsNow)
	forged := w.signedBy(0, 99, 1000)
	stolen := w.signedBy(0, mirrorKey, 3)
	chain := w.roots.chain
	w.roots.chain = chain[:1]
	stale := w.signedBy(0, mirrorKey, 4)
	w.roots.chain = chain
	most, told := 0, 0
	for seed := first; seed < first+uint64(runs); seed++ {
		polls, lies := w.run(seed, forged, stolen, stale)
		most, told = max(most, polls), told+lies
		if t.Failed() {
			t.Fatalf("LIFELINE_SEED=%d", seed)
		}
	}
	t.Logf("%d runs: the newest revision after at most %d polls, %.1f of 9 evil mirrors told as lying", runs, most,
		float64(told)/float64(runs))
}

// run is one seed. It returns the number of polls until the newest was there, and how many mirrors were told to lie.
func (w *mirrored) run(seed uint64, forged, stolen, stale memoryTree) (polls, lies int) {
	dice := rand.New(rand.NewPCG(seed, 14))
	dir, err := os.MkdirTemp("", "station")
	w.must(err)
	defer os.RemoveAll(dir)
	synctest.Test(w.t, func(t *testing.T) {
		if had := dice.IntN(pushes) - 1; had >= 0 { // an honest mirror brought it
			r := w.station(t, dir, w.at(had), map[string]http.RoundTripper{"mirror-0": honest(w.trees[had])})
			r.Poll(t.Context())
			if got := r.documents.Holdings().Revision(r.date); got != int64(had+1) {
				t.Fatalf("revision %d came of push %d: %v", got, had, r.problems.List())
			}
		}
		true1 := dice.IntN(10)
		mirrors, kinds := map[string]http.RoundTripper{}, make([]string, 10)
		mix := func() {
			for i := range 10 {
				kind, evil := w.attack(dice, forged, stolen, stale)
				if i == true1 {
					kind, evil = "true", honest(w.trees[pushes-1])
				}
				mirrors[fmt.Sprintf("mirror-%d", i)], kinds[i] = evil, kind
			}
		}
		mix()
		r := w.station(t, dir, w.at(pushes-1).Add(time.Second), mirrors)
		held := r.documents.Holdings().Revision(r.date)
		for polls = 1; ; polls++ {
			r.Poll(t.Context())
			h := r.documents.Holdings()
			if h.Revision(r.date) < held {
				t.Errorf("revision %d was held, and %d is held after a poll of %q", held, h.Revision(r.date), kinds)
			}
			if held = h.Revision(r.date); held == pushes && h.Recalls != nil && h.Recalls.Revision == pushes {
				break
			}
			if polls == 2 {
				t.Errorf("revision %d is held after two polls of %q: %q", held, kinds, r.problems.List())
				return
			}
			mix()
		}
		if err := r.Recording(t.Context(), wire.AudioRef{SHA256: w.audioOf.SHA256, Bytes: w.audioOf.Bytes}, nil); err != nil {
			t.Errorf("the recording does not come from %q: %v", kinds, err)
		}
		for i, s := range r.States() {
			if s.State == mirrorForges {
				lies++
			}
			if i == true1 && s.State != mirrorCurrent {
				t.Errorf("the true mirror is told as %q: %s; the others: %q", s.State, s.Why, kinds)
			}
			if kinds[i] == "a page in place of all" && s.State != mirrorForges {
				t.Errorf("%q is told as %q", kinds[i], s.State)
			}
		}
	})
	return polls, cmp.Or(lies, 0)
}

func sha(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// only returns a station at the time of the last push that reads one mirror.
func (w *mirrored) only(t *testing.T, dir string, tree memoryTree) *reader {
	return w.station(t, dir, w.at(pushes-1).Add(time.Second), map[string]http.RoundTripper{"mirror-0": honest(tree)})
}

func (r *reader) revision() int64 { return r.documents.Holdings().Revision(r.date) }

// CVE-2022-29173: go-tuf compared the version of what came with nothing, and not with what the client had trusted
// before, so that an older repository was taken.
func TestAnOlderPointerIsRefusedThoughTheStationHasRestarted(t *testing.T) {
	w, dir := newMirrored(t, documentsNow), t.TempDir()
	r := w.only(t, dir, w.trees[pushes-1])
	r.Poll(t.Context())
	if r.revision() != pushes || r.documents.pointerSeen() != w.at(pushes-1).Unix() {
		t.Fatalf("revision %d and pointer %d: %v", r.revision(), r.documents.pointerSeen(), r.problems.List())
	}
	again := w.only(t, dir, w.trees[pushes-2])
	again.Poll(t.Context())
	if again.revision() != pushes || again.documents.pointerSeen() != w.at(pushes-1).Unix() || len(again.offered) > 0 {
		t.Errorf("revision %d and pointer %d are held after an older pointer, and %d documents were offered", again.revision(),
			again.documents.pointerSeen(), len(again.offered))
	}
	if s := again.States()[0]; s.State != mirrorBehind {
		t.Errorf("the mirror is told as %q: %s", s.State, s.Why)
	}
}

// CVE-2025-2888: tough kept a timestamp document whose snapshot it then refused as older, and refused all that came
// after it by that document. Here a thief of the key of mirrors signs a pointer far ahead, to documents of the past.
func TestAPointerToOlderDocumentsIsNotKeptAndStopsNoLaterOne(t *testing.T) {
	w, dir := newMirrored(t, documentsNow), t.TempDir()
	w.only(t, dir, w.trees[pushes-1]).Poll(t.Context())
	poison := w.signedBy(0, mirrorKeyNext, 1000)
	r := w.only(t, dir, poison)
	r.Poll(t.Context())
	if r.revision() != pushes || r.documents.pointerSeen() != w.at(pushes-1).Unix() {
		t.Fatalf("revision %d and pointer %d are held after the poison", r.revision(), r.documents.pointerSeen())
	}
	later := w.signedBy(pushes, mirrorKeyNext, 1)
	r = w.station(t, dir, w.at(pushes).Add(time.Second), map[string]http.RoundTripper{"mirror-0": honest(poison),
		"mirror-1": honest(later)})
	r.Poll(t.Context())
	if r.revision() != pushes+1 {
		t.Errorf("revision %d is held beside the poison: %v", r.revision(), r.problems.List())
	}
}

func TestAMirrorThatServesAnExpiredPointerIsToldAsFrozen(t *testing.T) {
	w := newMirrored(t, documentsNow)
	r := w.station(t, t.TempDir(), w.at(pushes-1).Add(pointerLife), map[string]http.RoundTripper{
		"mirror-0": honest(w.trees[pushes-1])})
	r.Poll(t.Context())
	if s := r.States()[0]; s.State != mirrorForges || !strings.Contains(s.Why, "expired") {
		t.Errorf("it is told as %q: %s", s.State, s.Why)
	}
	if alarms := r.problems.Alarms(); len(alarms) != 1 || !strings.Contains(alarms[0], "mirror-0") {
		t.Errorf("the alarms are %q", alarms)
	}
}

func TestAFreshPointerEndsAStarvationAndAFrozenOneDoesNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newMirrored(t, documentsNow)
		at := w.at(pushes - 1).Add(time.Second)
		r := w.station(t, t.TempDir(), at, map[string]http.RoundTripper{"mirror-0": honest(w.trees[pushes-1])})
		time.Sleep(time.Second)
		starved := func() bool {
			r.follower.tellStarved()
			return len(r.problems.Alarms()) > 0
		}
		r.documents.contact.at, r.documents.contact.quiet = w.at(0), time.Hour
		if !starved() {
			t.Fatal("the station is not starved without the mirror")
		}
		r.Poll(t.Context())
		if starved() {
			t.Errorf("the alarms are %q", r.problems.Alarms())
		}
		for range 20 { // the same pointer again and again
			time.Sleep(time.Minute)
			r.Poll(t.Context())
		}
		if !starved() {
			t.Error("a pointer that stays the same ends the starvation for ever")
		}
	})
}

func TestAMirrorThatServesAWrongFileIsToldForADayThoughItsPointerIsRight(t *testing.T) {
	w := newMirrored(t, documentsNow)
	latest := w.trees[pushes-1]
	wrong := serves(func(name string) (int, io.Reader) {
		if b, ok := latest[name]; ok && strings.Contains(name, "/") {
			return http.StatusOK, bytes.NewReader(b[1:])
		}
		return honest(latest)(name)
	})
	r := w.station(t, t.TempDir(), w.at(pushes-1), map[string]http.RoundTripper{"mirror-0": wrong,
		"mirror-1": honest(latest)})
	for range 2 {
		r.Poll(t.Context())
		if s := r.States()[0]; s.State != mirrorForges || !strings.Contains(s.Why, "truncated") || r.revision() != pushes {
			t.Errorf("it is told as %q: %s; revision %d is held", s.State, s.Why, r.revision())
		}
		if s := r.States()[1]; s.State != mirrorCurrent {
			t.Errorf("the true one is told as %q: %s", s.State, s.Why)
		}
	}
}

func TestAStationReadsNothingThatIsEncryptedToAnother(t *testing.T) {
	w := newMirrored(t, documentsNow)
	w.key = w.other
	r := w.only(t, t.TempDir(), w.trees[pushes-1]) // the tree has a pointer for this key, of another station
	r.Poll(t.Context())
	if s := r.States()[0]; r.revision() != 0 || s.State != mirrorForges || !strings.Contains(s.Why, `station "harbour"`) {
		t.Errorf("revision %d, told as %q: %s", r.revision(), s.State, s.Why)
	}
}

func TestRecordingsComeFromMirrorsWhenTheServiceDoesNotAnswer(t *testing.T) {
	w := newMirrored(t, documentsNow)
	r := w.only(t, t.TempDir(), w.trees[pushes-1])
	r.Poll(t.Context())
	f := NewFetcher(r.cache, r.documents, client.New("http://127.0.0.1:1", "token", http.DefaultClient).Station("lantern"),
		r.Mirrors, 0, 0, r.now)
	all := wants(r.documents.Holdings(), r.now())
	if len(all) != 1 {
		t.Fatalf("%d recordings are wanted", len(all))
	}
	f.fetchOnce(t.Context(), all[0], all)
	if !r.cache.Has(all[0].audio) {
		t.Errorf("the recording is not here: %v", r.problems.List())
	}
}

// trickling serves the pointers of a tree at once, and its files at a byte a second.
func trickling(tree memoryTree) serves {
	return func(name string) (int, io.Reader) {
		status, body := honest(tree)(name)
		if strings.Contains(name, "/") {
			body = slow{from: body}
		}
		return status, body
	}
}

func TestMirrorsAndALinkThatTrickleHoldNothingUpThatATrueMirrorHas(t *testing.T) {
	w := newMirrored(t, documentsNow)
	latest, dir := w.trees[pushes-1], t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		mirrors := map[string]http.RoundTripper{"mirror-3": honest(latest)}
		for i := range 3 {
			mirrors[fmt.Sprintf("mirror-%d", i)] = trickling(latest)
		}
		r := w.station(t, dir, w.at(pushes-1), mirrors)
		began := time.Now()
		r.Poll(t.Context())
		if took := time.Since(began); took > 2*time.Minute || r.revision() != pushes {
			t.Errorf("revision %d is held after a poll of %v: %v", r.revision(), took, r.problems.List())
		}
		link := serves(func(string) (int, io.Reader) { return http.StatusOK, slow{from: bytes.NewReader(w.audio)} })
		api := client.New("http://service", "token", &http.Client{Transport: link})
		f := NewFetcher(r.cache, r.documents, api.Station("lantern"), r.Mirrors, 0, 0, r.now)
		all := wants(r.documents.Holdings(), r.now())
		began = time.Now()
		f.fetchOnce(t.Context(), all[0], all)
		if took := time.Since(began); took > 2*time.Minute || !r.cache.Has(all[0].audio) {
			t.Errorf("the recording is here: %v, after %v: %v", r.cache.Has(all[0].audio), took, r.problems.List())
		}
	})
}

func TestARedirectOfAMirrorNamesNobodyAndNeverLeavesTLS(t *testing.T) {
	w := newMirrored(t, documentsNow)
	latest := w.trees[pushes-1]
	var seen []http.Header
	asked := transport(func(r *http.Request) (*http.Response, error) {
		seen = append(seen, r.Header)
		return honest(latest).RoundTrip(r)
	})
	for scheme, want := range map[string]int64{"http": 0, "https": pushes} {
		seen = nil
		redirects := transport(func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: http.StatusFound, Body: http.NoBody, Request: r,
				Header: http.Header{"Location": {scheme + "://other" + r.URL.Path}}}, nil
		})
		r := w.station(t, t.TempDir(), w.at(pushes-1), nil)
		r.http.Transport = hosts{"mirror-0": redirects, "other": asked}
		r.know([]string{"https://mirror-0"})
		r.Poll(t.Context())
		if r.revision() != want || (len(seen) > 0) != (want > 0) {
			t.Errorf("%s: revision %d is held after %d requests: %v", scheme, r.revision(), len(seen), r.States())
		}
		for _, h := range seen {
			if h.Get("Referer") != "" || h.Get("Authorization") != "" {
				t.Errorf("it was asked with %v", h)
			}
		}
	}
}

// transport answers requests.
type transport func(*http.Request) (*http.Response, error)

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) { return t(r) }

func TestAMirrorThatIsAloneMayBeSlow(t *testing.T) {
	w := newMirrored(t, documentsNow)
	latest := w.trees[pushes-1]
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		poor := serves(func(name string) (int, io.Reader) {
			status, body := honest(latest)(name)
			if strings.Contains(name, "/") {
				body = modem{slow{from: body}}
			}
			return status, body
		})
		refused := serves(func(string) (int, io.Reader) { return 0, nil })
		r := w.station(t, dir, w.at(pushes-1), map[string]http.RoundTripper{"mirror-0": poor, "mirror-1": refused})
		r.Poll(t.Context())
		err := r.Recording(t.Context(), wire.AudioRef{SHA256: w.audioOf.SHA256, Bytes: w.audioOf.Bytes}, nil)
		if err != nil || r.revision() != pushes {
			t.Errorf("revision %d is held, and the recording: %v: %v", r.revision(), err, r.problems.List())
		}
	})
}

func TestAStationLearnsTheMirrorsThatASignedPointerLeadsTo(t *testing.T) {
	w, dir := newMirrored(t, documentsNow), t.TempDir()
	addresses := func(r *reader) (out []string) {
		for _, s := range r.States() {
			out = append(out, s.Address)
		}
		return out
	}
	w.public = []string{"https://two.example", "https://three.example/x", "file:///etc", "no address"}
	r := w.only(t, dir, w.signedBy(pushes-1, mirrorKeyNext, 1))
	r.Poll(t.Context())
	want := []string{"http://mirror-0", "https://two.example", "https://three.example/x"}
	if got := addresses(r); !slices.Equal(got, want) {
		t.Errorf("the station knows %q", got)
	}
	again := w.only(t, dir, w.trees[pushes-1])
	if got := addresses(again); !slices.Equal(got, want) {
		t.Errorf("after a restart the station knows %q", got)
	}
	w.public = []string{"https://two.example"}
	forged := w.signedBy(pushes-1, 99, 2)
	r = w.only(t, dir, forged)
	r.Poll(t.Context())
	if got := addresses(r); !slices.Equal(got, want) {
		t.Errorf("by a forged pointer the station knows %q", got)
	}
	r = w.only(t, dir, w.signedBy(pushes-1, mirrorKeyNext, 3))
	r.Poll(t.Context())
	if got := addresses(r); !slices.Equal(got, []string{"http://mirror-0", "https://two.example"}) {
		t.Errorf("by a later pointer the station knows %q", got)
	}
}

func TestAStationLearnsTheRecipientOfItsDropsFromASignedPointerAlone(t *testing.T) {
	w, dir := newMirrored(t, documentsNow), t.TempDir()
	learns := func(tree memoryTree, want, why string) {
		t.Helper()
		r := w.only(t, dir, tree)
		r.Poll(t.Context())
		if got := r.Drops(); got != want {
			t.Errorf("%s: %q", why, got)
		}
		if got := w.only(t, dir, memoryTree{}).Drops(); got != want {
			t.Errorf("%s, after a restart: %q", why, got)
		}
	}
	learns(w.trees[pushes-1], "", "a push without a recipient")
	own := w.other.Recipient().String()
	w.drops = own
	learns(w.signedBy(pushes-1, mirrorKeyNext, 1), own, "a push with a recipient")
	w.drops = w.key.Recipient().String()
	learns(w.signedBy(pushes-1, 99, 2), own, "a forged pointer")
	w.drops = "age1pq"
	learns(w.signedBy(pushes-1, mirrorKeyNext, 3), "", "what is no recipient")
}

// A mirror's files are encrypted, so that nothing of them can be compressed: what a mirror calls compressed is read as
// it is.
func TestNothingThatAMirrorCallsCompressedIsUnpacked(t *testing.T) {
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	if _, err := z.Write(make([]byte, 64<<20)); err != nil || z.Close() != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(bomb.Bytes())
	}))
	defer server.Close()
	m := &Mirrors{http: mirrorClient(nil)}
	b, err := m.read(t.Context(), &mirrorHost{address: server.URL}, "pointer", 1<<20)
	if err != nil || !bytes.Equal(b, bomb.Bytes()) {
		t.Errorf("%d bytes, %v", len(b), err)
	}
	if _, err := m.read(t.Context(), &mirrorHost{address: server.URL}, "pointer", 1<<10); !errors.As(err, new(forgery)) {
		t.Errorf("of over a kilobyte: %v", err)
	}
}

// By mirrors alone a station cannot know the time. With a clock that is days or years off it airs nothing that its
// documents do not allow at that time, forgets nothing that it has seen, and says what it cannot believe.
func TestAStationWithAWrongClockAndMirrorsAloneAirsNothingWrongAndSaysSo(t *testing.T) {
	const days = 24 * time.Hour
	w := newMirrored(t, documentsNow)
	for _, held := range []bool{false, true} {
		for _, off := range []time.Duration{-3653 * days, -10 * days, -2 * days, 2 * days, 10 * days, 3653 * days} {
			t.Run(fmt.Sprintf("held %v, off by %s", held, off), func(t *testing.T) {
				newest := map[string]http.RoundTripper{"mirror-0": honest(w.trees[pushes-1])}
				dir, at := t.TempDir(), w.at(pushes-1).Add(time.Second)
				if held {
					r := w.station(t, dir, at, newest)
					if r.Poll(t.Context()); r.documents.Holdings().ValidQueue(r.date, at) == nil {
						t.Fatal("with a right clock it has no queue")
					}
				}
				r := w.station(t, dir, at.Add(off), newest)
				r.Poll(t.Context())
				h := r.documents.Holdings()
				if q := h.ValidQueue(schedules.DateOf(at.Add(off)), at.Add(off)); q != nil {
					t.Errorf("it would air the queue of %s, revision %d", q.Date, q.Revision)
				}
				alarms := r.problems.Alarms()
				if len(alarms) == 0 || !strings.Contains(strings.Join(alarms, "; "), "clock") {
					t.Errorf("its alarms are %q", alarms)
				}
				r = w.station(t, dir, at, newest) // the clock is right again
				r.Poll(t.Context())
				if q := r.documents.Holdings().ValidQueue(r.date, at); q == nil || q.Revision != pushes {
					t.Errorf("with a right clock again it holds %+v; %q", q, r.problems.Alarms())
				}
			})
		}
	}
}

// A station is often up before its link.
func TestAStationThatNeverReachedTheServiceAsksItsMirrorsEveryMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newMirrored(t, documentsNow)
		var up atomic.Bool
		there := honest(w.trees[pushes-1])
		r := w.station(t, t.TempDir(), w.at(pushes-1).Add(time.Second), map[string]http.RoundTripper{
			"mirror-0": serves(func(name string) (int, io.Reader) {
				if !up.Load() {
					return 0, nil
				}
				return there(name)
			})})
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- r.Run(ctx) }()
		time.Sleep(time.Second)
		up.Store(true)
		time.Sleep(2 * mirrorsSoon)
		stop()
		if err := <-ended; err != nil || r.revision() != pushes {
			t.Errorf("revision %d is held after two minutes with a link: %v, %v", r.revision(), r.problems.List(), err)
		}
	})
}
