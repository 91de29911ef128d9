package trust

import (
	"bytes"
	"io"
	"testing"

	"filippo.io/age"

	"lifeline/internal/sign"
)

func TestAStationsIdentitySignsAndDecryptsAfterItWasKept(t *testing.T) {
	made := must(NewStationIdentity())(t)
	kept := must(made.Stored().Identity())(t)
	env := must(kept.Signer().Sign("application/x", []byte("aired")))(t)
	if got, err := sign.Verify(env, "application/x", made.Signer().Public()); err != nil || string(got) != "aired" {
		t.Errorf("%q, %v", got, err)
	}
	var encrypted bytes.Buffer
	w := must(age.Encrypt(&encrypted, must(ParseRecipient(made.Recipient()))(t)))(t)
	_ = must(io.WriteString(w, "queue"))(t)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if got := must(io.ReadAll(must(age.Decrypt(&encrypted, kept.Age()))(t)))(t); string(got) != "queue" {
		t.Errorf("%q", got)
	}
	for what, bad := range map[string]StoredIdentity{"nothing": {}, "without an age identity": {Seed: made.Stored().Seed},
		"without a seed": {Decrypt: made.Stored().Decrypt}} {
		if _, err := bad.Identity(); err == nil {
			t.Errorf("%s is an identity", what)
		}
	}
	for _, bad := range []string{"", "age1", made.Stored().Decrypt, "ssh-ed25519 AAAA"} {
		if _, err := ParseRecipient(bad); err == nil {
			t.Errorf("%q is a recipient", bad)
		}
	}
}
