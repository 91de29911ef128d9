package endtoend

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lifeline/internal/harness/longform"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// A season's schedule becomes a station's windows: shown, applied, edited, and exported.
func TestSeasonScheduleAtTheTerminal(t *testing.T) {
	longform.Only(t) // one client asks one thing after another
	t.Parallel()
	h := open(t, furnish(t))
	minjun := terminalOf{h, t, h.secrets["scheduler"]}
	network := "clocks:\n- {id: long, length_ms: 3600000, positions: [{id: rest, fill: {kinds: [music, testimony]}}]}\n" +
		"stations:\n- {id: far-relay, name: Far Relay, timezone: Asia/Tashkent, languages: [ko-KP, cmn-Hans], freeze_ms: " +
		"0, fallback: [evergreen-ko-1], windows: []}\n"
	if _, err := h.scheduler.Apply(t.Context(), strings.NewReader(network), false); err != nil {
		t.Fatal(err)
	}
	season := filepath.Join("..", "..", "internal", "hfcc", "testdata", "a26.txt")
	args := []string{"hfcc", "import", season, "--station", "far-relay", "--broadcaster", "LLR"}
	station := func() (st schedules.Station) {
		t.Helper()
		h.get(wire.Station("far-relay"), &st)
		return st
	}

	if out, wrong, code := minjun.run(append(args, "--yes")...); code != 1 || !strings.Contains(wrong,
		"line 6: the window a26-llr-1300-9467 is new: say which clock it follows") {
		t.Errorf("without a clock: %d %s %s", code, out, wrong)
	}
	args = append(args, "--clock", "long")
	want(t, minjun.says(append(args, "--dry-run")...), "update     station far-relay", "+  id: a26-llr-1300-9467",
		"also_khz:", "DTSTART:20260329T130000", "FREQ=WEEKLY;BYDAY=SU,SA")
	if n := len(station().Windows); n != 0 {
		t.Fatalf("a look made %d windows", n)
	}
	want(t, minjun.says(append(args, "--yes")...), "1 change applied")
	want(t, minjun.says(append(args, "--yes")...), "everything is as the file says")
	made := station()
	if len(made.Windows) != 4 {
		t.Fatalf("%+v", made.Windows)
	}
	occurrences, err := made.Occurrences(time.Date(2026, 10, 24, 0, 0, 0, 0, time.UTC), time.Date(2026, 11, 24, 0, 0, 0, 0,
		time.UTC))
	if err != nil || len(occurrences) != 2 || occurrences[1].StartAt.String() != "2026-10-24T14:00:00.000Z" {
		t.Errorf("on the season's last day and after it: %v %v", occurrences, err)
	}

	// The export equals the import, here and at a station without windows; the YAML can be edited by hand.
	exported := filepath.Join(t.TempDir(), "own.txt")
	text := minjun.says("hfcc", "export", "far-relay", "--season", "A26", "--broadcaster", "LLR")
	want(t, text, "; A26 far-relay ", " 5987 1300 1400 ", "@a26-llr-1300-9467")
	if err := os.WriteFile(exported, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	want(t, minjun.says("hfcc", "import", exported, "--station", "far-relay", "--yes"), "everything is as the file says")
	edited := minjun.says("hfcc", "import", exported, "--station", "far-relay", "--output", "yaml")
	edited = strings.Replace(edited, "name: Far Relay", "name: Farther Relay", 1)
	yaml := filepath.Join(t.TempDir(), "station.yaml")
	if err := os.WriteFile(yaml, []byte(edited), 0o600); err != nil {
		t.Fatal(err)
	}
	want(t, minjun.says("apply", "-f", yaml, "--yes"), "  -name: Far Relay", "  +name: Farther Relay", "1 change applied")
	h.changeStation("far-relay", func(s *schedules.Station) { s.Windows = nil })
	want(t, minjun.says("hfcc", "import", exported, "--station", "far-relay", "--clock", "long", "--yes"),
		"1 change applied")
	if again := station(); !bytes.Equal(encodedWindows(t, again), encodedWindows(t, made)) {
		t.Errorf("%+v\nwere\n%+v", again.Windows, made.Windows)
	}

	// Windows that another station has are refused as duplicates; a repeated row is the station's own; overlapping times
	// are refused if they are still to come, as in this future season.
	b, err := os.ReadFile(season)
	if err != nil {
		t.Fatal(err)
	}
	far := filepath.Join(t.TempDir(), "far.txt")
	shifted := strings.NewReplacer("290326", "250346", "251026", "281046", "310826", "310846", "010526", "010546",
		"300526", "300546", "010426", "040446", "A26", "A46")
	if err := os.WriteFile(far, []byte(shifted.Replace(string(b))), 0o600); err != nil {
		t.Fatal(err)
	}
	want(t, minjun.says("hfcc", "import", far, "--station", "far-relay", "--clock", "long", "--broadcaster", "LLR",
		"--yes"), "1 change applied")
	at := station().Revision
	text = minjun.says("hfcc", "export", "harbour-dawn", "--season", "B26")
	want(t, text, " 1233 1900 2000 ", " 1233 1445 1514 ", "@dawn")
	refusals := map[string][]string{
		"--broadcaster=STP": {"overlap window"},
		"--broadcaster=XXX": {"none of the 9 rows"},
	}
	for selection, says := range refusals {
		out, wrong, code := minjun.run("hfcc", "import", far, "--station", "far-relay", "--clock", "long", "--yes", selection)
		if code != 1 {
			t.Errorf("%s: %s", selection, out)
		}
		want(t, wrong, says...)
	}
	spoiled := filepath.Join(t.TempDir(), "spoiled.txt")
	if err := os.WriteFile(spoiled, bytes.Replace(b, []byte(" 1000 1000 "), []byte(" 1000 10x0 "), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, wrong, code := minjun.run("hfcc", "import", spoiled, "--station", "far-relay", "--clock", "long",
		"--yes"); code != 1 ||
		!strings.Contains(wrong, "nothing was changed") || !strings.Contains(wrong, `line 15, column 12 (STOP): "10x0"`) {
		t.Errorf("%d %s", code, wrong)
	}
	if now := station().Revision; now != at {
		t.Errorf("refusals moved the station from revision %d to %d", at, now)
	}
}

func encodedWindows(t *testing.T, st schedules.Station) []byte {
	t.Helper()
	b, err := json.Marshal(st.Windows)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
