package retry

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestBackoffDoublesWithinItsBounds(t *testing.T) {
	for failures := -1; failures < 70; failures++ {
		whole := min(least<<min(max(failures, 0), 10), Most)
		for range 50 {
			if d := Backoff(failures); d < whole/2 || d >= whole {
				t.Fatalf("after %d failures it waits %v, of %v", failures, d, whole)
			}
		}
	}
}

func TestPauseEndsWithItsTimeAWakeOrTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		if err := Pause(t.Context(), time.Minute); err != nil || time.Since(begun) != time.Minute {
			t.Errorf("%v after %v", err, time.Since(begun))
		}
		woken := make(chan struct{})
		close(woken)
		begun = time.Now()
		if err := Pause(t.Context(), time.Hour, nil, woken); err != nil || time.Since(begun) != 0 {
			t.Errorf("%v after %v", err, time.Since(begun))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := Pause(ctx, time.Hour); err == nil || time.Since(begun) != time.Second {
			t.Errorf("%v after %v", err, time.Since(begun))
		}
	})
}
