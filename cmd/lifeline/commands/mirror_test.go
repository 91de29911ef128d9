package commands

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"lifeline/internal/cmdline"
	"lifeline/internal/fault"
	"lifeline/internal/mirror"
	"lifeline/internal/mirror/push"
	"lifeline/internal/sign"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// mirroredService answers what a push asks for. Its station lantern has enrolled, and harbour has not.
type mirroredService struct {
	*httptest.Server
	signer *sign.Signer
	key    *age.X25519Identity
	root   int64
	down   bool

	list []byte // envelope of the list of mirrors of lantern
	sent int    // lists
}

func newMirroredService(t *testing.T) *mirroredService {
	signer, err := sign.NewSigner(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	s := &mirroredService{signer: signer}
	if s.key, err = age.GenerateX25519Identity(); err != nil {
		t.Fatal(err)
	}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *mirroredService) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	signed := func(payloadType string, v any) {
		payload, _ := json.Marshal(v)
		envelope, _ := s.signer.Sign(payloadType, payload)
		_, _ = w.Write(envelope)
	}
	now := schedules.At(time.Now())
	answer := func(v any) { _ = json.NewEncoder(w).Encode(v) }
	switch path := r.URL.Path; {
	case s.down:
		w.WriteHeader(http.StatusServiceUnavailable)
	case path == "/v1/keys":
		answer(wire.Keys{Root: s.root, Keys: []wire.Key{{ID: s.signer.KeyID(), Algorithm: "ed25519",
			PublicKey: base64.StdEncoding.EncodeToString(s.signer.Public()), Roles: []string{"queue"}}}})
	case path == "/v1/status":
		answer(wire.Page[wire.Status]{Items: []wire.Status{{Station: "harbour"}, {Station: "lantern"}}})
	case path == "/v1/stations/lantern/keys":
		answer(wire.Page[wire.StationKey]{Items: []wire.StationKey{{State: "replaced", Recipient: "age1old"},
			{State: "active", Recipient: s.key.Recipient().String()}}})
	case path == "/v1/stations/harbour/keys":
		answer(wire.Page[wire.StationKey]{Items: []wire.StationKey{}})
	case path == "/v1/stations/lantern/fallback.dsse":
		signed(wire.FallbackType, wire.Fallback{Schema: wire.FallbackSchema, Station: "lantern", Revision: 1, IssuedAt: now})
	case path == "/v1/stations/lantern/freshness.dsse":
		signed(wire.FreshnessType, wire.Freshness{Schema: wire.FreshnessSchema, Station: "lantern", At: now})
	case path == "/v1/stations/lantern/mirrors":
		s.list, _ = io.ReadAll(r.Body)
		s.sent++
		w.WriteHeader(http.StatusNoContent)
	case path == "/v1/stations/lantern/mirrors.dsse" && s.list != nil:
		_, _ = w.Write(s.list)
	default:
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusNotFound)
		answer(wire.Problem{Status: http.StatusNotFound, Title: "Not found"})
	}
}

// pushing returns the command for a service whose key is in a file.
func (s *mirroredService) pushing(t *testing.T, targets ...string) *mirrorPushCmd {
	t.Helper()
	dir := t.TempDir()
	c := &mirrorPushCmd{remote: remote{Server: s.URL, Token: "token"}, Targets: targets, Days: 7, Files: dir,
		Life: time.Hour, Keep: time.Hour, Key: filepath.Join(dir, "signing.key"), Keys: t.TempDir(),
		targetAccess: targetAccess{Silence: time.Second}}
	seed := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32))
	if err := os.WriteFile(c.Key, []byte(seed+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := c.AfterApply(); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestMirrorPushGivesEachEnrolledStationItsPointer(t *testing.T) {
	s, target := newMirroredService(t), t.TempDir()
	var out bytes.Buffer
	if err := s.pushing(t, target).Run(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	if said := out.String(); !strings.Contains(said, "harbour is left out") || !strings.Contains(said, "2 files sent") {
		t.Errorf("it says %s", said)
	}
	b, err := os.ReadFile(filepath.Join(target, mirror.PointerName(s.key.Recipient().String())))
	if err != nil {
		t.Fatal(err)
	}
	envelope, err := mirror.OpenBytes(b, wire.MostPointerBytes, s.key)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sign.Verify(envelope, wire.MirrorPointerType, s.signer.Public()); err != nil {
		t.Error(err)
	}
}

func TestMirrorPushSaysWhatFailed(t *testing.T) {
	s := newMirroredService(t)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, good := t.Context(), t.TempDir()
	for _, c := range []struct {
		name string
		make func(c *mirrorPushCmd)
		code int
		says string
	}{
		{"one target of two", func(c *mirrorPushCmd) { c.Targets = []string{file, good} }, cmdline.Partly, file},
		{"the only target", func(c *mirrorPushCmd) { c.Targets = []string{file} }, cmdline.Failed, file},
		{"a station that has not enrolled", func(c *mirrorPushCmd) { c.Station = []string{"harbour"} }, cmdline.Nothing,
			"no station has a key"},
		{"no key that signs", func(c *mirrorPushCmd) { c.Key = file + "none" }, cmdline.Failed, "--keys"},
		{"no key of the role", func(*mirrorPushCmd) { s.root = 3 }, cmdline.Failed, "lifeline key rotate mirror"},
		{"the service", func(*mirrorPushCmd) { s.root, s.down = 0, true }, cmdline.Later, ""},
	} {
		push := s.pushing(t, good)
		c.make(push)
		err := push.Run(ctx, &bytes.Buffer{})
		if cmdline.CodeOf(err) != c.code || err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: exit code %d, %v", c.name, cmdline.CodeOf(err), err)
		}
	}
}

func TestMirrorPushTellsOfFailuresByItsFigures(t *testing.T) {
	f := newPushFigures([]string{"/one", "/two"})
	health := func() int {
		w := httptest.NewRecorder()
		f.health(w, nil)
		return w.Code
	}
	failing := func(target string) bool {
		families, err := f.registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, family := range families {
			for _, m := range family.GetMetric() {
				if family.GetName() == "lifeline_mirror_push_failing" && m.GetLabel()[0].GetValue() == target {
					return m.GetGauge().GetValue() == 1
				}
			}
		}
		t.Fatalf("there is no figure of %s", target)
		return false
	}
	broken := errors.New("out of reach")
	f.failed(broken) // before it came to a target
	if health() != http.StatusServiceUnavailable || !failing("/one") || !failing("/two") {
		t.Error("a service that does not answer is not told")
	}
	f.tell("/one", nil)
	f.tell("/two", broken)
	f.failed(broken)
	if health() != http.StatusServiceUnavailable || failing("/one") || !failing("/two") {
		t.Error("one target that fails is not told")
	}
	f.tell("/one", nil)
	f.tell("/two", nil)
	f.done()
	if health() != http.StatusOK || failing("/two") {
		t.Error("a push that succeeds does not end the failure")
	}
}

// Stations learn the mirrors from the service while the link works, before they need them.
func TestMirrorPushGivesTheServiceTheListWhenItChanges(t *testing.T) {
	s := newMirroredService(t)
	c := s.pushing(t, t.TempDir())
	push := func(sent int) {
		t.Helper()
		if err := c.Run(t.Context(), io.Discard); err != nil {
			t.Fatal(err)
		}
		if s.sent != sent {
			t.Errorf("%d lists were sent, not %d", s.sent, sent)
		}
	}
	push(0) // there is nothing to tell
	c.Public, c.Drops = []string{"https://one.example"}, s.key.Recipient().String()
	push(1)
	push(1)
	c.Public = []string{"https://two.example"}
	push(2)
	var list wire.MirrorList
	payload, err := sign.Verify(s.list, wire.MirrorListType, s.signer.Public())
	if err == nil {
		err = json.Unmarshal(payload, &list)
	}
	if err != nil || list.Station != "lantern" || list.Drops != c.Drops || !slices.Equal(list.Mirrors, c.Public) {
		t.Errorf("the list is %s, %v", payload, err)
	}
	s.list = bytes.Replace(s.list, []byte(s.signer.KeyID()), []byte("0123456789abcdef"), 1) // of a key before
	push(3)
	c.Public, c.Drops = nil, ""
	push(4)
	push(4)
}

func TestAPlaceOutOfReachIsNoReasonToLookForTheService(t *testing.T) {
	const hint = "--server"
	var told strings.Builder
	if _, err := pushTo(t.Context(), nil, "/dev/null/www", push.Credentials{}); !errors.As(err, new(elsewhere)) {
		t.Errorf("a failure of the place counts as one of the service: %v", err)
	}
	tell(&told, fmt.Errorf("s3: %w", elsewhere{fault.New(fault.Unavailable, "the bucket cannot be used")}))
	if strings.Contains(told.String(), hint) {
		t.Errorf("of a place it says %s", told.String())
	}
	if tell(&told, fault.New(fault.Unavailable, "the service is down")); !strings.Contains(told.String(), hint) {
		t.Errorf("of the service it says %s", told.String())
	}
}
