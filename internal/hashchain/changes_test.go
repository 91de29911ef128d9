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
			all := NewChanges([]ed25519.PublicKey{publicOf(1)}, nil)
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
	all := NewChanges([]ed25519.PublicKey{publicOf(1)}, nil)
	all.TrustUntil(made(t, 3, 10, 2, 1, "keys"), []ed25519.PublicKey{publicOf(3)})
	if all.Problem(made(t, 3, 9, 1, 0, "a")) == "" {
		t.Error("keys are trusted that who has the key did not name")
	}
	all.Begin()
	if all.Problem(Change{Sequence: 1, Kind: "segment", ID: "x", Revision: 1}) == "" {
		t.Error("a store whose every signature was taken away is whole")
	}
}

// texted returns a change whose signature covers its texts; without a kind, it is a note.
func texted(t *testing.T, sequence int64, kind string) Change {
	t.Helper()
	s, err := sign.NewSigner(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	c := Change{Sequence: sequence, Kind: kind, AtMs: 1000 + sequence, Action: "segment.recall", By: "Hana",
		Reason: "danger", RequestID: "r1", Person: "p1", Token: "t1", Remote: "192.0.2.1", Fields: `{"times":2,"salt":"c2FsdA"}`}
	if kind != "" {
		c.ID, c.Revision = "news", sequence
	}
	texts := sign.Texts{By: c.By, Reason: c.Reason, RequestID: c.RequestID, Person: c.Person, Token: c.Token,
		Remote: c.Remote, Fields: c.Fields}.Digest()
	c.Fields = fmt.Sprintf(`{"times":2,"salt":"c2FsdA","texts":%q,"signature":%q}`, texts, s.SignChange(sign.Change{
		Kind: kind, ID: c.ID, Over: max(c.Revision-1, 0), AtMs: c.AtMs, Action: c.Action, Texts: texts}))
	return c
}

func TestChangeThatDoesNotSayAnyMoreWhatItSaidIsFound(t *testing.T) {
	const lost = "does not say any more by whom, why or of what it was"
	for name, c := range map[string]struct {
		change func(c *Change)
		says   string
	}{
		"as it is":        {func(*Change) {}, ""},
		"by another":      {func(c *Change) { c.By = "Abel" }, lost},
		"another reason":  {func(c *Change) { c.Reason = "" }, lost},
		"another request": {func(c *Change) { c.RequestID = "" }, lost},
		"another person":  {func(c *Change) { c.Person = "p2" }, lost},
		"another token":   {func(c *Change) { c.Token = "" }, lost},
		"another address": {func(c *Change) { c.Remote = "" }, lost},
		"other fields":    {func(c *Change) { c.Fields = strings.Replace(c.Fields, "2", "3", 1) }, lost},
		"another digest": {func(c *Change) { c.Fields = strings.Replace(c.Fields, `texts":"`, `texts":"x`, 1) },
			"is not of a"},
		"seemingly erased": {func(c *Change) { c.Fields = strings.Replace(c.Fields, "salt", "x", 1) }, lost},
		"erased": {func(c *Change) {
			c.Sequence, c.By = 7, "[erased]"
			c.Fields = strings.Replace(c.Fields, `"times":2,"salt":"c2FsdA",`, "", 1)
		}, ""},
		"unsigned": {func(c *Change) { c.Fields = "" }, "was stored without the service's key"},
	} {
		for _, kind := range []string{"", "segment"} {
			t.Run(name+" "+kind, func(t *testing.T) {
				all := NewChanges([]ed25519.PublicKey{publicOf(1)}, func(sequence int64) bool { return sequence == 7 })
				if problem := all.Problem(texted(t, 5, "segment")); problem != "" {
					t.Fatal(problem)
				}
				next := texted(t, 6, kind)
				c.change(&next)
				if says := all.Problem(next); (says == "") != (c.says == "") || !strings.Contains(says, c.says) {
					t.Errorf("it says %q, and not %q", says, c.says)
				}
			})
		}
	}
}
