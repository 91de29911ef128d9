package schedules

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Matches reports whether the segment satisfies the selector. Airable decides whether the segment may air.
func (s *Selector) Matches(g *Segment) bool {
	if s == nil {
		return true
	}
	if len(s.Kinds) > 0 && !slices.Contains(s.Kinds, g.Kind) ||
		s.Language != "" && !matchesLanguage(g.Language, s.Language) ||
		s.Script != "" && (g.Script == nil || g.Script.ID != s.Script) ||
		s.Voice != "" && g.Voice != s.Voice ||
		s.Series != "" && g.Series != s.Series {
		return false
	}
	for _, t := range s.Tags {
		if !slices.Contains(g.Tags, t) {
			return false
		}
	}
	if s.Min.Duration > 0 || s.Max.Duration > 0 {
		air := g.Recording.AirTime().Duration
		return air >= s.Min.Duration && (s.Max.Duration == 0 || air <= s.Max.Duration)
	}
	return true
}

// String describes the selector in words.
func (s *Selector) String() string {
	if s == nil {
		return "anything"
	}
	var parts []string
	if len(s.Kinds) > 0 {
		kinds := make([]string, len(s.Kinds))
		for i, k := range s.Kinds {
			kinds[i] = string(k)
		}
		parts = append(parts, strings.Join(kinds, " or "))
	}
	for _, p := range []struct{ label, value string }{{"in ", s.Language}, {"tagged ", strings.Join(s.Tags, " and ")},
		{"reading script ", s.Script}, {"by voice ", s.Voice}, {"of series ", s.Series}} {
		if p.value != "" {
			parts = append(parts, p.label+p.value)
		}
	}
	if s.Min.Duration > 0 {
		parts = append(parts, "of at least "+FormatLength(s.Min.Duration))
	}
	if s.Max.Duration > 0 {
		parts = append(parts, "of at most "+FormatLength(s.Max.Duration))
	}
	if len(parts) == 0 {
		return "anything"
	}
	return strings.Join(parts, " ")
}

// FormatLength writes a duration as schedulers read it: 59:30 or 1:02:03.250.
func FormatLength(d time.Duration) string {
	sign := ""
	if d < 0 {
		sign, d = "-", -d
	}
	ms := d.Milliseconds()
	s := fmt.Sprintf("%s%d:%02d", sign, ms/60_000, ms/1000%60)
	if ms >= 3_600_000 {
		s = fmt.Sprintf("%s%d:%02d:%02d", sign, ms/3_600_000, ms/60_000%60, ms/1000%60)
	}
	if ms%1000 != 0 {
		s += fmt.Sprintf(".%03d", ms%1000)
	}
	return s
}
