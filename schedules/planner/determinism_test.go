package planner_test

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"

	"lifeline/internal/harness/longform"
	"lifeline/schedules"
	"lifeline/schedules/planner"
	"lifeline/schedules/planner/plannertest"
)

// A hundred runs, on one processor and on two, concurrently, with every list of the input shuffled, give the same
// bytes: rundown, explanations and report.
func TestSameInputSameBytes(t *testing.T) {
	longform.Only(t)
	for name, base := range map[string]func() (schedules.Input, []schedules.Segment){"hourly": func() (schedules.Input,
		[]schedules.Segment) {
		return planner.Hourly(), planner.HourlySegments(400, 3)
	}, "small": func() (schedules.Input, []schedules.Segment) {
		in := plannertest.SmallStation(1)
		return in, in.Library.Segments()
	}} {
		t.Run(name, func(t *testing.T) {
			in, segments := base()
			in.Library = schedules.Prepare(segments, nil)
			for range 2 { // some history, of this station and another
				plan, err := planner.Compile(in.Library).Plan(context.Background(), in)
				if err != nil {
					t.Fatal(err)
				}
				for _, a := range plan.Rundown.Airings() {
					in.History = append(in.History, a, schedules.Airing{Station: "other", SegmentID: a.SegmentID, StartAt: a.StartAt,
						EndAt: a.EndAt})
				}
				in.Date = in.Date.AddDays(1)
			}
			in.Owed = []schedules.MakeGood{{ID: "a", Station: in.Station.ID, SegmentID: segments[3].ID},
				{ID: "b", Station: in.Station.ID, SegmentID: segments[5].ID}}
			in.Campaigns = []schedules.Campaign{{ID: "a", Of: schedules.Selector{Kinds: []schedules.Kind{"letter"}}, AtLeast: 2},
				{ID: "b", AtLeast: 3}}
			want := planned(t, in)
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
			for run := range 13 {
				runtime.GOMAXPROCS(1 + run%2)
				var group sync.WaitGroup
				for k := range 4 { // 52 runs for each of two inputs
					group.Go(func() {
						rng := rand.New(rand.NewPCG(uint64(run), uint64(k)))
						other := in
						mixed := slices.Clone(segments)
						rng.Shuffle(len(mixed), func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
						other.Library = schedules.Prepare(mixed, nil)
						if k == 3 { // the same library, built one segment at a time
							other.Library = schedules.Prepare(mixed[1:], nil).With(mixed[0])
						}
						other.History, other.Owed, other.Campaigns = slices.Clone(in.History), slices.Clone(in.Owed),
							slices.Clone(in.Campaigns)
						rng.Shuffle(len(other.History), func(i, j int) {
							other.History[i], other.History[j] = other.History[j],
								other.History[i]
						})
						slices.Reverse(other.Owed)
						slices.Reverse(other.Campaigns)
						other.Clocks = maps.Clone(in.Clocks)
						other.Station.Windows = slices.Clone(in.Station.Windows)
						slices.Reverse(other.Station.Windows)
						if got := planned(t, other); !bytes.Equal(got, want) {
							t.Errorf("run %d.%d differs", run, k)
						}
					})
				}
				group.Wait()
			}
		})
	}
}

func planned(t *testing.T, in schedules.Input) []byte {
	plan, err := planner.Compile(in.Library).Plan(context.Background(), in)
	if err != nil {
		t.Error(err)
	}
	b, err := json.Marshal(plan)
	if err != nil {
		t.Error(err)
	}
	return b
}

func TestPlanningTheSameDayTwiceGivesTheSameRundown(t *testing.T) {
	in := plannertest.SmallStation(2)
	first := planned(t, in)
	plan, err := planner.Compile(in.Library).Plan(context.Background(), in)
	if err != nil {
		t.Fatal(err)
	}
	in.History = plan.Rundown.Airings() // published and planned again
	if !bytes.Equal(planned(t, in), first) {
		t.Error("the second plan of the same day differs")
	}
}

// Days planned concurrently over one catalogue, while another library is derived from its library, equal those planned
// alone.
func TestDaysPlannedConcurrentlyOverOneCatalogueAreThoseOfEachAlone(t *testing.T) {
	in := plannertest.SmallStation(1)
	catalogue := planner.Compile(in.Library)
	var group sync.WaitGroup
	for k := range 3 {
		day := in
		day.Date = in.Date.AddDays(k)
		group.Go(func() {
			plan, err := catalogue.Plan(context.Background(), day)
			if err != nil {
				t.Error(err)
				return
			}
			got, err := json.Marshal(plan)
			if err != nil {
				t.Error(err)
			}
			if want := planned(t, day); !bytes.Equal(got, want) {
				t.Errorf("day %d is not as planned alone", k)
			}
		})
	}
	group.Go(func() {
		changed := in.Library.Segments()[0]
		changed.Title = "another"
		in.Library.With(changed)
	})
	group.Wait()
}
