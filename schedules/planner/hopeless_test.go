package planner_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"lifeline/schedules"
	"lifeline/schedules/planner"
	"lifeline/schedules/planner/plannertest"
)

// newsHour returns a day whose clock picks news four times an hour, from sixty, and demands two interviews. change
// changes the clock.
func newsHour(change func(c *schedules.Clock)) schedules.Input {
	in := plannertest.SmallStation(0)
	for n := range 60 {
		in.Library = in.Library.With(plannertest.Segment(fmt.Sprintf("n%02d", n), "news", "ko-KP", 30_000+int64(n)*977))
	}
	in.Library = in.Library.With(plannertest.Segment("talk", "interview", "ko-KP", 60_000))
	c := in.Clocks["hour-ko"]
	news := &schedules.Selector{Kinds: []schedules.Kind{"news"}}
	c.Positions = slices.Insert(slices.Clone(c.Positions), 2, schedules.Position{ID: "n1", Pick: news},
		schedules.Position{ID: "n2", Pick: news}, schedules.Position{ID: "n3", Pick: news},
		schedules.Position{ID: "n4", Pick: news})
	two := 2
	c.Rules = []schedules.Rule{{ID: "talks", AtLeast: &two, Per: "day", Hard: true,
		Of: schedules.Of{Match: map[string]string{"kind": "interview"}}}}
	if change != nil {
		change(&c)
	}
	in.Clocks = map[string]schedules.Clock{"hour-ko": c}
	return in
}

// A hard demand for what no position of the clock asks for is proved to be impossible, however many candidates the
// other positions have: the proof does not need to try them.
func TestADemandThatNoPositionCanMeetIsProvedImpossible(t *testing.T) {
	in := newsHour(nil)
	_, err := planner.Compile(in.Library).Plan(t.Context(), in)
	var u *planner.Unsatisfiable
	if !errors.As(err, &u) || !strings.Contains(err.Error(), `rule "talks" must hold`) {
		t.Fatalf("%v", err)
	}
}

// This day once took 420,000 trials, and no answer.
func TestADayWithoutMaterialForAShareIsRefusedAtOnce(t *testing.T) {
	_, err := planner.Compile(plannerCase(t, "slow").Library).Plan(t.Context(), plannerCase(t, "slow"))
	var u *planner.Unsatisfiable
	if !errors.As(err, &u) || !strings.Contains(err.Error(), "share of kind reading per window") {
		t.Errorf("%v", err)
	}
}

func TestADemandThatSomePositionCanMeetIsMet(t *testing.T) {
	for name, change := range map[string]func(c *schedules.Clock){
		"a pick": func(c *schedules.Clock) {
			c.Positions[2].Pick = &schedules.Selector{Kinds: []schedules.Kind{"interview"}}
		},
		"a fill": func(c *schedules.Clock) {
			c.Positions[6].Fill = &schedules.Selector{Kinds: []schedules.Kind{"letter", "music", "interview"}}
		},
	} {
		t.Run(name, func(t *testing.T) { plannertest.Audited(t, newsHour(change)) })
	}
}
