package commands

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"time"

	"lifeline/internal/wire"
	"lifeline/schedules"
	"lifeline/schedules/zonedata"
)

func TestDemoCountsLanguagesInWords(t *testing.T) {
	if got := counted(map[string]int{"ko-KP": 20, "cmn-Hans": 9, "zxx": 10}); got != "9 cmn-Hans, 20 ko-KP, 10 zxx" {
		t.Error(got)
	}
}

// The help of upload names every field of a table, so that users need not read the API's documentation.
func TestHelpOfUploadNamesEveryColumn(t *testing.T) {
	help := (&uploadCmd{}).Help()
	named := func(column string) {
		if !strings.Contains(help, "  "+column+"\n") && !strings.Contains(help, "  "+column+": ") {
			t.Errorf("%s is not named", column)
		}
	}
	named("file")
	for prefix, of := range map[string]reflect.Type{"": reflect.TypeFor[wire.SegmentMeta](),
		"consent.": reflect.TypeFor[schedules.Consent]()} {
		for i := range of.NumField() {
			name, _, _ := strings.Cut(of.Field(i).Tag.Get("json"), ",")
			if name != "consent" {
				named(prefix + name)
			}
		}
	}
}

func TestVersionSaysWhatWasBuilt(t *testing.T) {
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	var out bytes.Buffer
	if code := Run(t.Context(), []string{"version"}, &out, &out); code != 0 || !strings.HasPrefix(out.String(),
		"lifeline ") || !strings.Contains(out.String(), "go1.") ||
		!strings.Contains(out.String(), "\ntime zone data "+zonedata.Present().Version+" (") {
		t.Errorf("%d %s", code, out.String())
	}
}

func TestARecallOfAPersonIsToldToWhoMayNotSeeItsSegmentsToo(t *testing.T) {
	var out bytes.Buffer
	printRecalled(&out, "p7", wire.Person{})
	if !strings.HasPrefix(out.String(), "all segments that name p7 are recalled; ") {
		t.Errorf("%q", out.String())
	}
}

func TestAPersonsPageSpeaksOfAcknowledgementOnlyAfterARecall(t *testing.T) {
	at := schedules.At(time.Date(2026, 11, 2, 21, 0, 0, 0, time.UTC))
	p := wire.Person{Segments: []wire.PersonSegment{{ID: "reading", State: schedules.Approved}},
		Stations: []wire.PersonStation{{Station: "a", Airings: 2, NextAt: at, Fallback: true}, {Station: "b"}}}
	page := func() string {
		var out bytes.Buffer
		printPerson(&out, p)
		return out.String()
	}
	got := page()
	for _, want := range []string{"has 2 airings scheduled in its published days, the next at 2026-11-02T21:00:00",
		"names it in its fallback", "b                    has nothing scheduled in its published days\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("without %q:\n%s", want, got)
		}
	}
	if strings.Contains(got, "acknowledged") || strings.Contains(got, "off by") {
		t.Errorf("nothing is recalled:\n%s", got)
	}
	p.Segments[0].State = schedules.Recalled
	p.Stations = []wire.PersonStation{{Station: "a", Acknowledged: true}, {Station: "b", OffBy: at}}
	got = page()
	if !strings.Contains(got, "a                    has acknowledged the recall\n") ||
		!strings.Contains(got, "b                    has not acknowledged the recall: off by 2026-11-02T21:00:00") ||
		strings.Contains(got, "scheduled") {
		t.Errorf("after a recall:\n%s", got)
	}
}
