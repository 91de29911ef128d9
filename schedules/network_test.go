package schedules_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"testing"

	"github.com/goccy/go-yaml"

	"lifeline/internal/rig/longform"
	"lifeline/schedules"
	"lifeline/schedules/examples"
)

// The example network, with the recordings that ship, is planned on every day and with every seed: a library of 46 is
// what a small station has. testdata/samples.json is the catalogue as the service measured it.
func TestExampleNetworkIsPlannedEveryDay(t *testing.T) {
	longform.Only(t)
	b, err := os.ReadFile("testdata/samples.json")
	if err != nil {
		t.Fatal(err)
	}
	var segments []schedules.Segment
	if err := json.Unmarshal(b, &segments); err != nil {
		t.Fatal(err)
	}
	if b, err = yaml.YAMLToJSON(examples.Network); err != nil {
		t.Fatal(err)
	}
	var network struct {
		Stations []schedules.Station
		Clocks   []schedules.Clock
		Scripts  []schedules.Script
	}
	if err := json.Unmarshal(b, &network); err != nil {
		t.Fatal(err)
	}
	days, seeds := 14, 5
	in := schedules.Input{Clocks: map[string]schedules.Clock{}, Library: schedules.Prepare(segments, network.Scripts)}
	for _, c := range network.Clocks {
		in.Clocks[c.ID] = c
	}
	for _, st := range network.Stations {
		t.Run(st.ID, func(t *testing.T) {
			in := in
			in.Station = st
			for day := range days {
				for seed := range seeds {
					in.Date = schedules.Date{Year: 2026, Month: 11, Day: 20}.AddDays(day)
					in.Seed = uint64(seed)
					name := fmt.Sprintf("%s, seed %d", in.Date, seed)
					plan, err := in.Plan(context.Background())
					if err != nil {
						t.Fatalf("%s: %v", name, err)
					}
					for _, v := range violations(t, in, plan.Rundown) {
						if v.Hard {
							t.Fatalf("%s: %+v", name, v)
						}
					}
				}
			}
		})
	}
}
