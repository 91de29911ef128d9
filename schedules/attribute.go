package schedules

// Attribute is a property of segments by which rules separate and count.
type Attribute int

// The attributes. A segment has at most one value of each attribute before AttributeTag.
const (
	AttributeSegment Attribute = iota
	AttributeSeries
	AttributeVoice
	AttributeScript
	AttributeKind
	AttributeLanguage
	AttributeTag
)

// attributeNames are the names used in rules, in the order of the constants.
var attributeNames = [...]string{"segment", "series", "voice", "script", "kind", "language", "tag"}

// AttributeNamed returns the attribute with the given name in rules.
func AttributeNamed(name string) (Attribute, bool) {
	for i, n := range attributeNames {
		if n == name {
			return Attribute(i), true
		}
	}
	return 0, false
}

func (a Attribute) String() string { return attributeNames[a] }

// Value returns the segment's single value of the attribute, or "" if it has none. It does not support tags, of which a
// segment may have many.
func (a Attribute) Value(s *Segment) string {
	switch a {
	case AttributeSegment:
		return s.ID
	case AttributeSeries:
		return s.Series
	case AttributeVoice:
		return s.Voice
	case AttributeScript:
		if s.Script != nil {
			return s.Script.ID
		}
	case AttributeKind:
		return string(s.Kind)
	case AttributeLanguage:
		return s.Language
	}
	return ""
}
