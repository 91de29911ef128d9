package schedules

import (
	"encoding/json"
	"slices"
	"testing"
	"time"
)

// Whatever a recurrence says, reading it never panics, and what it yields is ascending, within the range asked, each
// instant once, and the same when the range is cut in two.
func FuzzRecurrence(f *testing.F) {
	f.Add("Asia/Tashkent", "DTSTART:20230901T130000\nRRULE:FREQ=DAILY")
	f.Add("America/New_York", "DTSTART:20230101T020000\nRRULE:FREQ=WEEKLY;BYDAY=SU,SA;INTERVAL=2\nEXDATE:20240310T020000")
	f.Add("UTC", "DTSTART:20230101T000000\nRRULE:FREQ=MONTHLY;BYMONTHDAY=-1;COUNT=20\nRDATE:20240229T120000,20240229T120000")
	f.Add("Europe/Lisbon", "DTSTART:20240229T013000\nRRULE:FREQ=YEARLY;UNTIL=20300101T000000Z")
	f.Fuzz(func(t *testing.T, zone, rule string) {
		if len(rule) > 400 {
			return
		}
		r, err := Recurrence{Timezone: zone, RRule: rule}.parse()
		if err != nil || r.option != nil && r.option.Freq < 2 {
			return // years and months are walked through from their start, which may lie far back
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

// Whatever a scheduler sends, checking it never panics; what has no problems is written and read back the same.
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

// The closer against every subset: no better residual exists, and what it finds adds up.
func FuzzClosing(f *testing.F) {
	f.Add([]byte{10, 20, 30, 40, 50, 60, 70, 80}, uint16(130))
	f.Add([]byte{7, 7, 7, 9, 13}, uint16(22))
	f.Fuzz(func(t *testing.T, lengths []byte, target uint16) {
		if len(lengths) == 0 || len(lengths) > 9 {
			return
		}
		c := &closer{target: int64(target), clash: make([]bits256, len(lengths))}
		for i, n := range lengths {
			c.ms = append(c.ms, int64(n)+1)
			if i > 0 && n%5 == 0 { // some clash with their neighbour
				c.clash[i].set(i - 1)
				c.clash[i-1].set(i)
			}
		}
		for _, slack := range []int64{0, 1, 20} {
			c.least, c.most, c.nearest = -slack, slack, slack == 20
			set, off := c.find()
			exists, nearest := false, slack
			for bits := 1; bits < 1<<len(lengths); bits++ {
				var some []int
				var sum int64
				for i := range lengths {
					if bits>>i&1 != 0 {
						some = append(some, i)
						sum += c.ms[i]
					}
				}
				if len(some) <= maxSet && !c.clashing(some) && abs(sum-c.target) <= slack {
					exists = true
					nearest = min(nearest, abs(sum-c.target))
				}
			}
			if c.nearest && exists && abs(off) != nearest {
				t.Fatalf("%d off, and a set is %d off", off, nearest)
			}
			if exists != (len(set) > 0) {
				t.Fatalf("slack %d: found %v, and one exists: %v", slack, set, exists)
			}
			var sum int64
			for _, i := range set {
				sum += c.ms[i]
			}
			if len(set) > 0 && (sum != c.target+off || abs(off) > slack) {
				t.Fatalf("%v adds up to %d, said to be %d off %d", set, sum, off, c.target)
			}
		}
		table := subsetSums(c.ms, 200, c.stride())
		for total := range int64(200) {
			exists := total == 0
			for bits := 1; bits < 1<<len(lengths) && !exists; bits++ {
				var sum int64
				for i := range lengths {
					if bits>>i&1 != 0 {
						sum += c.ms[i]
					}
				}
				exists = sum == total
			}
			if table.has(total) != exists {
				t.Fatalf("total %d: table says %v", total, !exists)
			}
			if exists {
				var sum int64
				for _, i := range table.set(total, c.ms) {
					sum += c.ms[i]
				}
				if sum != total {
					t.Fatalf("the set of %d adds up to %d", total, sum)
				}
			}
		}
	})
}
