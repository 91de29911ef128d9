package commands

import (
	"bytes"
	"crypto/ed25519"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"lifeline/internal/cmdline"
	"lifeline/internal/hashchain"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// A service that forged its record would serve the key that it forged with.
func TestVerifyTrustsAPinnedKeyNeverTheOneThatIsServed(t *testing.T) {
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	t.Setenv("LIFELINE_TRUST", "")
	asked := 0
	liar := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		http.Error(w, "{}", http.StatusNotFound)
	}))
	defer liar.Close()
	var out bytes.Buffer
	code := Run(t.Context(), []string{"verify", "--server", liar.URL, "--token", "t"}, &out, &out)
	if code == cmdline.Done || asked > 0 || !strings.Contains(out.String(), "no key is pinned") ||
		!strings.Contains(out.String(), "--trust") {
		t.Errorf("without a pinned key: exit %d after %d requests: %s", code, asked, out.String())
	}
}

func TestVerifySaysWhetherTheEndsOfTheChainsWereChecked(t *testing.T) {
	proof := hashchain.Proof{Links: 3, Audit: hashchain.Audit{Named: 12}}
	known := []wire.ChainHead{{Station: "s", Number: 2}}
	const cut = "not checked: whether links were cut off at the ends of the chains"
	for want, c := range map[string]struct {
		proof hashchain.Proof
		file  []string
		known []wire.ChainHead
	}{
		cut + " (of the audit: after link 12,":                 {proof, nil, nil},
		"since heads.json has none of an earlier run\n":        {proof, []string{"heads.json"}, nil},
		"compared with those of the last run, in heads.json\n": {proof, []string{"heads.json"}, known},
	} {
		var out bytes.Buffer
		printEnds(&out, c.proof, c.file, c.known)
		if !strings.Contains(out.String(), want) {
			t.Errorf("with the files %q and %d ends: %q", c.file, len(c.known), out.String())
		}
	}
	var out bytes.Buffer
	if printEnds(&out, hashchain.Proof{}, nil, nil); out.Len() > 0 {
		t.Errorf("without any chain: %q", out.String())
	}
}

func TestTheEndsOfTheChainsAreKeptForEachKeyAndService(t *testing.T) {
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	first, second := make([]byte, ed25519.PublicKeySize), bytes.Repeat([]byte{1}, ed25519.PublicKeySize)
	at := func(server string, keys ...ed25519.PublicKey) []string {
		c := verifyCmd{}
		c.address = server
		return c.files(keys)
	}
	here := at("https://one.example", first)
	ends := []wire.ChainHead{{Station: "audit", Number: 9}, {Station: "s", Number: 2}}
	if err := writeHeads(here, ends); err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]struct {
		files []string
		want  []wire.ChainHead
	}{
		"the same":        {here, ends},
		"a further key":   {at("https://one.example", second, first), ends},
		"another key":     {at("https://one.example", second), nil},
		"another service": {at("https://two.example", first), nil},
	} {
		if got, err := readHeads(c.files); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %+v, %v", what, got, err)
		}
	}
	named := verifyCmd{Heads: "ends.json"}
	none := verifyCmd{Heads: "-"}
	if f := named.files([]ed25519.PublicKey{first}); !slices.Equal(f, []string{"ends.json"}) {
		t.Errorf("a named file: %q", f)
	}
	if f := none.files([]ed25519.PublicKey{first}); len(f) > 0 {
		t.Errorf("none: %q", f)
	}
	if left := unread(ends, ends[1:]); !slices.Equal(left, ends[:1]) {
		t.Errorf("of a chain that was not read: %+v", left)
	}
}

func TestVerifySaysThatEverythingIsAsSealedOnlyWhereTheAuditWasChecked(t *testing.T) {
	const all = "everything is as sealed"
	p := hashchain.Proof{Stations: 1, Queues: 2, Records: 3}
	var out strings.Builder
	printProof(&out, p)
	if said := out.String(); strings.Contains(said, all) || !strings.Contains(said, "and not the audit") {
		t.Errorf("without the audit it says %s", said)
	}
	since := schedules.At(time.Unix(1_800_000_000, 0))
	p.Since = &since
	out.Reset()
	if printProof(&out, p); !strings.Contains(out.String(), all) {
		t.Errorf("with the audit it says %s", out.String())
	}
}
