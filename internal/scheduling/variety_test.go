package scheduling

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"lifeline/internal/harness/longform"
	"lifeline/internal/replica"
	"lifeline/internal/servicetest"
	"lifeline/internal/store/memory"
	"lifeline/internal/wire"
	"lifeline/schedules"
	"lifeline/schedules/examples"
)

// exampleRoom returns a scheduler over the memory store with the example network and the sample recordings.
func exampleRoom(t *testing.T) *planningRoom {
	t.Helper()
	docs := memory.New(1000)
	m, err := replica.Open(t.Context(), docs, testKinds)
	if err != nil {
		t.Fatal(err)
	}
	d := &planningRoom{t: t, replica: m, now: time.Date(2026, 11, 29, 3, 0, 0, 0, time.UTC),
		today: schedules.Date{Year: 2026, Month: 11, Day: 30}}
	d.scheduler = newScheduler(m, docs, servicetest.Signer{}, func() time.Time { return d.now }, "http://x", time.Minute)
	segments, network := exampleNetwork(t)
	for _, s := range segments {
		d.put(replica.KindSegment, s.ID, s)
	}
	if _, err := d.scheduler.Network.Apply(t.Context(), plannerActor, network, nil, false); err != nil {
		t.Fatal(err)
	}
	return d
}

// exampleNetwork returns the sample recordings and the example network.
func exampleNetwork(t *testing.T) (segments []schedules.Segment, network wire.Apply) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "schedules", "testdata", "samples.json"))
	if err == nil {
		err = json.Unmarshal(b, &segments)
	}
	if err != nil {
		t.Fatal(err)
	}
	if b, err = yaml.YAMLToJSON(examples.Network); err == nil {
		err = json.Unmarshal(b, &network)
	}
	if err != nil {
		t.Fatal(err)
	}
	return segments, network
}

// variety measures how much the chosen segments of a station differ between days.
type variety struct {
	different, nearly int           // days that equal no earlier one; pairs of days that are the same to nine tenths
	gini              float64       // of the number of airings per segment
	least, median     time.Duration // between consecutive airings of a segment
	warned            int           // number of days with a same_day warning
	cpu               time.Duration
}

func (v variety) String() string {
	return fmt.Sprintf("%d days differ, %d pairs nearly alike, rotation Gini %.4f, shortest distance %v, median %v, %d "+
		"warned of, %v of processor", v.different, v.nearly, v.gini,
		v.least.Round(time.Second), v.median.Round(time.Second), v.warned, v.cpu.Round(time.Millisecond))
}

// varietyOf plans consecutive days of a station with a seed. If oneByOne is set, it publishes each day before it plans
// the next.
func varietyOf(d *planningRoom, st schedules.Station, seed uint64, days int, oneByOne bool) variety {
	d.t.Helper()
	clocks := map[string]schedules.Clock{}
	for _, w := range st.Windows {
		c, _ := replica.ClocksIn(d.replica).Get(w.Clock)
		clocks[w.Clock] = c.Value
	}
	var out variety
	var lists [][]string
	var apart []time.Duration
	counts, last := map[string]float64{}, map[string]time.Time{}
	for n := range days {
		began := processor()
		r, err := d.scheduler.Drafts.Plan(d.t.Context(), plannerActor, st.ID, d.today.AddDays(n), PlanOptions{Seed: seed})
		if err != nil {
			d.t.Fatal(err)
		}
		out.cpu += processor() - began
		if oneByOne {
			d.publish(st.ID, r.Date)
		}
		if hasWarning(r, warnSameDay) {
			out.warned++
		}
		list, alike := unnamedSegments(clocks, summarizeRundown(r)), false
		for _, other := range lists {
			if _, nearly := schedules.Nearly(list, other); nearly {
				out.nearly++
			}
			alike = alike || slices.Equal(list, other)
		}
		if !alike {
			out.different++
		}
		lists = append(lists, list)
		for _, i := range r.Items {
			if !schedules.Free(clocks, i.Position) {
				continue
			}
			counts[i.SegmentID]++
			if at, ok := last[i.SegmentID]; ok {
				apart = append(apart, i.StartAt.Sub(at))
			}
			last[i.SegmentID] = i.StartAt.Time
		}
	}
	slices.Sort(apart)
	out.least, out.median = apart[0], apart[len(apart)/2]
	out.gini = gini(slices.Sorted(maps.Values(counts)))
	return out
}

func processor() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// gini returns the Gini coefficient of an ascending list.
func gini(x []float64) float64 {
	var sum, weighted float64
	for i, v := range x {
		sum += v
		weighted += float64(2*(i+1)-len(x)-1) * v
	}
	return weighted / (sum * float64(len(x)))
}

// The days of the example network are all different when planned together, and as varied as days planned one by one.
// LIFELINE_PROVE=days plans four weeks with four seeds.
func TestDaysPlannedTogetherAreAllDifferent(t *testing.T) {
	longform.Only(t)
	days, seeds := 10, []uint64{3}
	if os.Getenv("LIFELINE_PROVE") == "days" {
		days, seeds = 28, []uint64{0, 1, 2, 3}
	}
	for _, seed := range seeds {
		together, oneByOne := exampleRoom(t), exampleRoom(t)
		stations, _ := together.scheduler.Network.Stations("", 100)
		for _, st := range stations {
			a, b := varietyOf(together, st, seed, days, false), varietyOf(oneByOne, st, seed, days, true)
			t.Logf("seed %d, %s, together: %v", seed, st.ID, a)
			t.Logf("seed %d, %s, one by one: %v", seed, st.ID, b)
			if a.different != days {
				t.Errorf("seed %d: of %d days of %s %d are different", seed, days, st.ID, a.different)
			}
			if a.gini > b.gini || a.least < b.least || a.median < b.median {
				t.Errorf("seed %d: days of %s that are planned together are less varied than one by one", seed, st.ID)
			}
		}
	}
}
