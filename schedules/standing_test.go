package schedules_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"lifeline/schedules"
)

func TestStandingOrdersAreHeldToTheirBounds(t *testing.T) {
	for order, want := range map[string]string{
		`{"plan_days":42,"publish_days":42,"by":"24:00"}`:                        "",
		`{"plan_days":1,"publish_days":1,"publish":"unwarned","by":"18:00"}`:     "",
		`{"plan_days":1,"publish_days":1,"otherwise":"fallback"}`:                "",
		`{"plan_days":43,"publish_days":7}`:                                      "plan_days",
		`{"plan_days":7,"publish_days":8}`:                                       "publish_days",
		`{"plan_days":7,"publish_days":0}`:                                       "publish_days",
		`{"plan_days":7,"publish_days":1,"publish":"sometimes"}`:                 "publish",
		`{"plan_days":7,"publish_days":1,"otherwise":"silence"}`:                 "otherwise",
		`{"plan_days":0,"publish_days":0,"publish":"never","otherwise":"quiet"}`: "plan_days publish_days publish otherwise",
	} {
		var o schedules.StandingOrder
		if err := json.Unmarshal([]byte(order), &o); err != nil {
			t.Fatalf("%s: %v", order, err)
		}
		var fields []string
		for _, p := range (schedules.Station{ID: "s", Name: "s", Timezone: "UTC", Languages: []string{"ko"},
			StandingOrder: &o}).Problems() {
			fields = append(fields, strings.TrimPrefix(p.Field, "standing_order."))
		}
		if got := strings.Join(fields, " "); got != want {
			t.Errorf("%s: problems of %q, want %q", order, got, want)
		}
	}
}

func TestADayIsLateOnTheDayBeforeInTheStationsTime(t *testing.T) {
	seoul, err := schedules.Zone("Asia/Seoul")
	if err != nil {
		t.Fatal(err)
	}
	d := schedules.Date{Year: 2026, Month: 12, Day: 1}
	for by, want := range map[schedules.TimeOfDay]string{0: "2026-11-29T15:00:00Z", 18 * 60: "2026-11-30T09:00:00Z",
		24 * 60: "2026-11-30T15:00:00Z"} {
		if got := (schedules.StandingOrder{By: by}).Deadline(d, seoul).UTC().Format(time.RFC3339); got != want {
			t.Errorf("%s: late at %s, want %s", by, got, want)
		}
	}
}

// In Berlin the clocks go forward on 2027-03-28 at 02:00.
func TestARepeatedDayKeepsItsDistancesInTheNightWhenClocksChange(t *testing.T) {
	clock := schedules.Clock{ID: "c", Length: schedules.Ms(600_000), Positions: []schedules.Position{{ID: "f",
		Fill: &schedules.Selector{}}}}
	window := func(id, start string, length int64) schedules.Window {
		return schedules.Window{ID: id, Clock: "c", Length: schedules.Ms(length), Tolerance: schedules.Ms(1000),
			Starts: schedules.Recurrence{Timezone: "Europe/Berlin", RRule: "DTSTART:20260101T" + start + "\nRRULE:FREQ=DAILY"}}
	}
	st := schedules.Station{ID: "s", Name: "s", Timezone: "Europe/Berlin", Languages: []string{"ko"},
		Windows: []schedules.Window{window("night", "023000", 600_000), window("evening", "200000", 600_000)}}
	clocks := map[string]schedules.Clock{"c": clock}
	of := schedules.Rundown{Station: "s", Timezone: st.Timezone, Date: schedules.Date{Year: 2027, Month: 3, Day: 21},
		Clocks: clocks}
	var err error
	if of.Windows, err = st.Slots(of.Date); err != nil {
		t.Fatal(err)
	}
	for _, w := range of.Windows {
		for n := range int64(2) {
			start := schedules.At(w.StartAt.Add(time.Duration(n) * 5 * time.Minute))
			id := schedules.ItemID("s", w.StartAt, "f", schedules.Ms(n*300_000), "m")
			of.Items = append(of.Items, schedules.Item{ID: id, Window: w.Window, Position: "f", SegmentID: "m", StartAt: start,
				Duration: schedules.Ms(300_000), Chain: id, Locked: true, MakesGood: "x"})
		}
	}
	d := schedules.Date{Year: 2027, Month: 3, Day: 28}
	windows, err := st.Slots(d)
	if err != nil {
		t.Fatal(err)
	}
	r := schedules.Repeat(of, d, windows, clocks)
	var got []string
	for _, i := range r.Items {
		got = append(got, i.StartAt.UTC().Format("15:04"))
		if was, _ := of.Item(i.ID); was.ID != "" || i.Chain != i.ID || i.Locked || i.MakesGood != "" {
			t.Errorf("an item is repeated as %+v", i)
		}
	}
	if got, want := strings.Join(got, " "), "01:30 01:35 18:00 18:05"; got != want {
		t.Errorf("it airs at %s, want %s", got, want)
	}
	if open := r.Open(); len(open) > 0 {
		t.Errorf("it is open %v", open)
	}
	clocks = map[string]schedules.Clock{"c": {ID: "c", Length: clock.Length, Positions: []schedules.Position{{ID: "other",
		Fill: &schedules.Selector{}}}}}
	if r := schedules.Repeat(of, d, windows, clocks); len(r.Items) > 0 || len(r.Open()) != 2 {
		t.Errorf("with another clock it has %d items and is open %v", len(r.Items), r.Open())
	}
}
