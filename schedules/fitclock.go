package schedules

import (
	"slices"
	"time"
)

// clockChangeFade is how much of the last item may be faded out to meet the end of a window that a change of clocks
// shortens or lengthens.
const clockChangeFade = 30 * time.Second

// fitted returns the clock for a window that a change of clocks makes shorter or longer than on ordinary days. The
// positions at the clock's end stay there. A shorter window loses the posts beyond its end with the positions that
// follow them, and then the segments that no longer fit. The remaining or additional time is filled by the last
// stretch's own fill, else by the clock's last fill, else by music and evergreens.
func (c Clock) fitted(ordinary, length time.Duration, lib *Library) Clock {
	if length == ordinary {
		return c
	}
	body := len(c.Positions)
	for body > 0 && c.Positions[body-1].AtEnd {
		body--
	}
	tail := c.Positions[body:]
	room := length - airTime(tail, lib)
	kept := slices.Clone(c.Positions[:body])
	if n := slices.IndexFunc(kept, func(p Position) bool { return p.At != nil && p.At.Duration >= room }); n >= 0 {
		kept = kept[:n]
	}
	last := 0 // index of the first position of the last stretch
	for i := range kept {
		if kept[i].At != nil {
			last, room = i, length-airTime(tail, lib)-kept[i].At.Duration
		}
	}
	if length < ordinary {
		for i := len(kept) - 1; i >= last && airTime(kept[last:], lib) > room; i-- {
			if kept[i].Segment != "" {
				kept = slices.Delete(kept, i, i+1)
			}
		}
		for i := last; i < len(kept); i++ {
			kept[i].Optional = kept[i].Optional || kept[i].Pick != nil
		}
	}
	if !slices.ContainsFunc(kept[min(last, len(kept)):], func(p Position) bool { return p.Fill != nil }) {
		kept = append(kept, c.spareFill(kept))
	}
	c.Length, c.Positions = Millis{length}, append(kept, tail...)
	return c
}

// airTime returns the total air time of the segments that the positions name.
func airTime(positions []Position, lib *Library) (sum time.Duration) {
	for _, p := range positions {
		if s, ok := lib.Segment(p.Segment); ok && s.Recording != nil {
			sum += s.Recording.AirTime().Duration
		}
	}
	return sum
}

// spareFill returns a copy of the clock's last fill under an id that none of the kept positions has.
func (c Clock) spareFill(kept []Position) Position {
	spare := Position{ID: "fill", Fill: &Selector{Kinds: []Kind{"music", "evergreen"}}}
	for _, p := range c.Positions {
		if p.Fill != nil {
			spare = p
		}
	}
	spare.At, spare.Start, spare.Grace = nil, "", Millis{}
	spare.FadeMax = Millis{max(spare.FadeMax.Duration, clockChangeFade)}
	for slices.ContainsFunc(kept, func(p Position) bool { return p.ID == spare.ID }) {
		spare.ID = "more-" + spare.ID
	}
	return spare
}
