package main

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"lifeline/schedules"
	"lifeline/schedules/auditor"
	"lifeline/schedules/planner"
)

// ours plans every day with the planner, each with the days before as history, and audits each day. near is the
// tolerance of gaps in milliseconds: a larger one lets the rotation be more even; 1: exact.
func ours(near int64) func(instance) ([]day, error) {
	return func(in instance) ([]day, error) { return month(in, near) }
}

func month(in instance, near int64) ([]day, error) {
	input := in.input
	input.Clocks = map[string]schedules.Clock{"hour": clock(near)}
	input.Library = schedules.Prepare(in.segments, nil)
	catalogue := planner.Compile(input.Library)
	var out []day
	for i := range in.days {
		input.Date = firstDay.AddDays(i)
		runtime.GC() // so that garbage of the day before does not count
		watch := startWatch()
		plan, err := catalogue.Plan(context.Background(), input)
		took, cpu := watch.stop()
		if err != nil {
			return nil, err
		}
		recent := input
		recent.History = nil
		for _, a := range input.History {
			if a.StartAt.Sub(plan.Rundown.Windows[0].StartAt.Time) > -24*time.Hour {
				recent.History = append(recent.History, a)
			}
		}
		found, err := auditor.Audit(context.Background(), recent, plan.Rundown)
		if err != nil {
			return nil, err
		}
		for _, v := range found {
			if v.Hard {
				return nil, fmt.Errorf("%s: %s: %s", input.Date, v.Rule, v.Message)
			}
		}
		out = append(out, gapsOf(input.Library, plan.Rundown, took, cpu))
		input.History = append(input.History, plan.Rundown.Airings()...)
	}
	return out, nil
}

// gapsOf measures each gap of a rundown: from the end of its post to the planned start of the next.
func gapsOf(library *schedules.Library, r schedules.Rundown, took, cpu time.Duration) day {
	d := day{took: took, cpu: cpu}
	for _, w := range r.Windows {
		begin := w.StartAt.UnixMilli()
		reach := map[string]int64{}
		for _, i := range r.Items {
			if i.StartAt.Before(w.StartAt.Time) || !i.StartAt.Before(w.EndAt.Time) {
				continue
			}
			start, end := i.StartAt.UnixMilli(), i.EndAt().UnixMilli()
			whole, _ := library.Segment(i.SegmentID)
			reach[i.Position] = start + whole.Recording.AirTime().Milliseconds() // a part that the post cuts off counts as a gap
			if i.Position == "half" {
				d.late = max(d.late, abs(start-(begin+hour/2)))
			}
			if i.Kind == "testimony" {
				d.plays = append(d.plays, play{i.SegmentID, start, end})
			}
		}
		d.gaps = append(d.gaps, reach["first"]-(begin+hour/2), reach["second"]-(begin+hour))
	}
	return d
}

func abs(n int64) int64 { return max(n, -n) }
