package commands

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"lifeline/internal/cmdline"
	"lifeline/internal/hashchain"
	"lifeline/internal/wire"
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
		file  string
		known []wire.ChainHead
	}{
		cut + " (of the audit: after link 12,":                 {proof, "", nil},
		cut + ". heads.json keeps":                             {proof, "heads.json", nil},
		"compared with those of the last run, in heads.json\n": {proof, "heads.json", known},
	} {
		var out bytes.Buffer
		printEnds(&out, c.proof, c.file, c.known)
		if !strings.Contains(out.String(), want) {
			t.Errorf("with the file %q and %d ends: %q", c.file, len(c.known), out.String())
		}
	}
	var out bytes.Buffer
	if printEnds(&out, hashchain.Proof{}, "", nil); out.Len() > 0 {
		t.Errorf("without any chain: %q", out.String())
	}
}
