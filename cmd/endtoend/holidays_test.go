package endtoend

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lifeline/internal/harness/longform"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// A calendar of holidays is listed, becomes special days of a station, and changes nothing when it is given again.
func TestACalendarOfHolidaysMakesSpecialDaysAtTheTerminal(t *testing.T) {
	longform.Only(t)
	t.Parallel()
	h := open(t, furnish(t))
	minjun := terminalOf{h, t, h.secrets["scheduler"]}
	file := filepath.Join(t.TempDir(), "holidays.ics")
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(`BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//a calendar//EN
BEGIN:VEVENT
UID:1
DTSTART;VALUE=DATE:20200101
RRULE:FREQ=YEARLY
SUMMARY:신정
END:VEVENT
BEGIN:VEVENT
UID:2
DTSTART;VALUE=DATE:20990914
DTEND;VALUE=DATE:20990917
SUMMARY:추석
END:VEVENT
END:VCALENDAR
`, "\n", "\r\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"holidays", file, "--from", "2099-01-01", "--until", "2099-12-31"}
	want(t, minjun.says(args...), "2099-01-01  신정\n2099-09-14  추석\n2099-09-15  추석\n2099-09-16  추석\n")
	for says, more := range map[string][]string{
		"say which station is different": {"--cancelled"},
		"say what is different":          {"--station", "harbour-dawn"},
		`no day from 2099-01-01 to 2099-12-31 is named "성탄절"; the names are 신정, 추석`: {"--named", "성탄절"},
	} {
		if out, wrong, code := minjun.run(append(args, more...)...); code == 0 || !strings.Contains(wrong, says) {
			t.Errorf("%v: %d %s %s", more, code, out, wrong)
		}
	}
	var st schedules.Station
	h.get(wire.Station("harbour-dawn"), &st)
	if len(st.Exceptions) != 0 {
		t.Fatalf("the station has exceptions: %+v", st.Exceptions)
	}
	args = append(args, "--station", "harbour-dawn", "--named", "추석", "--window", st.Windows[0].ID, "--clock",
		st.Windows[0].Clock, "--yes")
	want(t, minjun.says(args...), "1 change applied")
	h.get(wire.Station("harbour-dawn"), &st)
	for i, day := range []string{"2099-09-14", "2099-09-15", "2099-09-16"} {
		if i >= len(st.Exceptions) || st.Exceptions[i].Date.String() != day || st.Exceptions[i].Name != "추석" ||
			st.Exceptions[i].Window != st.Windows[0].ID {
			t.Fatalf("%+v", st.Exceptions)
		}
	}
	if _, wrong, code := minjun.run(args...); code != 4 || !strings.Contains(wrong,
		"2099-09-14 추석: left as it is, there is an exception already") {
		t.Errorf("again: %d %s", code, wrong)
	}
}
