package commands

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"lifeline/internal/cmdline"
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
