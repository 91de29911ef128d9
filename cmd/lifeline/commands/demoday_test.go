package commands

import (
	"bufio"
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"lifeline/internal/cmdline"
	"lifeline/internal/playout"
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

func TestDemoPrintsWholeLinesWhereItsOutputIsNoTerminal(t *testing.T) {
	var notices, out bytes.Buffer
	for _, kind := range []string{playout.ItemStart, playout.Position, playout.Position, playout.ItemEnd} {
		if err := json.NewEncoder(&notices).Encode(playout.Notice{Kind: kind, Title: "\r소식", ItemKind: "news",
			LengthMs: schedules.Ms(15_000), PlayedMs: schedules.Ms(5000), Outcome: "aired"}); err != nil {
			t.Fatal(err)
		}
	}
	d := &demo{out: cmdline.Printable(&out)}
	if err := d.timeline(bufio.NewScanner(&notices), time.UTC); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); strings.Count(got, "\n") != 1 || strings.ContainsAny(got, "\r█░") ||
		!strings.Contains(got, "소식") || !strings.HasSuffix(got, "  aired\n") {
		t.Errorf("%q", got)
	}
}
