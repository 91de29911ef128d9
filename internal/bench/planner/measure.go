package main

import (
	"cmp"
	"context"
	"slices"
	"time"

	"lifeline/schedules"
	"lifeline/schedules/auditor"
)

// play is one airing of a planner under test.
type play struct {
	segment    string
	start, end int64 // Unix ms
}

// day is a planner's result for one day: the plays of library material, and the error of each of the 48 gaps.
type day struct {
	plays []play
	gaps  []int64 // filled minus length, ms
	late  int64   // worst lateness of a post, ms
	lost  int     // posts that did not air
	took  time.Duration
	cpu   time.Duration
}

// figures are a planner's results over all days.
type figures struct {
	name             string
	mean, p99, worst float64 // of gaps' absolute error, ms
	violations       map[string]int
	plays            int
	gini             float64 // of plays per segment that is valid on all days
	giniAll          float64 // of plays per day of validity, all segments
	spacing          float64 // least time between two plays of a segment, as a fraction of the month's mean rotation
	// least number of plays between two plays of a segment, as a fraction of the valid segments
	turn     float64
	turn1    float64 // the same, 1st percentile over all repeats
	median   time.Duration
	worstDay time.Duration
	cpu      time.Duration
	lost     int
	late     int64
	short    float64 // mean air time of plays, as a fraction of the library's mean
}

func measure(name string, in instance, days []day) figures {
	f := figures{name: name, violations: map[string]int{}}
	var gaps []float64
	var took, cpu []time.Duration
	var all []play
	library := schedules.Prepare(in.segments, nil)
	for i, d := range days {
		for _, g := range d.gaps {
			gaps = append(gaps, float64(max(g, -g)))
		}
		took, cpu = append(took, d.took), append(cpu, d.cpu)
		f.lost += d.lost
		f.late = max(f.late, d.late)
		all = append(all, d.plays...)
		for rule, n := range violations(in, library, days, i) {
			f.violations[rule] += n
		}
	}
	f.plays = len(all)
	slices.Sort(gaps)
	for _, g := range gaps {
		f.mean += g / float64(len(gaps))
	}
	f.p99, f.worst = gaps[len(gaps)*99/100], gaps[len(gaps)-1]
	slices.Sort(took)
	slices.Sort(cpu)
	f.cpu = cpu[len(cpu)/2]
	f.median, f.worstDay = took[len(took)/2], took[len(took)-1]
	rotation(&f, in, all)
	return f
}

// violations counts one day's violations of each rule, with the day before as history. Posts and gaps are measured
// separately.
func violations(in instance, library *schedules.Library, days []day, i int) map[string]int {
	input := in.input
	input.Date = firstDay.AddDays(i)
	input.Library = library
	if i > 0 {
		for _, p := range days[i-1].plays {
			input.History = append(input.History, schedules.Airing{Station: "bench", SegmentID: p.segment,
				StartAt: instant(p.start), EndAt: instant(p.end)})
		}
	}
	r := schedules.Rundown{Station: "bench", Date: input.Date, Timezone: "UTC"}
	for _, p := range days[i].plays {
		s, _ := input.Library.Segment(p.segment)
		r.Items = append(r.Items, schedules.Item{ID: "x", Window: "hourly", Position: "first", SegmentID: p.segment,
			SHA256: s.Recording.SHA256,
			Kind:   s.Kind, Language: s.Language, StartAt: instant(p.start), Duration: schedules.Ms(p.end - p.start),
			CueOut: schedules.Ms(p.end - p.start), NotAfter: s.ValidUntil})
	}
	found, err := auditor.Audit(context.Background(), input, r)
	if err != nil {
		return map[string]int{"not audited": 1}
	}
	out := map[string]int{}
	for _, v := range found {
		switch v.Rule {
		case "validity", "expiry":
			out["validity"]++
		case "item rest 4 h", "series rest 1 h", "at most 2 a day", "daytime 06-22":
			out[v.Rule]++
		}
	}
	return out
}

func instant(ms int64) schedules.Instant { return schedules.At(time.UnixMilli(ms)) }

// rotation measures how evenly the library is used.
func rotation(f *figures, in instance, all []play) {
	count := map[string]int{}
	last := map[string]int{}
	var spaces, turns []float64
	var length, libraryLength float64
	for _, p := range all {
		count[p.segment]++
		length += float64(p.end-p.start) / float64(len(all))
	}
	slices.SortStableFunc(all, func(a, b play) int { return cmp.Compare(a.start, b.start) })
	for i, p := range all {
		if k, ok := last[p.segment]; ok {
			spaces = append(spaces, float64(p.start-all[k].start))
			turns = append(turns, float64(i-k)/float64(valid(in, (p.start+all[k].start)/2)))
		}
		last[p.segment] = i
	}
	var always, normalised []float64
	pool := 0.0
	start, end := midnight(firstDay).UnixMilli(), midnight(firstDay.AddDays(in.days)).UnixMilli()
	for _, s := range in.segments {
		if s.Kind != "testimony" {
			continue
		}
		libraryLength += float64(s.Recording.AirTime().Milliseconds()) / float64(in.n)
		from, until := start, end
		if !s.ValidFrom.IsZero() {
			from, until = max(from, s.ValidFrom.UnixMilli()), min(until, s.ValidUntil.UnixMilli())
		}
		part := float64(until-from) / float64(end-start)
		if part <= 0 {
			continue
		}
		pool += part
		normalised = append(normalised, float64(count[s.ID])/part)
		if part == 1 {
			always = append(always, float64(count[s.ID]))
		}
	}
	f.gini, f.giniAll = gini(always), gini(normalised)
	f.short = length / libraryLength
	slices.Sort(spaces)
	if len(spaces) > 0 && len(all) > 0 {
		ideal := pool / float64(len(all)) * float64(end-start)
		f.spacing = spaces[0] / ideal
		slices.Sort(turns)
		f.turn, f.turn1 = turns[0], turns[len(turns)/100]
	}
}

// valid returns how many segments of the library may air at a time.
func valid(in instance, t int64) (n int) {
	for i := range in.segments {
		s := &in.segments[i]
		if s.Kind == "testimony" && (s.ValidFrom.IsZero() || s.ValidFrom.UnixMilli() <= t && t < s.ValidUntil.UnixMilli()) {
			n++
		}
	}
	return n
}

// gini returns the Gini coefficient of a distribution.
func gini(x []float64) float64 {
	slices.Sort(x)
	var sum, weighted float64
	for i, v := range x {
		sum += v
		weighted += float64(i+1) * v
	}
	n := float64(len(x))
	if sum == 0 {
		return 0
	}
	return 2*weighted/(n*sum) - (n+1)/n
}
