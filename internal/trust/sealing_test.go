package trust

import (
	"bytes"
	"testing"

	"lifeline/internal/fault"
)

func TestOnlyItsKeyOpensWhatIsSealedAndOnlyForItsPurpose(t *testing.T) {
	secret := bytes.Repeat([]byte{7}, 32)
	key := must(DerivedSealingKey(secret))(t)
	sealed := must(Seal(key.Public(), "to enrol", []byte("7K3F")))(t)
	if got, err := must(DerivedSealingKey(secret))(t).Open("to enrol", sealed); err != nil || string(got) != "7K3F" {
		t.Errorf("%q, %v", got, err)
	}
	changed := bytes.Clone(sealed)
	changed[len(changed)-1] ^= 1
	for what, c := range map[string]struct {
		key     SealingKey
		purpose string
		sealed  []byte
	}{"another key": {must(NewSealingKey())(t), "to enrol", sealed}, "another purpose": {key, "to answer", sealed},
		"changed": {key, "to enrol", changed}, "cut": {key, "to enrol", sealed[:5]}, "nothing": {key, "to enrol", nil}} {
		if got, err := c.key.Open(c.purpose, c.sealed); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %q, %v", what, got, err)
		}
	}
	if _, err := Seal(make([]byte, 32), "to enrol", nil); err == nil {
		t.Error("it is sealed to a point of low order")
	}
}
