package schedules

import (
	"fmt"
	"iter"
)

// longestSuggested bounds the names that Suggest compares, in bytes.
const longestSuggested = 63

// Suggest returns a question to add to a message about an unknown name, with the known name that it may be misspelt
// for; or "" if none is near, or several are equally near.
func Suggest(name string, known iter.Seq[string]) string {
	best, least := "", 1+min(len(name)/3, 3)
	if len(name) > longestSuggested {
		return ""
	}
	for k := range known {
		if len(k) > longestSuggested {
			continue
		}
		switch d := distance(name, k); {
		case d < least:
			best, least = k, d
		case d == least && d < 1+min(len(name)/3, 3):
			best = ""
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(": did you mean %q?", best)
}

// distance returns how many bytes must be added, removed, replaced or swapped with the next to make b from a (the
// restricted edit distance of Damerau and Levenshtein).
func distance(a, b string) int {
	var two, one, row [longestSuggested + 1]int
	for j := range len(b) + 1 {
		row[j] = j
	}
	for i := range len(a) {
		two, one = one, row
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(one[j+1]+1, row[j]+1, one[j]+cost)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], two[j-1]+1)
			}
		}
	}
	return row[len(b)]
}
