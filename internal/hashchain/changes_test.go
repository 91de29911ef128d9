package hashchain

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"strings"
	"testing"

	"lifeline/internal/sign"
)

// made returns a change that a program with the key made, over a revision.
func made(t *testing.T, seed byte, sequence, revision, over int64, digest string) Change {
	t.Helper()
	s, err := sign.NewSigner(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	c := Change{Sequence: sequence, Kind: "segment", ID: "news", Revision: revision, AtMs: 1000, Action: "segment.approve"}
	c.Fields = fmt.Sprintf(`{"digest":%q,"signature":%q}`, digest, s.SignChange(sign.Change{Kind: c.Kind, ID: c.ID,
		Over: over, Digest: digest, AtMs: c.AtMs, Action: c.Action}))
	return c
}

func publicOf(seed byte) ed25519.PublicKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, 32)).Public().(ed25519.PublicKey)
}

func TestChangeThatNoProgramWithTheKeyMadeIsFound(t *testing.T) {
	first := made(t, 1, 5, 1, 0, "a")
	with := func(change func(c *Change)) []Change {
		next := made(t, 1, 6, 2, 1, "b")
		change(&next)
		return []Change{first, next}
	}
	for name, c := range map[string]struct {
		changes []Change
		says    string
	}{
		"signed ones":   {with(func(*Change) {}), ""},
		"made again":    {[]Change{first, made(t, 1, 6, 3, 0, "b")}, ""},
		"a note":        {with(func(c *Change) { c.Kind, c.ID, c.Fields = "", "", "" }), ""},
		"of before":     {[]Change{{Sequence: 4, Kind: "segment", ID: "old", Revision: 1}, first}, ""},
		"a set back":    {with(func(c *Change) { c.Kind, c.Action, c.Fields = floorKind, ActionSetBack, "" }), ""},
		"unsigned":      {with(func(c *Change) { c.Fields = `{"digest":"b"}` }), "entry 6 of the audit was stored without"},
		"deleted":       {with(func(c *Change) { c.Deleted = true }), "entry 6 of the audit has a signature that is not"},
		"another id":    {with(func(c *Change) { c.ID = "x" }), "is not of a trusted key, or of another change"},
		"another kind":  {with(func(c *Change) { c.Kind = "x" }), "is not of a trusted key"},
		"later":         {with(func(c *Change) { c.AtMs++ }), "is not of a trusted key"},
		"another act":   {with(func(c *Change) { c.Action = "x" }), "is not of a trusted key"},
		"moved on":      {with(func(c *Change) { c.Revision = 3 }), "is not of a trusted key"},
		"another body":  {with(func(c *Change) { c.Fields = strings.Replace(c.Fields, `"b"`, `"c"`, 1) }), "is not of a"},
		"another key":   {[]Change{first, made(t, 2, 6, 2, 1, "b")}, "is not of a trusted key"},
		"an old one":    {[]Change{first, made(t, 1, 6, 9, 0, "a")}, "has the signature of entry 5"},
		"a lost former": {[]Change{made(t, 3, 11, 1, 0, "a")}, "is not of a trusted key"},
		"a former":      {[]Change{made(t, 3, 9, 1, 0, "a")}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			all := NewChanges([]ed25519.PublicKey{publicOf(1)})
			all.TrustUntil(made(t, 1, 10, 2, 1, "keys"), []ed25519.PublicKey{publicOf(3)})
			var told []string
			for _, c := range c.changes {
				if problem := all.Problem(c); problem != "" {
					told = append(told, problem)
				}
			}
			if says := strings.Join(told, "\n"); c.says == "" && says != "" || !strings.Contains(says, c.says) {
				t.Errorf("it says %q, and not %q", says, c.says)
			}
		})
	}
	all := NewChanges([]ed25519.PublicKey{publicOf(1)})
	all.TrustUntil(made(t, 3, 10, 2, 1, "keys"), []ed25519.PublicKey{publicOf(3)})
	if all.Problem(made(t, 3, 9, 1, 0, "a")) == "" {
		t.Error("keys are trusted that who has the key did not name")
	}
	all.Begin()
	if all.Problem(Change{Sequence: 1, Kind: "segment", ID: "x", Revision: 1}) == "" {
		t.Error("a store whose every signature was taken away is whole")
	}
}
