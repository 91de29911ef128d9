package schedules

// attr is an attribute of segments that rules separate and count by.
type attr int

const (
	attrSegment attr = iota
	attrSeries
	attrVoice
	attrScript
	attrKind
	attrLanguage
	attrCount      // of those that a segment has at most one value of
	attrTag   attr = attrCount
)

// attrNames are the names in rules, in the order of the constants.
var attrNames = [...]string{"segment", "series", "voice", "script", "kind", "language", "tag"}

func attrNamed(name string) (attr, bool) {
	for i, n := range attrNames {
		if n == name {
			return attr(i), true
		}
	}
	return 0, false
}

// of is the segment's one value; empty when it has none. Tags, of which there may be many, are not asked here.
func (a attr) of(s *Segment) string {
	switch a {
	case attrSegment:
		return s.ID
	case attrSeries:
		return s.Series
	case attrVoice:
		return s.Voice
	case attrScript:
		if s.Script != nil {
			return s.Script.ID
		}
	case attrKind:
		return string(s.Kind)
	case attrLanguage:
		return s.Language
	}
	return ""
}
