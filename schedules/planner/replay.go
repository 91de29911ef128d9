package planner

import (
	"fmt"
	"slices"

	"lifeline/schedules"
)

// Replay repeats a choice from its record alone, and returns the segment that it puts at the explanation's place. It
// fails if the record contradicts itself: a refusal that its own figures do not support, or a choice that does not
// follow from the candidates.
func Replay(x schedules.Explanation) (string, error) {
	c := x.Choice
	if c == nil {
		return "", fmt.Errorf("planner: replay %s: the record has no choice", x.Item)
	}
	for i := range c.Candidates {
		if r := c.Candidates[i].Refused; !supports(r) {
			return "", fmt.Errorf("planner: replay %s: the figures do not refuse %s: %s", x.Item, c.Candidates[i].Segment, r)
		}
	}
	aired, err := again(c)
	if err != nil {
		return "", fmt.Errorf("planner: replay %s: %w", x.Item, err)
	}
	if x.Place >= len(aired) {
		return "", fmt.Errorf("planner: replay %s: the choice airs %d segments, and the record is of number %d", x.Item,
			len(aired), x.Place+1)
	}
	return aired[x.Place], nil
}

// supports reports whether the figures support the refusal: too little, or, for airings limited from above, too many.
func supports(r schedules.Refusal) bool {
	switch {
	case r.Unit == "" || r.Need == 0 && r.Has == 0:
		return true
	case r.Unit == "airings", r.Unit == "weight":
		return r.Has > r.Need
	case r.Rule == schedules.RefusedLength:
		return r.Need != r.Has
	}
	return r.Has != r.Need
}

// again returns the segments that follow from the record's candidates.
func again(c *schedules.Choice) ([]string, error) {
	switch c.Method {
	case schedules.MethodKept, schedules.MethodRepeat:
		return c.Aired, nil
	case schedules.MethodClosing:
		return closeAgain(c)
	}
	for i := range c.Candidates {
		if c.Candidates[i].Refused.IsZero() {
			return []string{c.Candidates[i].Segment}, nil
		}
	}
	return nil, fmt.Errorf("the record refuses every candidate")
}

func closeAgain(c *schedules.Choice) ([]string, error) {
	if c.Wide > len(c.Candidates) || c.Wide > closeWidth {
		return nil, fmt.Errorf("the record says %d candidates but lists %d", c.Wide, len(c.Candidates))
	}
	k := &setFinder{target: c.Target.Milliseconds(), least: c.Least.Milliseconds(), most: c.Most.Milliseconds(),
		nearest: c.Nearest, dueFirst: c.DueFirst, clash: make([]bits256, c.Wide)}
	for i := range c.Candidates[:c.Wide] {
		k.ms = append(k.ms, c.Candidates[i].Duration.Milliseconds())
		for _, j := range c.Candidates[i].Clashes {
			k.clash[i].set(j)
			k.clash[j].set(i)
		}
	}
	for _, b := range c.Banned {
		set := make([]uint8, len(b))
		for i, n := range b {
			set[i] = uint8(n)
		}
		k.banned = append(k.banned, set)
	}
	var set []uint8
	if c.BySums {
		total := k.target + c.Residual.Milliseconds()
		table := subsetSums(k.ms, total, k.stride())
		if !table.has(total) {
			return nil, fmt.Errorf("the candidates of the record do not add up to %d ms", total)
		}
		for _, i := range table.set(total, k.ms) {
			set = append(set, uint8(i))
		}
		slices.Sort(set)
	} else {
		set, _ = k.find()
	}
	for range c.Tried {
		if !nextPermutation(set) {
			return nil, fmt.Errorf("the set has no order number %d", c.Tried)
		}
	}
	var aired []string
	for _, i := range set {
		aired = append(aired, c.Candidates[i].Segment)
	}
	return aired, nil
}
