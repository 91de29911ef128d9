package endtoend

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lifeline/internal/cmdline"
	"lifeline/internal/harness/longform"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// A scheduler sees what a change of a clock or a segment would touch.
func TestUsesAreShownBeforeAChange(t *testing.T) {
	longform.Only(t) // one client asks one thing after another
	t.Parallel()
	h := open(t, furnish(t))
	const station, day = "harbour-dawn", "2099-11-25"
	minjun := terminalOf{h, t, h.secrets["scheduler"]}
	h.publish([]string{station}, day)
	want(t, minjun.says("uses", "segment", h.queue(station, day).Items[0].SegmentID),
		"of "+station+" "+day+", published, still to air")
	var st schedules.Station
	h.get(wire.Station(station), &st)
	want(t, minjun.says("uses", "clock", st.Windows[0].Clock), "windows["+st.Windows[0].ID+"].clock of station "+station)
	if _, wrong, code := minjun.run("uses", "script", "nothing"); code != cmdline.Failed {
		t.Errorf("exit %d: %s", code, wrong)
	}
}

// A clock gets another id in one step, what is used is not removed, and what was removed is put back from the file that
// the removal wrote; afterwards the store is whole.
func TestDefinitionsAreRenamedRemovedAndPutBack(t *testing.T) {
	longform.Only(t) // one client asks one thing after another
	t.Parallel()
	dir := furnish(t)
	h := open(t, dir)
	scheduler := terminalOf{h, t, h.secrets["scheduler"]}
	const station = "harbour-dawn"
	var st schedules.Station
	h.get(wire.Station(station), &st)
	clock := st.Windows[0].Clock
	if _, wrong, code := scheduler.run("remove", "clock", clock, "--yes"); code != cmdline.Failed ||
		!strings.Contains(wrong, "windows["+st.Windows[0].ID+"].clock of station "+station) {
		t.Fatalf("%d: %s", code, wrong)
	}
	want(t, scheduler.says("rename", "clock", clock, "morning", "--yes"), "create     clock morning",
		"remove     clock "+clock, "applied")
	h.get(wire.Station(station), &st)
	if st.Windows[0].Clock != "morning" {
		t.Errorf("the window follows %s", st.Windows[0].Clock)
	}
	h.publish([]string{station}, time.Now().UTC().AddDate(0, 0, 5).Format(time.DateOnly))

	spare := schedules.Campaign{ID: "spare", Of: schedules.Selector{Tags: []string{"appeal"}}, AtLeast: 1}
	file := filepath.Join(t.TempDir(), "spare.json")
	document, err := json.Marshal(wire.Apply{Campaigns: []schedules.Campaign{spare}})
	if err == nil {
		err = os.WriteFile(file, document, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	scheduler.says("apply", "-f", file, "--yes")
	undo := filepath.Join(t.TempDir(), "undo.json")
	scheduler.says("remove", "campaign", "spare", "--undo", undo, "--yes")
	if _, wrong, code := scheduler.run("campaigns", "spare"); code != cmdline.Failed {
		t.Errorf("%d: %s", code, wrong)
	}
	if _, wrong, code := scheduler.run("remove", "campaign", "spare", "--yes"); code != cmdline.Failed ||
		!strings.Contains(wrong, `"spare", which is not known`) {
		t.Errorf("%d: %s", code, wrong)
	}
	scheduler.says("apply", "-f", undo, "--yes")
	want(t, scheduler.says("campaigns", "spare"), "spare")
	h.stop()
	succeed(t, "fsck", "--data", dir)
}
