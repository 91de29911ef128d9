package schedules

import "slices"

// Alike is how many of two lists of segments are the same in the same order: the length of their longest common
// subsequence.
func Alike(a, b []string) int {
	row := make([]int, len(b)+1)
	for _, x := range a {
		before := 0 // of the row above, one to the left
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

// Free reports whether what airs in a position is chosen: it is not named by the clock. A position of no clock is free.
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

// Nearly reports whether two days of chosen segments are the same, or all but one in ten are, in the same order.
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
