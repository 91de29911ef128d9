package seal

import (
	"bytes"
	"crypto/ed25519"
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
	env, err := s.Seal("application/x", payload)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := Open(env, "application/x", other, s.Public()); err != nil || !bytes.Equal(got, payload) {
		t.Fatalf("Open = %q, %v", got, err)
	}
	if _, err := Open(env, "application/y", s.Public()); err == nil {
		t.Error("opened as another type")
	}
	if _, err := Open(env, "application/x", other); err == nil {
		t.Error("opened by a key that did not sign")
	}
	for i := range env {
		bad := bytes.Clone(env)
		bad[i] ^= 1
		if got, err := Open(bad, "application/x", s.Public()); err == nil && !bytes.Equal(got, payload) {
			t.Fatalf("byte %d changed and it opened as %q", i, got)
		}
	}
}
