package scheduling

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"lifeline/internal/access"
	"lifeline/internal/fault"
	"lifeline/schedules"
)

// repairedDay returns a published day of two windows. In the second, a repair has put the segment "spare", which is
// longer than what it replaces, and is cut because what follows may not end later.
func repairedDay(t *testing.T) (*fixture, schedules.Rundown) {
	n := newFixture(t, onDay(8, 0, 0))
	kinds := []schedules.Kind{"news", "letter", "reading"}
	clock := schedules.Clock{ID: "c", Length: schedules.Ms(90_000)}
	for _, kind := range kinds {
		n.add(string(kind), kind, 30_000)
		clock.Positions = append(clock.Positions, schedules.Position{ID: "p-" + string(kind),
			Pick: &schedules.Selector{Kinds: []schedules.Kind{kind}}})
	}
	clock.Positions[2].Pick, clock.Positions[2].Segment = nil, "reading"
	n.change("reading", func(s *schedules.Segment) { s.ValidUntil = schedules.At(onDay(11, 26, 30)) })
	n.add("fb", "evergreen", 45_000)
	n.clocks["c"] = clock
	n.station = schedules.Station{ID: "fz", Name: "fz", Timezone: "UTC", Languages: []string{"ko-KP"},
		Freeze: schedules.Ms(60_000), Fallback: []string{"fb"}, Windows: []schedules.Window{
			dailyWindow("a", "c", "105500", 90_000), dailyWindow("b", "c", "112500", 90_000)}}
	n.define()
	n.publish(repairDate)
	n.add("spare", "letter", 30_043)
	n.add("bulletin", "news", 30_000)
	n.recall("letter")
	return n, n.repair(repairDate)
}

func TestWhatARepairPublishedDoesNotBarTheNextPublication(t *testing.T) {
	n, repaired := repairedDay(t)
	if cut := repaired.Items[4]; cut.SegmentID != "spare" || cut.Duration != schedules.Ms(30_000) {
		t.Fatalf("the repair cuts nothing: %+v", cut)
	}
	edited, err := n.Drafts.Edit(t.Context(), access.System, "fz", repairDate, nil,
		[]schedules.Edit{{Op: "replace", Item: repaired.Items[0].ID, Segment: "bulletin"}})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(edited.Warnings, func(w schedules.Warning) bool {
		return w.Code == "rule_bent" && w.Window == "b" && strings.Contains(w.Message, "plays spare from")
	}) {
		t.Errorf("the edit warns of %+v", edited.Warnings)
	}
	if _, err := n.Publisher.Publish(t.Context(), access.System, "fz", repairDate,
		PublishOptions{}); err != nil {
		t.Error(err)
	}
}

func TestAPublicationIsBarredByWhatThePublishedOneBreaksOtherwise(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*fixture)
		says   string
	}{
		"a segment is recalled": {func(n *fixture) { n.recall("reading") }, "reading is recalled"},
		"the clock has changed": {func(n *fixture) {
			clock := n.clocks["c"]
			clock.Positions = slices.Clone(clock.Positions)
			clock.Positions[2].Segment = "spare"
			n.clocks["c"] = clock
			n.define()
		}, "airs reading, not spare"},
	} {
		t.Run(name, func(t *testing.T) {
			n, repaired := repairedDay(t)
			if _, err := n.Drafts.Edit(t.Context(), access.System, "fz", repairDate, nil, []schedules.Edit{
				{Op: "replace", Item: repaired.Items[0].ID, Segment: "bulletin"}}); err != nil {
				t.Fatal(err)
			}
			c.change(n)
			_, err := n.Publisher.Publish(t.Context(), access.System, "fz", repairDate, PublishOptions{})
			if said := fmt.Sprint(err, fault.FieldsOf(err)); !strings.Contains(said, c.says) {
				t.Errorf("%s, not %q", said, c.says)
			}
		})
	}
}
