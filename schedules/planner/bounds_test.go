package planner_test

import (
	"context"
	"errors"
	"testing"

	"lifeline/schedules/planner"
	"lifeline/schedules/planner/plannertest"
)

func TestAPlanWhoseCallerHasLeftStops(t *testing.T) {
	ctx, leave := context.WithCancel(context.Background())
	leave()
	in := plannertest.SmallStation(0)
	if _, err := planner.Compile(in.Library).Plan(ctx, in); !errors.Is(err, context.Canceled) {
		t.Errorf("answered %v", err)
	}
}
