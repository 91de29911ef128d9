package planner_test

import (
	"slices"
	"testing"
	"time"

	"lifeline/schedules"
	"lifeline/schedules/planner/plannertest"
)

func TestSmallStationIsFilledFromThirtyRecordings(t *testing.T) {
	for seed := range uint64(20) {
		in := plannertest.SmallStation(seed)
		plan := plannertest.Audited(t, in)
		if seed == 0 {
			for _, i := range plan.Rundown.Items {
				t.Log(i.StartAt, i.Position, i.SegmentID, i.Duration, i.Chain)
			}
		}
		t.Log(len(plan.Rundown.Items), plan.Rundown.Warnings)
	}
}

// The plan is older than an editor's ruling. The auditor reports the readings that the ruling no longer permits, and
// their intros and back-announces, unless another reading keeps these alive.
func TestTheAuditorCarriesRulingsOverToIntros(t *testing.T) {
	in := plannertest.SmallStation(0)
	readings := []schedules.Segment{}
	for _, s := range in.Library.Segments() {
		if s.Kind == "reading" {
			s.Script = &schedules.ScriptRef{ID: "appeal", Version: 1, Passages: []int{1}}
		}
		readings = append(readings, s)
	}
	ruled := func(segments []schedules.Segment, p schedules.Passage) *schedules.Library {
		p.Number = 1
		return schedules.Prepare(segments,
			[]schedules.Script{{ID: "appeal", Versions: []schedules.ScriptVersion{{Version: 1,
				Passages: []schedules.Passage{p}}}}})
	}
	in.Library = ruled(readings, schedules.Passage{})
	plan := plannertest.Audited(t, in)
	count := func(library *schedules.Library) map[schedules.Kind]int {
		out := map[schedules.Kind]int{}
		later := in
		later.Library = library
		for _, v := range plannertest.Violations(t, later, plan.Rundown) {
			for _, i := range plan.Rundown.Items {
				if i.ID == v.Item && v.Hard && (v.Rule == "script" || v.Rule == "expiry") {
					out[i.Kind]++
				}
			}
		}
		return out
	}
	before := schedules.At(plan.Rundown.Windows[0].StartAt.Add(time.Second))
	for name, p := range map[string]schedules.Passage{"dead": {Dead: true}, "air until": {AirUntil: before}} {
		if got := count(ruled(readings, p)); got["reading"] != 2 || got["intro"] != 2 || got["back-announce"] != 2 {
			t.Errorf("%s: %v", name, got)
		}
		free := append(slices.Clone(readings), plannertest.Segment("reading-free", "reading", "ko-KP", 60_000))
		free[len(free)-1].Intro, free[len(free)-1].BackAnnounce = "intro-ko", "back-ko"
		if got := count(ruled(free, p)); got["reading"] != 2 || got["intro"] != 0 || got["back-announce"] != 0 {
			t.Errorf("%s, with a reading that lives: %v", name, got)
		}
	}
	distant := schedules.At(plan.Rundown.Windows[1].EndAt.AddDate(0, 0, 1))
	if got := count(ruled(readings, schedules.Passage{AirUntil: distant})); got["intro"] != 2 { // the player must be told
		t.Errorf("air until later: %v", got)
	}
}
