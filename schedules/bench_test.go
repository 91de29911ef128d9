package schedules

import (
	"context"
	"testing"
)

// BenchmarkDay plans one day of 48 gaps after four weeks of history.
func BenchmarkDay(b *testing.B) {
	in := hourly()
	catalogue := Compile(Prepare(hourlySegments(1000, 1), nil))
	for day := range 28 {
		in.Date = Date{2023, 10, 1 + day}
		plan, err := catalogue.Plan(context.Background(), in)
		if err != nil {
			b.Fatal(err)
		}
		in.History = append(in.History, plan.Rundown.Airings()...)
	}
	in.Date = Date{2023, 10, 29}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := catalogue.Plan(context.Background(), in); err != nil {
			b.Fatal(err)
		}
	}
}
