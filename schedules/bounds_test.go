package schedules_test

import (
	"context"
	"errors"
	"testing"

	"lifeline/schedules"
)

func TestAPlanWhoseCallerHasLeftStops(t *testing.T) {
	ctx, leave := context.WithCancel(context.Background())
	leave()
	in := smallStation(0)
	if _, err := schedules.Compile(in.Library).Plan(ctx, in); !errors.Is(err, context.Canceled) {
		t.Errorf("answered %v", err)
	}
}
