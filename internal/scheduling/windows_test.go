package scheduling

import (
	"strings"
	"testing"
	"time"

	"lifeline/internal/wire"
	"lifeline/schedules"
)

func TestTheStartsOfAWindowAreNamedInTheStationsTime(t *testing.T) {
	first := time.Date(2026, 12, 1, 0, 15, 0, 0, time.UTC)
	q := wire.Queue{Station: "s", Timezone: "Asia/Kathmandu", Date: schedules.Date{Year: 2026, Month: 12, Day: 1},
		Windows: []schedules.Slot{{Occurrence: schedules.Occurrence{Window: "w", StartAt: schedules.At(first)}},
			{Occurrence: schedules.Occurrence{Window: "w", StartAt: schedules.At(first.Add(6 * time.Hour))}}}}
	const starts = "06:00:00, 12:00:00 in Asia/Kathmandu"
	for says, at := range map[string]time.Time{"starts several times on 2026-12-01": {},
		"does not start at 07:00:00 on 2026-12-01": first.Add(time.Hour)} {
		_, err := windowOf(q, "w", at)
		if err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), starts) ||
			!strings.Contains(err.Error(), "2026-12-01T06:15:00.000Z") {
			t.Errorf("%v; want %q and %q", err, says, starts)
		}
	}
	if found, err := windowOf(q, "w", first.Add(6*time.Hour)); err != nil || !found.StartAt.Equal(first.Add(6*time.Hour)) {
		t.Errorf("%+v, %v", found, err)
	}
}
