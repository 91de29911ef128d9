package schedules

import (
	"strings"
	"testing"
)

func TestWhatAWindowMayRepeat(t *testing.T) {
	window := func(id string, repeats *WindowRepeat) Window {
		return Window{ID: id, Length: Ms(60_000), Clock: "c", Repeats: repeats,
			Starts: Recurrence{Timezone: "UTC", RRule: "DTSTART:20261101T100000\nRRULE:FREQ=DAILY"}}
	}
	for _, c := range []struct {
		name    string
		repeats WindowRepeat
		field   string
		says    string
	}{
		{"another window", WindowRepeat{Window: "a"}, "", ""},
		{"of a week before", WindowRepeat{Window: "a", DaysBack: 7}, "", ""},
		{"itself", WindowRepeat{Window: "c"}, "window", "must be another window"},
		{"none", WindowRepeat{}, "window", "is no window of the station"},
		{"misspelt", WindowRepeat{Window: "eveninh"}, "window", "evening"},
		{"a repeat", WindowRepeat{Window: "b"}, "window", `repeats window "a" itself`},
		{"tomorrow", WindowRepeat{Window: "a", DaysBack: -1}, "days_back", "must be from 0 to 28"},
		{"long ago", WindowRepeat{Window: "a", DaysBack: 29}, "days_back", "must be from 0 to 28"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := Station{ID: "s", Name: "s", Timezone: "UTC", Languages: []string{"ko-KP"}, Windows: []Window{
				window("a", nil), window("b", &WindowRepeat{Window: "a"}), window("c", &c.repeats), window("evening", nil)}}
			found := s.Problems()
			if c.field == "" {
				if len(found) > 0 {
					t.Errorf("%v", found)
				}
				return
			}
			if len(found) != 1 || found[0].Field != "windows[2].repeats."+c.field ||
				!strings.Contains(found[0].Message, c.says) {
				t.Errorf("%v", found)
			}
		})
	}
}
