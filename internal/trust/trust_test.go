package trust

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"lifeline/internal/sign"
	"lifeline/internal/wire"
)

var expires = time.Date(2028, 11, 1, 0, 0, 0, 0, time.UTC)

func testKey(n byte) ed25519.PrivateKey { return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{n}, 32)) }

func public(key ed25519.PrivateKey) ed25519.PublicKey { return key.Public().(ed25519.PublicKey) }

// must returns a function that returns v, or fails the test if err is not nil.
func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// firstDraft returns a draft with the root keys 1, 2 and 3, and the keys 11, 12 and 13 of the roles.
func firstDraft(t testing.TB) *Draft {
	d := NewDraft(2, expires)
	for _, k := range []struct {
		role KeyRole
		key  byte
	}{{RootKeys, 1}, {RootKeys, 2}, {RootKeys, 3}, {Queue, 11}, {Recall, 12}, {Record, 13}} {
		if err := d.Add(k.role, public(testKey(k.key))); err != nil {
			t.Fatal(err)
		}
	}
	return d
}

func signedBy(t testing.TB, d *Draft, keys ...byte) *Root {
	t.Helper()
	r := must(d.Root())(t)
	for _, k := range keys {
		r = must(r.Sign(testKey(k)))(t)
	}
	return r
}

func TestTwoOfThreeRootKeysMakeARootAndOneDoesNot(t *testing.T) {
	if err := signedBy(t, firstDraft(t), 1).Signed(); err == nil || !strings.Contains(err.Error(), "1 of the keys") {
		t.Errorf("signed by one: %v", err)
	}
	if err := signedBy(t, firstDraft(t), 1, 1).Signed(); err == nil {
		t.Error("one key counts twice")
	}
	if err := signedBy(t, firstDraft(t), 1, 9).Signed(); err == nil {
		t.Error("a foreign key counts")
	}
	if err := signedBy(t, firstDraft(t), 3, 1).Signed(); err != nil {
		t.Errorf("signed by two: %v", err)
	}
}

func TestARootFollowsOnlyByTheThresholdsOfBoth(t *testing.T) {
	first := signedBy(t, firstDraft(t), 1, 2)
	replaced := func() *Draft { // 4 replaces the lost key 3, and 5 replaces 2
		d := must(first.Draft(expires))(t)
		for _, gone := range []byte{2, 3} {
			if err := d.Remove(RootKeys, sign.KeyID(public(testKey(gone)))); err != nil {
				t.Fatal(err)
			}
		}
		for _, come := range []byte{4, 5} {
			if err := d.Add(RootKeys, public(testKey(come))); err != nil {
				t.Fatal(err)
			}
		}
		return d
	}
	for _, c := range []struct {
		by    []byte
		holds bool
	}{{[]byte{1, 2}, false}, {[]byte{4, 5}, false}, {[]byte{1, 4}, false}, {[]byte{1, 4, 5}, false},
		{[]byte{1, 2, 4}, true}, {[]byte{2, 3, 4, 5}, true}} {
		if err := first.Next(signedBy(t, replaced(), c.by...)); (err == nil) != c.holds {
			t.Errorf("signed by %v: %v", c.by, err)
		}
	}
	second := signedBy(t, replaced(), 1, 2, 4)
	third := signedBy(t, must(second.Draft(expires))(t), 1, 4)
	chain, err := Walk(first, [][]byte{second.Bytes(), third.Bytes()})
	if err != nil || len(chain) != 3 {
		t.Errorf("%d roots, %v", len(chain), err)
	}
	if err := first.Next(third); err == nil {
		t.Error("a root was left out")
	}
	if err := second.Next(first); err == nil {
		t.Error("it went back")
	}
	if chain, err := Walk(first, [][]byte{third.Bytes()}); err == nil || len(chain) != 1 {
		t.Errorf("%d roots, %v", len(chain), err)
	}
}

// Signatures collected on separate machines are merged into one root.
func TestSignaturesOfSeparateMachinesComeTogether(t *testing.T) {
	one, two := signedBy(t, firstDraft(t), 1), signedBy(t, firstDraft(t), 3)
	both := must(one.Merge(two, one))(t)
	if err := both.Signed(); err != nil {
		t.Error(err)
	}
	other := firstDraft(t)
	if err := other.Add(Mirror, public(testKey(14))); err != nil {
		t.Fatal(err)
	}
	if _, err := one.Merge(signedBy(t, other, 2)); err == nil || !strings.Contains(err.Error(), "different") {
		t.Errorf("of another root: %v", err)
	}
}

func TestARootThatMakesNoSenseIsRefused(t *testing.T) {
	good := signedBy(t, firstDraft(t), 1, 2)
	change := func(t *testing.T, edit func(signed map[string]any)) []byte {
		var whole map[string]any
		d := json.NewDecoder(bytes.NewReader(good.Bytes()))
		d.UseNumber()
		if err := d.Decode(&whole); err != nil {
			t.Fatal(err)
		}
		edit(whole["signed"].(map[string]any))
		return must(json.Marshal(whole))(t)
	}
	role := func(signed map[string]any, name KeyRole) map[string]any {
		return signed["roles"].(map[string]any)[string(name)].(map[string]any)
	}
	keyOf := func(signed map[string]any, name KeyRole) string {
		return role(signed, name)["keyids"].([]any)[0].(string)
	}
	for says, edit := range map[string]func(map[string]any){
		"it has no role":       func(s map[string]any) { delete(s["roles"].(map[string]any), "recall") },
		"may sign alone":       func(s map[string]any) { role(s, RootKeys)["threshold"] = 1 },
		"cannot sign":          func(s map[string]any) { role(s, RootKeys)["threshold"] = 4 },
		"of its 1 keys cannot": func(s map[string]any) { role(s, Queue)["threshold"] = 0 },
		"it has no key":        func(s map[string]any) { role(s, Queue)["keyids"] = []any{} },
		"has a root key":       func(s map[string]any) { role(s, Queue)["keyids"] = []any{keyOf(s, RootKeys)} },
		"is there twice": func(s map[string]any) {
			role(s, Mirror)["keyids"] = []any{keyOf(s, Queue), keyOf(s, Queue)}
		},
		"is not there":                  func(s map[string]any) { delete(s["keys"].(map[string]any), keyOf(s, Queue)) },
		"its version is 0":              func(s map[string]any) { s["version"] = 0 },
		"its version is 92":             func(s map[string]any) { s["version"] = json.Number("9223372036854775807") },
		"version \"2.0\" of the format": func(s map[string]any) { s["spec_version"] = "2.0" },
		"no root document":              func(s map[string]any) { s["_type"] = "timestamp" },
		"that of another key": func(s map[string]any) {
			keys := s["keys"].(map[string]any)
			keys[keyOf(s, Queue)] = keys[keyOf(s, Recall)]
		},
		"no Ed25519 key": func(s map[string]any) {
			s["keys"].(map[string]any)[keyOf(s, Queue)].(map[string]any)["keyval"] = map[string]any{"public": "00"}
		},
		"more than 64 keys": func(s map[string]any) {
			for n := range mostKeys + 1 {
				s["roles"].(map[string]any)[fmt.Sprint("r", n)] = role(s, Mirror)
			}
		},
		"when it expires": func(s map[string]any) { s["expires"] = "0001-01-01T00:00:00Z" },
	} {
		if _, err := ParseRoot(change(t, edit)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", says, err)
		}
	}
	if _, err := ParseRoot(append(good.Bytes(), bytes.Repeat([]byte(" "), MaxRoot)...)); err == nil {
		t.Error("a document without end is read")
	}
	if _, err := ParseRoot(change(t, func(map[string]any) {})); err != nil {
		t.Errorf("unchanged: %v", err)
	}
	changed, err := ParseRoot(change(t, func(s map[string]any) { s["expires"] = "2040-01-01T00:00:00Z" }))
	if err != nil || changed.Signed() == nil {
		t.Errorf("what was changed after it was signed is believed: %v", err)
	}
}

func TestEachKeySignsForItsRoleAlone(t *testing.T) {
	root := signedBy(t, firstDraft(t), 1, 2)
	ring := must(NewKeyring(root, []ed25519.PrivateKey{testKey(13), testKey(12), testKey(99), testKey(11)}))(t)
	for payloadType, key := range map[string]byte{wire.QueueType: 11, wire.FallbackType: 11, wire.RecallsType: 12,
		wire.LeaseType: 12, wire.FreshnessType: 12, wire.LinkType: 13} {
		env := must(ring.Sign(payloadType, []byte("{}")))(t)
		if _, err := sign.Verify(env, payloadType, root.Keys(RoleOf(payloadType))...); err != nil {
			t.Errorf("%s: %v", payloadType, err)
		}
		if id := sign.KeyID(public(testKey(key))); ring.KeyID(payloadType) != id {
			t.Errorf("%s is signed by %s, not %s", payloadType, ring.KeyID(payloadType), id)
		}
		for _, role := range Online {
			if _, err := sign.Verify(env, payloadType, root.Keys(role)...); role != RoleOf(payloadType) && err == nil {
				t.Errorf("%s opens by the key of %s", payloadType, role)
			}
		}
	}
	if _, err := ring.Sign("text/plain", nil); err == nil {
		t.Error("what has no role is signed")
	}
	if _, err := NewKeyring(root, []ed25519.PrivateKey{testKey(11), testKey(12)}); err == nil ||
		!strings.Contains(err.Error(), "role record") {
		t.Errorf("without the key of a role: %v", err)
	}
}

// No chain of roots is accepted that the pinned keys did not sign, whatever it contains.
func FuzzWalkBelievesOnlyWhatThePinnedKeysSigned(f *testing.F) {
	first := signedBy(f, firstDraft(f), 1, 2)
	second := signedBy(f, must(first.Draft(expires))(f), 1, 3)
	third := signedBy(f, must(second.Draft(expires))(f), 2, 3)
	thief := must(first.Draft(expires.AddDate(1, 0, 0)))(f)
	f.Add(second.Bytes(), third.Bytes())
	f.Add(third.Bytes(), second.Bytes())
	f.Add(signedBy(f, thief, 1).Bytes(), []byte("{}"))
	f.Add([]byte(`{"signed":{"_type":"root","roles":{"root":null}}}`), []byte(`{"signed":null}`))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		chain, err := Walk(first, [][]byte{a, b})
		if (err == nil) != (len(chain) == 3) {
			t.Fatalf("%d roots, %v", len(chain), err)
		}
		for i, known := range []*Root{first, second, third}[:len(chain)] {
			if !Same(chain[i], known) {
				t.Fatalf("root %d is believed: %s", i+1, chain[i].Bytes())
			}
		}
	})
}
