package playout

import (
	"testing"
	"testing/synctest"
	"time"

	"lifeline/internal/wire"
)

// A player that airs, waits for its window, or keeps lists works at each moment; one whose loop hangs does not.
func TestAPlayerWorksWhileItsLoopTurns(t *testing.T) {
	for name, listing := range map[string]bool{"it airs": false, "it keeps lists": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newService(t)
				start := time.Now().Add(5 * time.Minute).Truncate(time.Second)
				s.publish(day("lantern", 1, start, time.Minute, []wire.QueueItem{s.record(rec(1, 40))}))
				s.recall(1)
				st := newStation(t, s)
				if listing {
					st = newGuest(t, s)
				}
				p, stop := st.keep()
				for range 50 {
					time.Sleep(7 * time.Second)
					if err := p.Works(); err != nil {
						t.Error(err)
					}
				}
				stop()
				time.Sleep(time.Hour)
				if err := p.Works(); err != nil {
					t.Errorf("after its end: %v", err)
				}
			})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		hangs := &Player{turns: newTurns()}
		time.Sleep(longestTurn + time.Second)
		if hangs.Works() == nil {
			t.Error("a loop that hangs works")
		}
		hangs.turns.done()
		if err := hangs.Works(); err != nil {
			t.Error(err)
		}
	})
}
