package cmdline

import (
	"fmt"
	"io"
	"strings"
)

// Bundled prints the days that a station's bundle has and what is left out of it ("": nothing), and fails if days are
// missing from it.
func Bundled[Day fmt.Stringer](w io.Writer, file, station string, held, missing []Day, leftOut string) error {
	fmt.Fprintf(w, "%s: %s: %s\n", file, station, days(held))
	if leftOut != "" {
		fmt.Fprintln(w, leftOut+".")
	}
	switch {
	case len(missing) == 0:
		return nil
	case len(held) == 0:
		return Refuse(Nothing, "%s has no day of %s, only recalls and the fallback: publish %s, and make the bundle again",
			file, station, days(missing))
	}
	return Refuse(Partly, "%s lacks %s, for which %s has nothing published: publish them, and make the bundle again", file,
		days(missing), station)
}

func days[Day fmt.Stringer](list []Day) string {
	var words []string
	for _, day := range list {
		words = append(words, day.String())
	}
	if len(words) == 0 {
		return "no days"
	}
	return strings.Join(words, ", ")
}
