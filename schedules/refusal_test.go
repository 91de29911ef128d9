package schedules_test

import (
	"testing"
	"time"

	"lifeline/schedules"
	"lifeline/schedules/planner/plannertest"
)

func TestARefusalGivesFiguresOnlyWhereItHasThem(t *testing.T) {
	for want, r := range map[string]schedules.Refusal{
		"may not air at this time (validity, script or campaign)": {Rule: schedules.RefusedValidity},
		"is in ko, which the window does not allow":               {Rule: "is in ko, which the window does not allow"},
		"fits the time less well":                                 {Rule: "fits the time less well", Unit: "ms"},
		"lasts 5:00, and 4:30 is free":                            {"length", "ms", 300_000, 270_000},
		"lasts 0:20, and 0:00 is free":                            {"length", "ms", 20_000, -5},
		"does not fit into the free time":                         {Rule: schedules.RefusedLength},
		"voices apart: limit 1:00:00, here 10:00":                 {"voices apart", "ms", 3_600_000, 600_000},
		"never: limit 0, here 1 airings":                          {"never", "airings", 0, 1},
		"after news: limit 5:00, here none":                       {"after news", "ms", 300_000, -1},
		"after kind news":                                         {"after kind news", "ms", 0, -1},
		// of an early record
		"would bend soft rules": {"would bend soft rules", "weight", 0, 1000},
	} {
		if got := r.String(); got != want {
			t.Errorf("%+v: %q, want %q", r, got, want)
		}
	}
}

func TestReasonsOfSegmentsTellTimesInTheZoneOfThePlace(t *testing.T) {
	ten := time.Date(2026, 12, 1, 10, 0, 0, 0, time.UTC)
	s := plannertest.Segment("s", "letter", "ko", 60_000)
	s.ValidUntil = schedules.At(ten)
	l := schedules.Prepare([]schedules.Segment{s}, nil)
	zone, _ := schedules.Zone("Asia/Seoul")
	u := l.Airable("s", schedules.Place{Zone: zone, StartAt: ten.Add(30 * time.Minute),
		EndAt: ten.Add(31 * time.Minute)})
	const want = "must have ended by 2026-12-01 19:00:00 KST, and would end at 2026-12-01 19:31:00 KST"
	if u == nil || u.Message != want {
		t.Errorf("%+v, want %q", u, want)
	}
}
