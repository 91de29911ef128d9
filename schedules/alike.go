package schedules

import "slices"

// Alike returns the length of the longest common subsequence of two lists of segments.
func Alike(a, b []string) int {
	row := make([]int, len(b)+1)
	for _, x := range a {
		before := 0 // the value of the previous row, one column to the left
		for j, y := range b {
			above := row[j+1]
			if x == y {
				row[j+1] = before + 1
			} else {
				row[j+1] = max(above, row[j])
			}
			before = above
		}
	}
	return row[len(b)]
}

// Free reports whether the planner chooses the segment of a position, because no clock names it. A position that is in
// no clock is free.
func Free(clocks map[string]Clock, position string) bool {
	named := false
	for _, c := range clocks {
		for i := range c.Positions {
			if p := &c.Positions[i]; p.ID == position {
				if p.Segment == "" {
					return true
				}
				named = true
			}
		}
	}
	return !named
}

// Nearly reports whether at least nine in ten of the chosen segments of two days are the same and in the same order.
// same is their number.
func Nearly(a, b []string) (same int, nearly bool) {
	if len(a) == 0 || len(b) == 0 {
		return 0, false
	}
	if slices.Equal(a, b) {
		return len(a), true
	}
	same = Alike(a, b)
	return same, 10*same >= 9*max(len(a), len(b))
}
