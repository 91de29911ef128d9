package endtoend

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/client"
	"lifeline/internal/config"
	"lifeline/internal/fault"
	"lifeline/internal/harness/longform"
	"lifeline/internal/playout"
	"lifeline/internal/playout/dsp"
	"lifeline/internal/playout/statedir"
	"lifeline/internal/service"
	"lifeline/internal/sign"
	"lifeline/internal/trust"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// ceremony is the folder of an offline root, and the service for which its keys are made.
type ceremony struct {
	t    *testing.T
	dir  string
	conf config.Serve
}

func newCeremony(t *testing.T) *ceremony {
	c := &ceremony{t, filepath.Join(t.TempDir(), "safe"), serveDefaults(furnish(t))}
	if err := c.conf.Check(); err != nil {
		t.Fatal(err)
	}
	return c
}

// key runs lifeline key, with the folder in place of %s.
func (c *ceremony) key(args ...string) string {
	c.t.Helper()
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], "%s", c.dir)
	}
	return succeed(c.t, append([]string{"key"}, args...)...)
}

// files returns the files of the folder that match a pattern.
func (c *ceremony) files(pattern string) []string {
	names, err := filepath.Glob(filepath.Join(c.dir, pattern))
	if err != nil {
		c.t.Fatal(err)
	}
	return names
}

// deploy copies the roots and the keys of the roles to the service.
func (c *ceremony) deploy() {
	c.t.Helper()
	if err := os.MkdirAll(c.conf.Keys, 0o700); err != nil {
		c.t.Fatal(err)
	}
	for _, name := range append(c.files("*.root.json"), c.files("*.key")...) {
		b, err := os.ReadFile(name)
		if err == nil {
			err = os.WriteFile(filepath.Join(c.conf.Keys, filepath.Base(name)), b, 0o600)
		}
		if err != nil {
			c.t.Fatal(err)
		}
	}
}

// roleKey returns the key that was made for a role in the root of a version.
func (c *ceremony) roleKey(role string, version int) *sign.Signer {
	c.t.Helper()
	names := c.files(role + "-" + string(rune('0'+version)) + "-*.key")
	if len(names) != 1 {
		c.t.Fatalf("keys of %s: %q", role, names)
	}
	key, err := service.SigningKey(names[0])
	if err != nil {
		c.t.Fatal(err)
	}
	signer, err := sign.NewSigner(key)
	if err != nil {
		c.t.Fatal(err)
	}
	return signer
}

// outpost is a station's player, reduced to its trust and its documents.
type outpost struct {
	t     *testing.T
	state *statedir.Dir
	root  *trust.Root
	*playout.DocumentStore
	problems *playout.Problems
}

func (c *ceremony) outpost() *outpost {
	c.t.Helper()
	root, err := trust.ReadRoot(filepath.Join(c.dir, "1.root.json"))
	if err != nil {
		c.t.Fatal(err)
	}
	state, err := statedir.Open(c.t.TempDir())
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { _ = state.Close() })
	o := &outpost{t: c.t, state: state, root: root}
	o.open()
	return o
}

func (o *outpost) open() {
	o.t.Helper()
	var err error
	o.problems = playout.NewProblems(time.Now, slog.New(slog.DiscardHandler))
	if o.DocumentStore, err = playout.OpenDocumentStore(o.state, ceremonyStation, playout.Pins{Root: o.root}, time.Now,
		o.problems); err != nil {
		o.t.Fatal(err)
	}
}

const ceremonyStation = "harbour-dawn"

// under returns whether the station trusts the root of a version and has documents that were signed under it. It looks
// at the root first: a station adopts a root, and then discards what keys signed that the root does not name.
func (o *outpost) under(version int64) func() bool {
	return func() bool {
		if root := o.Root(); root == nil || root.Version() != version {
			return false
		}
		h := o.Holdings()
		return h.Fallback != nil && h.Recalls != nil
	}
}

// follow runs the station's follower until right is true.
func (o *outpost) follow(api *client.Client, right func() bool) {
	o.t.Helper()
	ctx, cancel := context.WithTimeout(o.t.Context(), time.Minute)
	defer cancel()
	keeper := playout.OpenTimekeeper(time.Now, playout.Uptime{}, o.state, o.problems)
	f := playout.NewFollower(api, ceremonyStation, o.DocumentStore, o.problems, keeper, playout.FollowOptions{})
	done := make(chan struct{})
	go func() { defer close(done); _ = f.Run(ctx) }()
	defer func() { cancel(); <-done }()
	for {
		changed := o.Changed()
		if right() {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			o.t.Fatalf("root %d, holdings %+v, problems %q", o.Root().Version(), o.Holdings(), o.problems.List())
		}
	}
}

// poisoned returns documents with the highest numbers and dates that a station accepts, signed by a thief.
func poisoned(t *testing.T, queue, recall *sign.Signer) (fallback, recalls []byte) {
	t.Helper()
	high := time.Now().AddDate(0, 0, 29)
	signed := func(s *sign.Signer, payloadType string, v any) []byte {
		payload, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		b, err := s.Sign(payloadType, payload)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	return signed(queue, wire.FallbackType, wire.Fallback{Schema: wire.FallbackSchema, Station: ceremonyStation,
			Revision: high.Unix(), IssuedAt: schedules.At(high), ExpiresAt: schedules.At(high.AddDate(1, 0, 0))}),
		signed(recall, wire.RecallsType, wire.Recalls{Schema: wire.RecallsSchema, Revision: high.Unix(),
			IssuedAt: schedules.At(high), Above: high.Unix(), Segments: []wire.Recalled{{SegmentID: "poison"}}})
}

// take gives the station the documents that the thief signed.
func (o *outpost) take(fallback, recalls []byte) (first, second error) {
	body, err := json.Marshal(map[string]json.RawMessage{"envelope": recalls})
	if err != nil {
		o.t.Fatal(err)
	}
	return o.OfferFallback(fallback), o.OfferRecalls(body)
}

// importBundle lets the station's player import a bundle, without a link.
func (o *outpost) importBundle(bundle []byte) playout.Imported {
	o.t.Helper()
	name, err := playout.LayIn(o.state, bytes.NewReader(bundle), time.Now())
	if err != nil {
		o.t.Fatal(err)
	}
	p, err := playout.OpenPlayer(playout.Options{Station: ceremonyStation, State: o.state,
		API:  client.New("http://127.0.0.1:1", "", http.DefaultClient),
		Pins: playout.Pins{Root: o.root}, Open: playout.OpenMP3, Rate: dsp.Rate(8000), Now: time.Now,
		Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		o.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(o.t.Context())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			o.t.Error(err)
		}
	}()
	told, err := playout.Imported{}, error(nil)
	eventually(o.t, func() bool {
		told, err = playout.Result(o.state, name)
		return err == nil
	})
	if err != nil {
		o.t.Fatal("the bundle was not taken: ", err)
	}
	return told
}

// The whole ceremony by commands: a root is made; a root key is lost and replaced; the service's keys are stolen, and
// rotated on two separate machines. Stations with the thief's documents, which were off all the time, return one by
// one, one of them only by a bundle.
func TestKeyCeremonyRecoversFromStolenKeysAtStationsThatWereOffForAllOfIt(t *testing.T) {
	longform.Only(t) // one client asks one thing after another
	c := newCeremony(t)
	c.key("init", "%s", "--plain")
	roots := c.files("*.rootkey")
	if len(roots) != 3 {
		t.Fatalf("root keys: %q", roots)
	}
	c.deploy()
	h := start(t, c.conf)
	api := h.station(ceremonyStation)
	linked, late, bundled := c.outpost(), c.outpost(), c.outpost()
	for _, o := range []*outpost{linked, late} {
		o.follow(api, o.under(1))
	}
	h.stop()

	// The thief has the keys of queue and recall.
	fallback, recalls := poisoned(t, c.roleKey("queue", 1), c.roleKey("recall", 1))
	for _, o := range []*outpost{linked, late, bundled} {
		if first, second := o.take(fallback, recalls); first != nil || second != nil {
			t.Fatalf("poison: %v, %v", first, second)
		}
	}

	// One root key is lost: another replaces it, signed by the other two and the new one.
	lost := regexp.MustCompile(`root-([0-9a-f]+)\.rootkey`).FindStringSubmatch(roots[0])[1]
	c.key("replace", lost, "%s", "--plain")
	if err := os.Remove(roots[0]); err != nil {
		t.Fatal(err)
	}
	c.key("sign", "%s", "--with", roots[1])
	if said := c.key("show", "%s"); !strings.Contains(said, "1 more of the root keys of root 1") {
		t.Errorf("after one signature:\n%s", said)
	}
	if code, said := command(t, "key", "verify", c.dir); code == 0 {
		t.Errorf("a root that one key signed is whole:\n%s", said)
	}
	if said := c.key("sign", "%s", "--with", roots[2]); !strings.Contains(said, "Root 2 is complete") {
		t.Errorf("after two signatures:\n%s", said)
	}

	// The roles get new keys in one root, which two machines sign separately.
	c.key("rotate", "queue", "%s")
	c.key("rotate", "recall", "%s")
	c.key("rotate", "record", "%s")
	var copies []string
	for _, key := range []string{roots[1], c.newest("*.rootkey", roots)} {
		machine := t.TempDir()
		copyPrivate(t, machine, c.dir)
		succeed(t, "key", "sign", machine, "--with", key)
		copies = append(copies, filepath.Join(machine, "3.root.json"))
	}
	if said := c.key(append([]string{"collect", "%s"}, copies...)...); !strings.Contains(said, "Root 3 is complete") {
		t.Errorf("after the signatures came together:\n%s", said)
	}
	c.key("verify", "%s")

	c.deploy()
	h = start(t, c.conf)
	api = h.station(ceremonyStation)
	args := []string{"verify", "--server", h.url, "--token", h.secrets["scheduler"]}
	var served wire.Keys
	h.get("/v1/keys", &served)
	for _, k := range slices.Concat(served.Keys, served.Former) {
		args = append(args, "--trust", k.PublicKey)
	}
	if code, said := command(t, args...); code == 1 {
		t.Errorf("lifeline verify: %s", said)
	}
	for _, o := range []*outpost{linked, late} {
		o.open() // it was off
		o.follow(api, o.under(3))
	}
	var bundle bytes.Buffer
	if err := playout.WriteBundle(t.Context(), &bundle, api, playout.BundleOptions{Station: ceremonyStation, Days: 1,
		Now: time.Now()}); err != nil {
		t.Fatal(err)
	}
	if told := bundled.importBundle(bundle.Bytes()); !told.Whole || len(told.Refused) > 0 {
		t.Errorf("the bundle: %+v", told)
	}
	bundled.open()
	for name, o := range map[string]*outpost{"linked": linked, "late": late, "bundled": bundled} {
		if !o.under(3)() || o.Holdings().Recalled(&wire.QueueItem{SegmentID: "poison"}) {
			t.Errorf("%s: root %d, holdings %+v", name, o.Root().Version(), o.Holdings())
		}
		if first, second := o.take(fallback, recalls); first == nil || second == nil {
			t.Errorf("%s takes what the stolen keys signed: %v, %v", name, first, second)
		}
	}
}

// newest returns the file that matches a pattern and is not among the known ones.
func (c *ceremony) newest(pattern string, known []string) string {
	for _, name := range c.files(pattern) {
		if !strings.Contains(strings.Join(known, "\n"), name) {
			return name
		}
	}
	c.t.Fatal("there is no new one")
	return ""
}

// A root replaces the single key of a service; it first names that key, and then a key for each role.
func TestTheKeyThatSignedEverythingGivesWayToARoot(t *testing.T) {
	longform.Only(t) // one client asks one thing after another
	c := newCeremony(t)
	key, err := service.SigningKey(c.conf.Key)
	if err != nil {
		t.Fatal(err)
	}
	h := start(t, c.conf)
	var keys wire.Keys
	h.get("/v1/keys", &keys)
	h.stop()
	c.key("init", "%s", "--plain", "--current", keys.Keys[0].PublicKey)
	if made := c.files("*.key"); len(made) > 0 {
		t.Errorf("keys were made beside the current one: %q", made)
	}
	c.deploy()
	o := c.outpost()
	o.root = nil
	pinned := func() {
		if o.DocumentStore, err = playout.OpenDocumentStore(o.state, ceremonyStation, playout.Pins{
			Keys: []ed25519.PublicKey{key.Public().(ed25519.PublicKey)}}, time.Now, o.problems); err != nil {
			t.Fatal(err)
		}
	}
	pinned()
	h = start(t, c.conf)
	o.follow(h.station(ceremonyStation), o.under(1))
	h.stop()
	c.key("rotate", "queue", "%s")
	for _, root := range c.files("*.rootkey")[:2] {
		c.key("sign", "%s", "--with", root)
	}
	c.deploy()
	pinned()
	h = start(t, c.conf)
	h.get("/v1/keys", &keys)
	if keys.Root != 2 || len(keys.Keys) != 2 || keys.Keys[0].Roles[0] != "queue" || keys.Keys[1].Roles[0] != "recall" {
		t.Errorf("keys: %+v", keys)
	}
	o.follow(h.station(ceremonyStation), o.under(2))
	h.stop()

	// Without its folder, or without a key that the root names, the service signs nothing.
	whole := c.conf.Keys
	if err := os.Remove(c.files("queue-*.key")[0]); err != nil {
		t.Fatal(err)
	}
	c.conf.Keys = filepath.Join(t.TempDir(), "keys")
	if err := started(t, c.conf); !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "holds no root") {
		t.Errorf("without the folder: %v", err)
	}
	c.deploy()
	if err := started(t, c.conf); !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "for the role queue") {
		t.Errorf("without the key: %v", err)
	}
	if err := os.Remove(filepath.Join(whole, "2.root.json")); err != nil {
		t.Fatal(err)
	}
	c.conf.Keys = whole
	if err := started(t, c.conf); !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "under root 2") {
		t.Errorf("with an older root: %v", err)
	}
}

// A station learns of mirrors from the service before it needs one, by a list that only the key of their role can sign.
func TestAStationLearnsItsMirrorsFromTheServiceByTheKeyOfTheirRole(t *testing.T) {
	c := newCeremony(t)
	c.key("init", "%s", "--plain")
	c.key("rotate", "mirror", "%s")
	for _, root := range c.files("*.rootkey")[:2] {
		c.key("sign", "%s", "--with", root)
	}
	c.deploy()
	h := start(t, c.conf)
	admin := h.as("admin", access.NewToken{Name: "admin", Role: access.Admin}).Station(ceremonyStation)
	list := wire.MirrorList{Schema: wire.MirrorListSchema, Station: ceremonyStation, IssuedAt: schedules.At(time.Now()),
		Mirrors: []string{"https://one.example/x"}}
	payload, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	give := func(signer *sign.Signer) error {
		envelope, err := signer.Sign(wire.MirrorListType, payload)
		if err != nil {
			t.Fatal(err)
		}
		return admin.SetMirrorList(t.Context(), envelope)
	}
	if err := give(c.roleKey("queue", 1)); !fault.Is(err, fault.Forbidden) {
		t.Errorf("signed by the key of queues: %v", err)
	}
	if err := give(c.roleKey("mirror", 2)); err != nil {
		t.Errorf("signed by the key of mirrors: %v", err)
	}
	o := c.outpost()
	o.follow(h.station(ceremonyStation), func() bool { return o.Holdings().Mirrors != nil })
	if got := o.Holdings().Mirrors; !slices.Equal(got.Mirrors, list.Mirrors) {
		t.Errorf("the station learned %+v", got)
	}
}

func TestKeyCommandsSayWhatIsWrong(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "safe")
	succeed(t, "key", "init", dir, "--plain")
	roots, err := filepath.Glob(filepath.Join(dir, "*.rootkey"))
	if err != nil {
		t.Fatal(err)
	}
	only, err := filepath.Glob(filepath.Join(dir, "queue-1-*.key"))
	if err != nil || len(only) != 1 {
		t.Fatalf("%q, %v", only, err)
	}
	key, err := service.SigningKey(only[0])
	if err != nil {
		t.Fatal(err)
	}
	for says, args := range map[string][]string{
		"there is a root in":       {"init", dir, "--plain"},
		"holds no root":            {"show", t.TempDir()},
		"--needed from 2":          {"init", filepath.Join(t.TempDir(), "x"), "--plain", "--needed", "1"},
		"--years: must be":         {"renew", dir, "--years", "8000"},
		"must be one of":           {"rotate", "press", dir},
		"the only one of the role": {"revoke", service.KeyID(key), dir},
		"no role of the service":   {"revoke", "0123456789abcdef", dir},
		"role root has no key":     {"replace", "0123456789abcdef", dir, "--plain"},
		"is no root key of root 1": {"sign", dir, "--with", only[0]},
		"it is no root document":   {"collect", dir, roots[0]},
		"is no public key":         {"rotate", "queue", dir, "--public", "AAAA"},
	} {
		if code, said := command(t, append([]string{"key"}, args...)...); code == 0 || !strings.Contains(said, says) {
			t.Errorf("key %q: %d, not %q: %s", args, code, says, said)
		}
	}
	if said := succeed(t, "key", "verify", dir); !strings.Contains(said, "1 root") {
		t.Error(said)
	}
}

// The ceremony works as the README describes it.
func TestReadmeCeremonyWorks(t *testing.T) {
	longform.Only(t) // one client asks one thing after another
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(readme), "## Keys")
	_, walk, begun := strings.Cut(section, "```sh\n")
	walk, _, ended := strings.Cut(walk, "```")
	if !found || !begun || !ended {
		t.Fatal("the README has no ceremony")
	}
	safe := filepath.Join(t.TempDir(), "safe")
	said, words := "", strings.NewReplacer("safe", safe)
	for line := range strings.Lines(walk) {
		names, err := filepath.Glob(filepath.Join(safe, "*.rootkey"))
		if err != nil {
			t.Fatal(err)
		}
		if len(names) == 3 { // a moment ago
			id := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(names[2]), "root-"), ".rootkey")
			words = strings.NewReplacer("safe", safe, "root-A.rootkey", names[0], "root-B.rootkey", names[1], "KEYID-OF-C",
				id)
		}
		line, _, _ = strings.Cut(line, "#")
		args := strings.Fields(words.Replace(line))[1:]
		if args[1] == "init" || args[1] == "replace" {
			args = append(args, "--plain")
		}
		said = succeed(t, args...)
	}
	if !strings.Contains(said, "3 roots") {
		t.Error(said)
	}
}
