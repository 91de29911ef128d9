package endtoend

import (
	"strings"
	"testing"
	"time"

	"lifeline/internal/harness/longform"
)

func TestRevisionsAreNumberedAsShowAndDiffNumberThem(t *testing.T) {
	longform.Only(t) // one client asks one thing after another
	t.Parallel()
	h := open(t, furnish(t))
	minjun := terminalOf{h, t, h.secrets["scheduler"]}
	day, other := time.Now().UTC().AddDate(0, 0, 3).Format(time.DateOnly), time.Now().UTC().AddDate(0, 0,
		4).Format(time.DateOnly)
	minjun.says("plan", "harbour-dawn", "--date", other)
	minjun.says("plan", "harbour-dawn", "--date", day)
	minjun.says("edit", "harbour-dawn", day, "lock", "04:00")
	want(t, minjun.says("show", "harbour-dawn", day), "revision 3, draft")
	said := minjun.says("revisions", "harbour-dawn", day)
	want(t, said, "revision 2 ", "revision 3 ")
	if strings.Contains(said, "revision 1 ") {
		t.Errorf("%s", said)
	}
	want(t, minjun.says("diff", "harbour-dawn", day, "--from", "2", "--to", "3"), "1 change", "[locked]")
}

func TestARangeOfDaysIsPlannedAndReadInTheStationsTime(t *testing.T) {
	t.Parallel()
	h := open(t, furnish(t))
	minjun := terminalOf{h, t, h.secrets["scheduler"]}
	first := time.Now().UTC().AddDate(0, 0, 3)
	said := minjun.says("plan", "harbour-dawn", "--date", first.Format(time.DateOnly)+".."+
		first.AddDate(0, 0, 1).Format(time.DateOnly))
	if strings.Count(said, "planned:") != 2 {
		t.Errorf("%s", said)
	}
	if said := minjun.says("plan", "harbour-dawn", "--date", "tomorrow.."+
		first.AddDate(0, 0, -1).Format(time.DateOnly)); strings.Count(said, "planned:") < 1 {
		t.Errorf("%s", said)
	}
}
