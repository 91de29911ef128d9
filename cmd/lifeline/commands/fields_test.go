package commands

import (
	"bytes"
	"strings"
	"testing"

	"lifeline/internal/wire"
	"lifeline/schedules"
)

func TestFieldsThatChangeAreToldInWords(t *testing.T) {
	for want, f := range map[string]wire.FieldChange{
		`persons: minjun, sora -> none`:              {Field: "persons", Before: `["minjun","sora"]`, After: "[]"},
		`windows 1, length: 1m0s -> 1h30m0s`:         {Field: "windows.0.length_ms", Before: "60000", After: "5400000"},
		`sensitive: yes -> none`:                     {Field: "sensitive", Before: "true"},
		`title: "[\"a\"]" -> "true"`:                 {Field: "title", Before: `["a"]`, After: "true"},
		`state: approved -> rejected`:                {Field: "state", Before: "approved", After: "rejected"},
		`consent: changed, and not shown`:            {Field: "consent", Hidden: true},
		`tags: 2026, day -> day`:                     {Field: "tags", Before: `[2026,"day"]`, After: `["day"]`},
		`valid until: none -> 2026-12-01T00:00:00Z`:  {Field: "valid_until", After: "2026-12-01T00:00:00Z"},
		`starved: after 15m0s, policy go_on -> none`: {Field: "starved", Before: `{"policy":"go_on","after_ms":900000}`},
		`items: 2026-12-01T10:00:00Z m5 "Morning"; 2026-12-01T10:01:00Z m6 none -> none`: {Field: "items",
			Before: `[{"id":"i1","segment_id":"m5","start_at":"2026-12-01T10:00:00Z","title":"Morning"},` +
				`{"id":"i2","segment_id":"m6","start_at":"2026-12-01T10:01:00Z"}]`},
		`edits: at 2026-12-01T00:00:00Z, by Hana, fields kind, title -> none`: {Field: "edits",
			Before: `[{"by":"Hana","at":"2026-12-01T00:00:00Z","fields":["kind","title"]}]`},
	} {
		if got := toldField(f); got != want {
			t.Errorf("%+v is told as\n%s, not\n%s", f, got, want)
		}
	}
}

func TestWhatWaitsIsPrintedWithoutJSON(t *testing.T) {
	var out bytes.Buffer
	printWaiting(&out, wire.Waiting{ID: "w1", Action: "network.apply", By: "Ruth", At: schedules.Instant{},
		Why: "the fallback", Documents: []wire.WaitingDocument{{Kind: "station", ID: "s", Fields: []wire.FieldChange{
			{Field: "fallback", Before: `["m1","m2"]`, After: `["m1"]`}}}}})
	got := out.String()
	if !strings.Contains(got, "station s fallback: m1, m2 -> m1\n") || strings.ContainsAny(got, "[]{}") {
		t.Errorf("it is printed as %s", got)
	}
}
