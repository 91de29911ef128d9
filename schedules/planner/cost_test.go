package planner_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"lifeline/schedules"
	"lifeline/schedules/auditor"
	"lifeline/schedules/planner"
	"lifeline/schedules/planner/plannertest"
)

// busyStation returns a station with a window every ten minutes, the given number of days of history, and the given
// number of rules.
func busyStation(days, rules int) schedules.Input {
	var segments []schedules.Segment
	for i := range 240 {
		s := plannertest.Segment(fmt.Sprintf("m%03d", i), schedules.Kind([]string{"letter", "music", "testimony"}[i%3]),
			"ko-KP", 30_000+int64(i*i*37%90_000))
		s.Voice, s.Tags = fmt.Sprintf("voice-%d", i%40), []string{fmt.Sprintf("tag-%d", i%12)}
		segments = append(segments, s)
	}
	clock := schedules.Clock{ID: "ten", Length: schedules.Ms(600_000),
		Positions: []schedules.Position{{ID: "all", Fill: &schedules.Selector{Kinds: []schedules.Kind{"letter", "music",
			"testimony"}}}}}
	for i := range rules {
		few, many := 3+i, 60+i
		tag := schedules.Selector{Tags: []string{fmt.Sprintf("tag-%d", i%12)}}
		clock.Rules = append(clock.Rules, [...]schedules.Rule{
			{Separate: "segment", For: schedules.Ms(int64(1800+i) * 1000), Hard: true},
			{AtMost: &few, Per: "window", Of: schedules.Of{Each: "tag"}},
			{AtMost: &many, Per: "day", Of: schedules.Of{Each: "voice"}},
			{Separate: "voice", For: schedules.Ms(60_000), Only: &tag},
			{AtMost: &many, Per: "week", Of: schedules.Of{Each: "segment"}, Only: &tag},
		}[i%5])
		clock.Rules[i].ID = fmt.Sprintf("rule %d", i)
	}
	in := schedules.Input{
		Station: schedules.Station{ID: "st", Name: "st", Timezone: "UTC", Languages: []string{"ko-KP"},
			Windows: []schedules.Window{{ID: "w", Clock: "ten", Length: clock.Length,
				Tolerance: schedules.Ms(1000), Starts: schedules.Recurrence{Timezone: "UTC",
					RRule: "DTSTART:20230101T000000\nRRULE:FREQ=DAILY;BYHOUR=0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23;BYMINUTE=0,10,20,30,40,50;BYSECOND=0"}}}},
		Clocks: map[string]schedules.Clock{"ten": clock}, Date: schedules.Date{Year: 2023, Month: 10, Day: 1},
		Library: schedules.Prepare(segments, nil),
	}
	start := time.Date(2023, 10, 1, 0, 0, 0, 0, time.UTC)
	for at, i := start.AddDate(0, 0, -days), 0; at.Before(start); i++ {
		s := segments[i*7%len(segments)]
		end := at.Add(s.Recording.AirTime().Duration)
		in.History = append(in.History, schedules.Airing{Station: "st", Window: "w", SegmentID: s.ID,
			StartAt: schedules.At(at), EndAt: schedules.At(end)})
		at = end
	}
	return in
}

// without returns the library after a recall.
func without(l *schedules.Library, id string) *schedules.Library {
	segments := l.Segments()
	for i := range segments {
		if segments[i].ID == id {
			segments[i].State = schedules.Recalled
		}
	}
	return schedules.Prepare(segments, nil)
}

// ending is a context that is done after a number of calls.
type ending struct {
	context.Context
	asked, after int
}

func (e *ending) Err() error {
	if e.asked++; e.asked > e.after {
		return context.Canceled
	}
	return nil
}

func TestAnAuditEndsWithItsContext(t *testing.T) {
	in := busyStation(7, 10)
	plan, err := planner.Compile(in.Library).Plan(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	whole := &ending{Context: t.Context(), after: 1 << 30}
	if _, err := auditor.Audit(whole, in, plan.Rundown); err != nil {
		t.Fatal(err)
	}
	if windows := len(plan.Rundown.Windows); whole.asked < windows {
		t.Errorf("the audit of %d windows asked %d times", windows, whole.asked)
	}
	for _, after := range []int{0, 1, whole.asked / 2} {
		short := &ending{Context: t.Context(), after: after}
		found, err := auditor.Audit(short, in, plan.Rundown)
		if !errors.Is(err, context.Canceled) || found != nil {
			t.Errorf("after %d: %d violations, %v", after, len(found), err)
		}
		if more := short.asked - after; more > len(plan.Rundown.Windows)+10 {
			t.Errorf("after %d: the audit asked %d times more", after, more)
		}
	}
}

// This day takes long to refuse. Once its caller has left, the plan ends.
func TestASlowPlanEndsWithItsContext(t *testing.T) {
	n := randomNetwork(70_020)
	in := schedules.Input{Station: n.stations[0], Date: n.first, Clocks: n.clocks, Library: n.library,
		Campaigns: n.campaigns}
	for _, after := range []int{0, 1, 1000, 5000} {
		short := &ending{Context: t.Context(), after: after}
		if _, err := planner.Compile(in.Library).Plan(short, in); !errors.Is(err, context.Canceled) {
			t.Errorf("after %d: %v", after, err)
		}
		if more := short.asked - after; more > 20 {
			t.Errorf("after %d: the plan asked %d times more", after, more)
		}
	}
}

// BenchmarkCost plans days with a window every ten minutes, for several numbers of days of history and of rules.
func BenchmarkCost(b *testing.B) {
	for _, size := range [][2]int{{7, 5}, {28, 5}, {112, 5}, {28, 20}, {28, 80}} {
		in := busyStation(size[0], size[1])
		catalogue := planner.Compile(in.Library)
		plan, err := catalogue.Plan(b.Context(), in)
		if err != nil {
			b.Fatal(err)
		}
		name := fmt.Sprintf("%d days, %d rules/", size[0], size[1])
		recalled := in
		recalled.Library = without(in.Library, plan.Rundown.Items[len(plan.Rundown.Items)/2].SegmentID)
		short := planner.Compile(recalled.Library)
		for what, run := range map[string]func() error{
			"plan": func() error { _, err := catalogue.Plan(b.Context(), in); return err },
			"replan": func() error {
				_, _, err := short.Replan(b.Context(), recalled, plan.Rundown, plan.Rundown.Items[0].StartAt.Time)
				return err
			},
			"audit": func() error { _, err := auditor.Audit(b.Context(), in, plan.Rundown); return err },
		} {
			b.Run(name+what, func(b *testing.B) {
				before := processor()
				for b.Loop() {
					if err := run(); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64((processor()-before).Milliseconds())/float64(b.N), "cpu-ms/op")
			})
		}
	}
}
