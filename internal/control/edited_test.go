package control

import (
	"slices"
	"strings"
	"testing"

	"lifeline/schedules"
)

func TestEditNamesHardRulesAtOnceAndKeepsStandingWarnings(t *testing.T) {
	two := 2
	letters := &schedules.Selector{Kinds: []schedules.Kind{"testimony"}}
	d := newPlanningRoom(t, 24,
		schedules.Rule{ID: "no letter twice", Separate: "segment", For: schedules.Ms(3_600_000), Only: letters, Hard: true},
		schedules.Rule{ID: "few letters", AtMost: &two, Per: "window", Of: schedules.Of{Match: map[string]string{"kind": "testimony"}}})
	r := d.plan("relay", d.today)
	if !hasWarning(r, "rule_bent") {
		t.Fatalf("six letters where two are wished: %+v", r.Warnings)
	}
	edit := func(r schedules.Rundown, op schedules.Edit) schedules.Rundown {
		t.Helper()
		out, err := d.scheduler.Edit(t.Context(), plannerActor, "relay", d.today, nil, []schedules.Edit{op})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	r = edit(r, schedules.Edit{Op: "lock", Item: r.Items[1].ID})
	if !hasWarning(r, "rule_bent") || hasWarning(r, "hard") {
		t.Errorf("a lock changes nothing: %+v", r.Warnings)
	}
	r = edit(r, schedules.Edit{Op: "replace", Item: r.Items[2].ID, Segment: r.Items[1].SegmentID})
	stored, err := d.scheduler.Rundown(t.Context(), "relay", d.today, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, got := range []schedules.Rundown{r, stored} {
		if !hasWarning(got, "rule_bent") || !slices.ContainsFunc(got.Warnings, func(w schedules.Warning) bool {
			return w.Code == "hard" && strings.Contains(w.Message, "no letter twice") && strings.Contains(w.Message, "will refuse")
		}) {
			t.Errorf("a letter follows itself: %+v", got.Warnings)
		}
	}
	if _, err := d.scheduler.Publish(t.Context(), plannerActor, "relay", d.today, PublishOptions{}); err == nil {
		t.Error("it was published")
	}
	other := strings.Fields(aired(d.plan("relay", d.today.AddDays(1))))[0]
	if r = edit(r, schedules.Edit{Op: "replace", Item: r.Items[2].ID, Segment: other}); hasWarning(r, "hard") {
		t.Errorf("it is put right: %+v", r.Warnings)
	}
}
