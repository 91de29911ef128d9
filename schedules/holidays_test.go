package schedules

import (
	"reflect"
	"testing"
)

func TestHolidaysBecomeExceptionsWhereTheWindowStartsAndHasNone(t *testing.T) {
	own := Exception{Date: Date{2026, 12, 25}, Window: "evening", Cancelled: true}
	s := Station{ID: "harbour-dawn", Timezone: "Asia/Seoul", Windows: []Window{{ID: "evening", Starts: Recurrence{
		Timezone: "Asia/Seoul", RRule: "DTSTART:20260101T200000\nRRULE:FREQ=WEEKLY;BYDAY=FR"}}},
		Exceptions: []Exception{own}}
	friday, saturday, christmas := Date{2026, 12, 18}, Date{2026, 12, 19}, own.Date
	days := []Holiday{{friday, "a"}, {saturday, "b"}, {christmas, "c"}}
	for window, added := range map[string][]Exception{
		"evening": {{Date: friday, Window: "evening", Name: "a", Clock: "feast"}, own},
		"":        {{Date: friday, Name: "a", Clock: "feast"}, own, {Date: christmas, Name: "c", Clock: "feast"}},
	} {
		got, kept, err := s.WithHolidays(days, Exception{Window: window, Clock: "feast"})
		want := []Kept{{days[1], NoStart}, {days[2], Has}}
		if window == "" {
			want = want[:1]
		}
		if err != nil || !reflect.DeepEqual(got.Exceptions, added) || !reflect.DeepEqual(kept, want) {
			t.Errorf("%q: %+v, %+v, %v", window, got.Exceptions, kept, err)
		}
		again, kept, err := got.WithHolidays(days, Exception{Window: window, Clock: "feast"})
		if err != nil || len(kept) != 3 || !reflect.DeepEqual(again.Exceptions, added) {
			t.Errorf("%q again: %+v, %+v, %v", window, again.Exceptions, kept, err)
		}
	}
	if len(s.Exceptions) != 1 {
		t.Error("the station itself was changed")
	}
}
