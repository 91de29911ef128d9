package scheduling

import (
	"slices"
	"strings"
	"testing"

	"lifeline/internal/fault"
	"lifeline/schedules"
)

func TestASoftRuleThatBendsIsOneWarningForItsWindow(t *testing.T) {
	two := 2
	d := newPlanningRoom(t, 24, schedules.Rule{ID: "few letters", AtMost: &two, Per: "window",
		Of: schedules.Of{Match: map[string]string{"kind": "testimony"}}},
		schedules.Rule{ID: "voices apart", Separate: "language", For: schedules.Ms(3_600_000)})
	r := d.plan("relay", d.today)
	told := func(r schedules.Rundown, rule string) (out []schedules.Warning) {
		for _, w := range r.Warnings {
			if w.Code == "rule_bent" && strings.Contains(w.Message, rule) {
				out = append(out, w)
			}
		}
		return out
	}
	for rule, says := range map[string]string{"few letters": `Rule "few letters" allows 2 airings; the plan has `,
		"voices apart": `Rule "voices apart" asks for 1:00:00 between airings; the plan has `} {
		got := told(r, rule)
		if len(got) != 1 || !strings.Contains(got[0].Message, says) || len(got[0].Items) < 2 ||
			got[0].Items[0] != got[0].Item {
			t.Errorf("%s: %+v", rule, got)
		}
	}
	edited, err := d.scheduler.Drafts.Edit(t.Context(), plannerActor, "relay", d.today, nil,
		[]schedules.Edit{{Op: "lock", Item: r.Items[1].ID}})
	if err != nil {
		t.Fatal(err)
	}
	if got := told(edited, "voices apart"); len(got) != 1 || !strings.Contains(got[0].Message, " more)") ||
		len(got[0].Items) < 2 {
		t.Errorf("after an edit: %+v", got)
	}
}

func TestWhatARefusedPublicationIsAboutIsNamedForPeople(t *testing.T) {
	d := newPlanningRoom(t, 24, schedules.Rule{ID: "no letter twice", Separate: "segment", For: schedules.Ms(3_600_000),
		Hard: true})
	r := d.plan("relay", d.today)
	refused := func(edit schedules.Edit) (field, message, whole string) {
		t.Helper()
		if _, err := d.scheduler.Drafts.Edit(t.Context(), plannerActor, "relay", d.today, nil,
			[]schedules.Edit{edit}); err != nil {
			t.Fatal(err)
		}
		_, err := d.scheduler.Publisher.Publish(t.Context(), plannerActor, "relay", d.today, PublishOptions{})
		fields := fault.FieldsOf(err)
		if len(fields) == 0 {
			t.Fatal(err)
		}
		return fields[0].Field, fields[0].Message, err.Error()
	}
	field, message, whole := refused(schedules.Edit{Op: "replace", Item: r.Items[2].ID, Segment: r.Items[1].SegmentID})
	const at = "evening, 20:00:" // the time at the station
	if !strings.HasPrefix(field, "item ") || !strings.HasPrefix(message, at) || !strings.HasPrefix(whole, at) {
		t.Errorf("%s %s: %s", field, message, whole)
	}
	edited := d.plan("relay", d.today)
	field, message, _ = refused(schedules.Edit{Op: "remove", Item: edited.Items[1].ID})
	if field != "window evening" || !strings.Contains(message, "the window of 20:00:00 is ") || !strings.Contains(message,
		" too short; its tolerance is 0:01") {
		t.Errorf("%s %s", field, message)
	}
}

func TestEditNamesHardRulesAtOnceAndKeepsEarlierWarnings(t *testing.T) {
	two := 2
	letters := &schedules.Selector{Kinds: []schedules.Kind{"testimony"}}
	d := newPlanningRoom(t, 24,
		schedules.Rule{ID: "no letter twice", Separate: "segment", For: schedules.Ms(3_600_000), Only: letters, Hard: true},
		schedules.Rule{ID: "few letters", AtMost: &two, Per: "window",
			Of: schedules.Of{Match: map[string]string{"kind": "testimony"}}})
	r := d.plan("relay", d.today)
	if !hasWarning(r, "rule_bent") {
		t.Fatalf("six letters where the rule allows two: %+v", r.Warnings)
	}
	edit := func(r schedules.Rundown, op schedules.Edit) schedules.Rundown {
		t.Helper()
		out, err := d.scheduler.Drafts.Edit(t.Context(), plannerActor, "relay", d.today, nil, []schedules.Edit{op})
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
	stored, err := d.scheduler.Rundowns.Rundown(t.Context(), "relay", d.today, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, got := range []schedules.Rundown{r, stored} {
		if !hasWarning(got, "rule_bent") || !slices.ContainsFunc(got.Warnings, func(w schedules.Warning) bool {
			return w.Code == "hard" && strings.Contains(w.Message, "no letter twice") && strings.Contains(w.Message,
				"will refuse")
		}) {
			t.Errorf("a letter follows itself: %+v", got.Warnings)
		}
	}
	if _, err := d.scheduler.Publisher.Publish(t.Context(), plannerActor, "relay", d.today, PublishOptions{}); err == nil {
		t.Error("it was published")
	}
	other := strings.Fields(aired(d.plan("relay", d.today.AddDays(1))))[0]
	if r = edit(r, schedules.Edit{Op: "replace", Item: r.Items[2].ID, Segment: other}); hasWarning(r, "hard") {
		t.Errorf("it is put right: %+v", r.Warnings)
	}
}

func TestAnEditWarnsOfNothingThatIsOver(t *testing.T) {
	n, _ := halfHour(t)
	n.station.Windows = append(n.station.Windows, dailyWindow("early", "h", "080000", 1_800_000))
	n.define()
	r := n.publish(repairDate) // without the window that was already over
	edited := n.edited("Ruth", schedules.Edit{Op: "lock", Item: r.Items[0].ID})
	for _, w := range edited.Warnings {
		if w.Code == "hard" {
			t.Errorf("publication would not refuse it: %+v", w)
		}
	}
	if _, err := n.Publisher.Publish(t.Context(), plannerActor, n.station.ID, repairDate,
		PublishOptions{}); err != nil {
		t.Error(err)
	}
}

func TestAnEditKeepsTheWarningsOfThePlanOnlyWhereItChangesNothing(t *testing.T) {
	d := newPlanningRoom(t, 24)
	r := d.plan("relay", d.today)
	evening := func(code string) schedules.Warning { return schedules.Warning{Code: code, Window: "evening"} }
	ofPlan := []schedules.Warning{evening(schedules.WarnFillResidual), evening(schedules.WarnPostOff),
		evening(schedules.WarnPositionEmpty), evening(schedules.WarnNoRoom),
		{Code: schedules.WarnCutAtPost, Window: "evening", Item: r.Items[2].ID},
		{Code: schedules.WarnFallbackUsed, Window: "evening", Item: r.Items[3].ID,
			Items: []string{r.Items[3].ID, r.Items[2].ID}},
		{Code: schedules.WarnStopped}}
	steady := []schedules.Warning{evening(schedules.WarnClockChange), evening(schedules.WarnTakenOut),
		{Code: schedules.WarnFillResidual, Window: "morning"},
		{Code: schedules.WarnFallbackUsed, Window: "evening", Item: r.Items[1].ID}}
	latest, err := d.scheduler.Rundowns.latest(t.Context(), "relay", d.today)
	if err != nil {
		t.Fatal(err)
	}
	r.Warnings = slices.Concat(r.Warnings, ofPlan, steady)
	if _, err := d.scheduler.Drafts.save(t.Context(), plannerActor, latest, r, nil, "rundown.plan", nil); err != nil {
		t.Fatal(err)
	}
	edit := func(op schedules.Edit) schedules.Rundown {
		t.Helper()
		out, err := d.scheduler.Drafts.Edit(t.Context(), plannerActor, "relay", d.today, nil, []schedules.Edit{op})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	has := func(r schedules.Rundown, want schedules.Warning) bool {
		return slices.ContainsFunc(r.Warnings, func(w schedules.Warning) bool {
			return w.Code == want.Code && w.Window == want.Window && w.Item == want.Item
		})
	}
	locked := edit(schedules.Edit{Op: "lock", Item: r.Items[1].ID})
	for _, w := range append(ofPlan[:len(ofPlan)-1:len(ofPlan)-1], steady...) {
		if !has(locked, w) {
			t.Errorf("a lock changes no airing, and %+v is gone", w)
		}
	}
	if has(locked, ofPlan[len(ofPlan)-1]) {
		t.Error("no time is open, and a search for items is still said to have stopped")
	}
	other := strings.Fields(aired(d.plan("relay", d.today.AddDays(1))))[0]
	replaced := edit(schedules.Edit{Op: "replace", Item: r.Items[2].ID, Segment: other})
	for _, w := range ofPlan {
		if has(replaced, w) {
			t.Errorf("the evening has other items, and it is still said that %+v", w)
		}
	}
	for _, w := range steady {
		if !has(replaced, w) {
			t.Errorf("%+v still applies, and is gone", w)
		}
	}
}
