package endtoend

import (
	"testing"

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
