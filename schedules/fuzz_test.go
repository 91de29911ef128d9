package schedules

import (
	"encoding/json"
	"slices"
	"testing"
	"time"
)

// For every input, reading a recurrence does not panic. The times that it yields ascend without repetition within the
// requested interval, and are the same when the interval is cut in two.
func FuzzRecurrence(f *testing.F) {
	f.Add("Asia/Tashkent", "DTSTART:20230901T130000\nRRULE:FREQ=DAILY")
	f.Add("America/New_York", "DTSTART:20230101T020000\nRRULE:FREQ=WEEKLY;BYDAY=SU,SA;INTERVAL=2\nEXDATE:20240310T020000")
	f.Add("UTC",
		"DTSTART:20230101T000000\nRRULE:FREQ=MONTHLY;BYMONTHDAY=-1;COUNT=20\nRDATE:20240229T120000,20240229T120000")
	f.Add("Europe/Lisbon", "DTSTART:20240229T013000\nRRULE:FREQ=YEARLY;UNTIL=20300101T000000Z")
	f.Fuzz(func(t *testing.T, zone, rule string) {
		if len(rule) > 400 {
			return
		}
		r, err := Recurrence{Timezone: zone, RRule: rule}.parse()
		if err != nil || r.option != nil && r.option.Freq < 2 {
			return // the library iterates over years and months from their start, which may be long ago
		}
		from := time.Date(2024, 3, 1, 0, 0, 0, 0, time.UTC)
		middle, to := from.AddDate(0, 0, 17), from.AddDate(0, 0, 40)
		whole, err := r.between(from, to)
		if err != nil {
			return
		}
		for i, at := range whole {
			if at.Before(from) || !at.Before(to) || i > 0 && !at.After(whole[i-1]) {
				t.Fatalf("%v", whole)
			}
		}
		a, _ := r.between(from, middle)
		b, _ := r.between(middle, to)
		if !slices.EqualFunc(whole, append(a, b...), time.Time.Equal) {
			t.Fatalf("whole %v, halves %v %v", whole, a, b)
		}
	})
}

// For every input, checking definitions does not panic. Definitions without problems survive a round trip through JSON.
func FuzzDefinitions(f *testing.F) {
	f.Add(`{"id":"hour-ko","length_ms":3570000,"positions":[{"id":"open","segment":"sign-on-ko"},{"id":"rest","fill":{"kinds":["music"]}}],
		"rules":[{"separate":"segment","for_ms":14400000,"hard":true},{"at_least":3,"per":"day","of":{"tag":"appeal"},"hard":true}]}`)
	f.Add(`{"id":"x","length_ms":1,"positions":[{"id":"a","at_ms":0,"start":"soft","grace_ms":5,"pick":{}}],"rules":[{"share":{"least":0.2},"per":"day","of":{"language":"ko"}}]}`)
	f.Fuzz(func(t *testing.T, body string) {
		var c Clock
		if json.Unmarshal([]byte(body), &c) != nil {
			return
		}
		if len(c.Problems()) > 0 {
			return
		}
		b, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		var back Clock
		if err := json.Unmarshal(b, &back); err != nil {
			t.Fatalf("%s: %v", b, err)
		}
		if again, _ := json.Marshal(back); string(again) != string(b) {
			t.Fatalf("%s became %s", b, again)
		}
	})
}
