package commands

import (
	"testing"
	"time"

	"lifeline/schedules"
)

func TestDemoPublishesADayThatStillHasAWindow(t *testing.T) {
	st := schedules.Station{ID: "steppe", Timezone: "Asia/Ulaanbaatar",
		Windows: []schedules.Window{{ID: "evening", Length: schedules.Ms(3_600_000),
			Starts: schedules.Recurrence{Timezone: "Asia/Ulaanbaatar", RRule: "DTSTART:20260101T200000\nRRULE:FREQ=DAILY"}}}}
	for hour, want := range map[int]string{12: "2026-11-29", 20: "2026-11-29", 23: "2026-11-30"} {
		now := time.Date(2026, 11, 29, hour-8, 30, 0, 0, time.UTC)
		if got, err := comingDay(st, now); err != nil || got.String() != want {
			t.Errorf("at %d:30 there: %s, %v; want %s", hour, got, err, want)
		}
	}
}
