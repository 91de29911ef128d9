package sign

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"strings"
	"testing"
)

func TestOnlyExactBytesOfThePinnedKeyOpen(t *testing.T) {
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32))
	other := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{8}, 32)).Public().(ed25519.PublicKey)
	s, err := NewSigner(key)
	if err != nil {
		t.Fatal(err)
	}
	payload := []byte(`{"a": 1}` + "\n")
	env, err := s.Sign("application/x", payload)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := Verify(env, "application/x", other, s.Public()); err != nil || !bytes.Equal(got, payload) {
		t.Fatalf("Open = %q, %v", got, err)
	}
	if _, err := Verify(env, "application/y", s.Public()); err == nil {
		t.Error("opened as another type")
	}
	if _, err := Verify(env, "application/x", other); err == nil {
		t.Error("opened by a key that did not sign")
	}
	for i := range env {
		bad := bytes.Clone(env)
		bad[i] ^= 1
		if got, err := Verify(bad, "application/x", s.Public()); err == nil && !bytes.Equal(got, payload) {
			t.Fatalf("byte %d changed and it opened as %q", i, got)
		}
	}
}

// The error for a refused document names the key that signed it and the keys that this station trusts.
func TestRefusedSignatureNamesTheKeys(t *testing.T) {
	ours, err := NewSigner(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := NewSigner(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{2}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	signed, err := theirs.Sign("type", []byte("{}"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err = Verify(signed, "type", ours.Public()); err == nil || !strings.Contains(err.Error(),
		KeyID(theirs.Public())) || !strings.Contains(err.Error(), KeyID(ours.Public())) {
		t.Errorf("another key: %v", err)
	}
	changed := bytes.Replace(signed, []byte(base64.StdEncoding.EncodeToString([]byte("{}"))),
		[]byte(base64.StdEncoding.EncodeToString([]byte("[]"))), 1)
	if _, err = Verify(changed, "type", theirs.Public()); err == nil || !strings.Contains(err.Error(),
		"changed on the way") {
		t.Errorf("a changed document: %v", err)
	}
}

// The signatures are read before they are verified: a long list must not fill the memory.
func TestAnEnvelopeWithEndlessSignaturesIsRefusedBeforeTheyAreRead(t *testing.T) {
	s, err := NewSigner(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	signed, err := s.Sign("type", []byte("{}"))
	if err != nil {
		t.Fatal(err)
	}
	endless := bytes.Replace(signed, []byte(`"signatures":[`), []byte(`"signatures":[`+strings.Repeat("{},", 1<<20)), 1)
	if bytes.Equal(endless, signed) {
		t.Fatal("the envelope has another form")
	}
	used := testing.AllocsPerRun(1, func() {
		if _, err := Verify(endless, "type", s.Public()); err == nil || !strings.Contains(err.Error(), "signatures") {
			t.Errorf("%v", err)
		}
		if ids := Signers(endless); len(ids) > 0 {
			t.Errorf("%d signers", len(ids))
		}
	})
	if used > 1000 {
		t.Errorf("it took %.0f allocations", used)
	}
	if ids := Signers(signed); len(ids) != 1 || ids[0] != s.KeyID() {
		t.Errorf("the signers are %v", ids)
	}
}
