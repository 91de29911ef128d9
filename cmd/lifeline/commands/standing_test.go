package commands

import (
	"bytes"
	"testing"

	"lifeline/internal/wire"
	"lifeline/schedules"
)

func TestWhatAStationHasHadIsToldApartFromWhatItHas(t *testing.T) {
	var b bytes.Buffer
	printProblems(&b, wire.Status{Alarms: []string{"no sound"}, Problems: []string{"the link broke"},
		CurrentProblems: []schedules.StationProblem{{Code: "two_players", Message: "2 players report"}}})
	want := "    ALARM: no sound\n    in the last day: the link broke\n    two_players: 2 players report\n"
	if b.String() != want {
		t.Errorf("%q, not %q", b.String(), want)
	}
}
