package endtoend

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"lifeline/internal/access"
	"lifeline/internal/cmdline"
	"lifeline/internal/harness/longform"
	"lifeline/internal/wire"
)

// Who cuts a chain off may also change the file that would tell, or withhold the chain of the audit.
func TestVerifyAsksWhereTheEndOfAChainIsNotKept(t *testing.T) {
	longform.Only(t)
	t.Parallel()
	dir := furnish(t)
	h := open(t, dir)
	h.publish([]string{"harbour-dawn"}, keptDay)
	h.stop()
	heads := filepath.Join(t.TempDir(), "heads.json")
	verify := []string{"verify", "--direct", "--data", dir, "--heads", heads}
	succeed(t, append(verify, "--accept-heads")...)
	h = open(t, dir)
	h.publish([]string{"lantern-coast"}, keptDay) // its chain begins now
	trust := "--trust=" + servedKey(h)
	h.as("viewer", access.NewToken{Name: "Vera", Role: access.Viewer})
	viewer := terminalOf{h, t, h.secrets["viewer"]}
	if out, why, code := viewer.run("verify", trust, "--heads", heads); code != cmdline.Partly ||
		!strings.Contains(string(out)+string(why), "the audit was not verified: the service does not show it") {
		t.Errorf("without the audit: %d %s%s", code, out, why)
	}
	h.stop()
	succeed(t, verify...)
	b, err := os.ReadFile(heads)
	var all []wire.ChainHead
	if err == nil {
		err = json.Unmarshal(b, &all)
	}
	if err != nil || len(all) < 3 {
		t.Fatalf("kept are %v, %v", all, err)
	}
	for _, gone := range all {
		left, err := json.Marshal(slices.DeleteFunc(slices.Clone(all), func(h wire.ChainHead) bool { return h == gone }))
		if err == nil {
			err = os.WriteFile(heads, left, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // a failure keeps nothing
			code, out := command(t, verify...)
			if code != cmdline.Partly || !strings.Contains(out, "was not checked for "+gone.Station) {
				t.Errorf("without the end of %s: %d %s", gone.Station, code, out)
			}
		}
	}
	succeed(t, append(verify, "--accept-heads")...)
	succeed(t, verify...)
}
