package schedules

import (
	"strings"
	"testing"
)

func TestDaysAreAlikeByWhatTheyAirInOrder(t *testing.T) {
	for _, c := range []struct {
		a, b   string
		same   int
		nearly bool
	}{
		{"", "", 0, false},
		{"a b c", "", 0, false},
		{"a b c", "a b c", 3, true},
		{"a b c", "c b a", 1, false},
		{"a b c d", "a b x d", 3, false},
		{"a b c d e f g h i j", "a b c d x f g h i j", 9, true},
		{"a b c d e f g h i j", "x a b c d e f g h i j", 10, true},
		{"a b c d e f g h i j", "f g h i j a b c d e", 5, false},
	} {
		if same, nearly := Nearly(strings.Fields(c.a), strings.Fields(c.b)); same != c.same || nearly != c.nearly {
			t.Errorf("%q and %q: %d, %v", c.a, c.b, same, nearly)
		}
	}
}
