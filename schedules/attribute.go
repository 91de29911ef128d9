package schedules

// Attribute is what of segments rules separate and count by.
type Attribute int

// The attributes. Of those before AttributeTag a segment has at most one value.
const (
	AttributeSegment Attribute = iota
	AttributeSeries
	AttributeVoice
	AttributeScript
	AttributeKind
	AttributeLanguage
	AttributeTag
)

// attributeNames are the names in rules, in the order of the constants.
var attributeNames = [...]string{"segment", "series", "voice", "script", "kind", "language", "tag"}

// AttributeNamed is the attribute of a name in rules.
func AttributeNamed(name string) (Attribute, bool) {
	for i, n := range attributeNames {
		if n == name {
			return Attribute(i), true
		}
	}
	return 0, false
}

func (a Attribute) String() string { return attributeNames[a] }

// Value is the segment's one value; empty when it has none. Tags, of which there may be many, are not asked here.
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
