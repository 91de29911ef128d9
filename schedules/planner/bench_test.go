package planner

import (
	"context"
	"testing"

	"lifeline/schedules"
)

// BenchmarkDay plans one day of 48 gaps after four weeks of history.
func BenchmarkDay(b *testing.B) {
	in := hourly()
	catalogue := Compile(schedules.Prepare(hourlySegments(1000, 1), nil))
	for day := range 28 {
		in.Date = schedules.Date{Year: 2023, Month: 10, Day: 1 + day}
		plan, err := catalogue.Plan(context.Background(), in)
		if err != nil {
			b.Fatal(err)
		}
		in.History = append(in.History, plan.Rundown.Airings()...)
	}
	in.Date = schedules.Date{Year: 2023, Month: 10, Day: 29}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := catalogue.Plan(context.Background(), in); err != nil {
			b.Fatal(err)
		}
	}
}
