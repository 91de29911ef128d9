package playout

import (
	"fmt"
	"sync/atomic"
	"time"
)

// turns are those of a loop that must not hang, by the time of the process.
type turns struct {
	begun time.Time
	last  atomic.Int64 // nanoseconds since begun
	ended atomic.Bool
}

func newTurns() *turns { return &turns{begun: time.Now()} }

// done notes that the loop has turned.
func (t *turns) done() { t.last.Store(int64(time.Since(t.begun))) }

// end notes that the loop has ended: the player still reports what aired.
func (t *turns) end() { t.ended.Store(true) }

// longestTurn is far longer than any turn of a loop that airs or keeps lists takes.
const longestTurn = 30 * time.Second

// Works fails if the player neither airs nor keeps its lists, although it should.
func (p *Player) Works() error {
	since := time.Since(p.turns.begun) - time.Duration(p.turns.last.Load())
	if since > longestTurn && !p.turns.ended.Load() {
		return fmt.Errorf("the loop that airs has not turned for %s", since.Round(time.Second))
	}
	return nil
}
