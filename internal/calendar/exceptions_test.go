package calendar

import (
	"strings"
	"testing"
	"time"

	"lifeline/schedules"
)

func TestCalendarShowsExceptions(t *testing.T) {
	day := schedules.Date{Year: 2026, Month: time.December, Day: 25}
	st := schedules.Station{ID: "coast", Revision: 3, Name: "Coast", Timezone: "Asia/Seoul", Languages: []string{"ko-KP"},
		Windows: []schedules.Window{{ID: "evening", Clock: "half", Length: schedules.Ms(1_800_000),
			Starts: schedules.Recurrence{Timezone: "Asia/Seoul", RRule: "DTSTART:20261201T210000\nRRULE:FREQ=DAILY"}}},
		Exceptions: []schedules.Exception{
			{Date: day, Window: "evening", Name: "성탄절", At: "22:00", Clock: "feast", FrequencyKHz: 7515},
			{Date: day.AddDays(2), Cancelled: true},
			{Date: day.AddDays(1), Window: "mass", Extra: true, At: "10:00",
				Length: ptr(schedules.Ms(900_000)), Clock: "feast"}}}
	from, to := Stretch(time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC))
	b, err := Windows(st, from, to)
	if err != nil {
		t.Fatal(err)
	}
	wellFormed(t, b)
	text := strings.ReplaceAll(string(b), "\r\n ", "")
	for _, want := range []string{"DTSTART:20261225T130000Z", "SUMMARY:Coast: evening\\, 성탄절",
		"clock feast\\, ko-KP\\, 7515 kHz",
		"EXDATE;TZID=Asia/Seoul:20261225T210000,20261227T210000", "SUMMARY:Coast: mass", "DTSTART:20261226T010000Z"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	if strings.Contains(text, "20261227T120000Z") {
		t.Error("a cancelled window is shown")
	}
}

func ptr[T any](v T) *T { return &v }
