package planner_test

import (
	"testing"
	"time"

	"lifeline/schedules"
	"lifeline/schedules/planner/plannertest"
)

func TestRivendell67AWindowPastMidnightIsPlannedToItsEndOnce(t *testing.T) {
	in := plannertest.SmallStation(0)
	plan := plannertest.Audited(t, in)
	night := 0
	for _, i := range plan.Rundown.Items {
		if i.Window == "night" {
			night++
		}
	}
	in.History, in.Date = plan.Rundown.Airings(), in.Date.AddDays(1)
	next := plannertest.Audited(t, in)
	if night == 0 || !next.Rundown.Items[0].StartAt.After(plan.Rundown.Items[len(plan.Rundown.Items)-1].StartAt.Time) {
		t.Error("the night's items are planned twice or not at all")
	}
}

func TestLibreTime622NothingAirsPastItsExpiry(t *testing.T) {
	in := plannertest.SmallStation(0)
	middle := schedules.At(time.Date(2023, 10, 27, 13, 20, 0, 0, time.UTC))
	segments := in.Library.Segments()
	for i := range segments {
		if segments[i].Kind == "letter" && i%2 == 0 {
			segments[i].ValidUntil = middle
		}
	}
	in.Library = schedules.Prepare(segments, nil)
	for _, i := range plannertest.Audited(t, in).Rundown.Items {
		if s, _ := in.Library.Segment(i.SegmentID); !s.ValidUntil.IsZero() && (i.EndAt().After(middle.Time) ||
			!i.NotAfter.Equal(middle.Time)) {
			t.Errorf("%s ends at %s", i.SegmentID, i.EndAt())
		}
	}
}

func TestAzuraCast3253AOneShotAirsOnce(t *testing.T) {
	in := plannertest.SmallStation(0)
	one := 1
	c := in.Clocks["hour-ko"]
	c.Rules = []schedules.Rule{{AtMost: &one, Per: "week",
		Of: schedules.Of{Match: map[string]string{"segment": "music-a"}}, Hard: true}}
	in.Clocks = map[string]schedules.Clock{"hour-ko": c}
	in.Date = schedules.Date{Year: 2023, Month: 10, Day: 23}
	count := 0
	for range 7 {
		plan := plannertest.Audited(t, in)
		for _, i := range plan.Rundown.Items {
			if i.SegmentID == "music-a" {
				count++
			}
		}
		in.History = append(in.History, plan.Rundown.Airings()...)
		in.Date = in.Date.AddDays(1)
	}
	if count > 1 {
		t.Errorf("aired %d times in its week", count)
	}
}

func TestAzuraCast5057WhatIsPlannedAndNotPublishedChangesNothing(t *testing.T) {
	in := plannertest.SmallStation(3)
	first := planned(t, in)
	for range 5 {
		if string(planned(t, in)) != string(first) {
			t.Fatal("a plan changed the next one")
		}
	}
}

func TestTheAuditorSeesWhatIsTamperedWith(t *testing.T) {
	in := plannertest.SmallStation(0)
	good := plannertest.Audited(t, in).Rundown
	for name, harm := range map[string]func(r *schedules.Rundown){
		"hash": func(r *schedules.Rundown) { r.Items[5].SHA256 = "other" },
		"cues": func(r *schedules.Rundown) { r.Items[5].CueIn = schedules.Ms(0) },
		"contiguous": func(r *schedules.Rundown) {
			r.Items[5].StartAt = schedules.At(r.Items[5].StartAt.Add(7 * time.Millisecond))
		},
		"id":       func(r *schedules.Rundown) { r.Items[5].ID = r.Items[4].ID },
		"language": func(r *schedules.Rundown) { r.Items[5].SegmentID = "en" },
		"chain":    func(r *schedules.Rundown) { r.Items[2].Chain = "" },
		"post":     func(r *schedules.Rundown) { shiftFrom(r, "half", 2*time.Second) },
		"window":   func(r *schedules.Rundown) { r.Windows = r.Windows[1:] },
		"rundown":  func(r *schedules.Rundown) { r.Station = "another" },
	} {
		bad := good
		bad.Items = append([]schedules.Item{}, good.Items...)
		bad.Windows = append([]schedules.Slot{}, good.Windows...)
		harm(&bad)
		input := in
		input.Library = in.Library.With(plannertest.Segment("en", "letter", "en", 10_000))
		found := false
		for _, v := range plannertest.Violations(t, input, bad) {
			found = found || v.Hard && v.Rule == name
		}
		if !found {
			t.Errorf("%s goes unseen", name)
		}
	}
}

func shiftFrom(r *schedules.Rundown, position string, by time.Duration) {
	moving := false
	for i := range r.Items {
		moving = moving || r.Items[i].Position == position
		if moving && r.Items[i].Window == "evening" {
			r.Items[i].StartAt = schedules.At(r.Items[i].StartAt.Add(by))
		}
	}
}
