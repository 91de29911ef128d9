package planner_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"lifeline/internal/harness/longform"
	"lifeline/schedules"
	"lifeline/schedules/examples"
	"lifeline/schedules/planner"
)

var updateGolden = flag.Bool("update", false, "write testdata/golden.txt anew")

// exampleInput returns the example network with the catalogue of the samples, as the service measured it, and its
// stations.
func exampleInput(t testing.TB) (schedules.Input, []schedules.Station) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "testdata", "samples.json"))
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
	in := schedules.Input{Clocks: map[string]schedules.Clock{}, Library: schedules.Prepare(segments, network.Scripts)}
	for _, c := range network.Clocks {
		in.Clocks[c.ID] = c
	}
	return in, network.Stations
}

// digest returns the beginning of the hash of the JSON of all values.
func digest(t testing.TB, values ...any) string {
	t.Helper()
	h := sha256.New()
	if err := json.NewEncoder(h).Encode(values); err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// Each of 28 days of every example station is planned after the days before it; once a fortnight one is repaired after
// a recall. The golden file has a line for each: the digests of the items with their times, and of the whole plan with
// its messages. A difference means that the planner returns other results: write the file again with -update, and give
// the reason in the commit.
func TestPlansOfTheExampleNetworkAreAsTheyWere(t *testing.T) {
	longform.Only(t)
	in, stations := exampleInput(t)
	var got strings.Builder
	for _, in.Station = range stations {
		in.History = nil
		for day := range 28 {
			in.Date = schedules.Date{Year: 2026, Month: 11, Day: 30}.AddDays(day)
			in.Seed = uint64(day)
			plan, err := planner.Compile(in.Library).Plan(t.Context(), in)
			if err != nil {
				t.Fatalf("%s %s: %v", in.Station.ID, in.Date, err)
			}
			fmt.Fprintf(&got, "%s %s plan %s %s\n", in.Station.ID, in.Date, digest(t, plan.Rundown.Windows, plan.Rundown.Items),
				digest(t, plan))
			if day%14 == 5 {
				fmt.Fprintf(&got, "%s %s repair %s\n", in.Station.ID, in.Date, repair(t, in, plan.Rundown))
			}
			in.History = append(in.History, plan.Rundown.Airings()...)
		}
	}
	compareGolden(t, got.String())
}

// repair returns the digests of a published day after the recall of the segment in its middle.
func repair(t *testing.T, in schedules.Input, published schedules.Rundown) string {
	t.Helper()
	published.Status, published.Revision = schedules.Published, 1
	in.Library = without(in.Library, published.Items[len(published.Items)/2].SegmentID)
	plan, changes, err := planner.Compile(in.Library).Replan(t.Context(), in, published, published.Items[0].StartAt.Time)
	if err != nil {
		t.Fatalf("%s %s: %v", in.Station.ID, in.Date, err)
	}
	return digest(t, plan.Rundown.Windows, plan.Rundown.Items) + " " + digest(t, plan, changes)
}

// compareGolden reports the lines of testdata/golden.txt that differ.
func compareGolden(t *testing.T, got string) {
	t.Helper()
	file := filepath.Join("testdata", "golden.txt")
	if *updateGolden {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, after := strings.Split(string(want), "\n"), strings.Split(got, "\n")
	if len(before) != len(after) {
		t.Fatalf("%d lines, not %d", len(after), len(before))
	}
	for n := range before {
		if after[n] != before[n] {
			t.Errorf("was %s\nis  %s", before[n], after[n])
		}
	}
}
