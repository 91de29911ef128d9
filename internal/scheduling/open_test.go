package scheduling

import (
	"slices"
	"testing"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/replica"
	"lifeline/internal/servicetest"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// opens returns the open times of the queue of station s, as seconds from the start of its first window.
func (o *fixture) opens(t *testing.T, day schedules.Date) (out [][2]int) {
	t.Helper()
	q, err := o.Record.Queues.Queue(t.Context(), "s", day)
	if err != nil {
		t.Fatal(err)
	}
	start := q.Value.Windows[0].StartAt
	for _, span := range q.Value.Open {
		out = append(out, [2]int{int(span.StartAt.Sub(start.Time).Seconds()), int(span.EndAt.Sub(start.Time).Seconds())})
	}
	return out
}

func fiveMinutes(n *wire.Apply) {
	n.Clocks[0].Length = schedules.Ms(300_000)
	n.Stations[0].Windows[0].Length = schedules.Ms(300_000)
}

func TestQueueNamesTheTimesThatItLeavesOpen(t *testing.T) {
	day := secondOfNovember
	prepared := func(t *testing.T) *fixture {
		o, n := newOneStation(t), servicetest.OneStation()
		fiveMinutes(&n)
		if _, err := o.Network.Apply(t.Context(), access.Actor{}, n, nil, false); err != nil {
			t.Fatal(err)
		}
		return o
	}
	t.Run("of a day without holes none", func(t *testing.T) {
		o := prepared(t)
		o.publish(day)
		if got := o.opens(t, day); len(got) > 0 {
			t.Errorf("open: %v", got)
		}
	})
	t.Run("what expired and what was rejected", func(t *testing.T) {
		o := prepared(t)
		o.publish(day)
		o.alter("m1", func(s *schedules.Segment) { s.ValidUntil = schedules.At(o.now) })
		o.alter("m2", func(s *schedules.Segment) { s.State = schedules.Rejected })
		o.alter("m3", func(s *schedules.Segment) { s.State = schedules.Pending })
		if err := o.Repairer.Repair(t.Context(), replica.NewWorkLock(o.replica, "here", time.Minute)); err != nil {
			t.Fatal(err)
		}
		if got, want := o.opens(t, day), [][2]int{{0, 300}}; !slices.Equal(got, want) {
			t.Errorf("open: %v, want %v", got, want)
		}
	})
	t.Run("what had been before a window on the air was published", func(t *testing.T) {
		o := prepared(t)
		if _, err := o.Drafts.Plan(t.Context(), access.Actor{}, "s", day, PlanOptions{}); err != nil {
			t.Fatal(err)
		}
		o.now = time.Date(2026, 11, 2, 13, 3, 20, 0, time.UTC) // the fourth of five minutes is on the air
		if _, err := o.Publisher.Publish(t.Context(), access.Actor{}, "s", day, PublishOptions{}); err != nil {
			t.Fatal(err)
		}
		if got, want := o.opens(t, day), [][2]int{{0, 180}}; !slices.Equal(got, want) {
			t.Errorf("open: %v, want %v", got, want)
		}
	})
}
