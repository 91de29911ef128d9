package schedules_test

import (
	"context"
	"errors"
	"testing"
)

func TestAPlanWhoseCallerHasLeftStops(t *testing.T) {
	ctx, leave := context.WithCancel(context.Background())
	leave()
	if _, err := smallStation(0).Plan(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("answered %v", err)
	}
}
