package schedules

import "strings"

// NoLanguage marks segments without linguistic content: music, tones, natural sound. They may air in a window of any
// language.
const NoLanguage = "zxx"

// Speaks reports whether a segment in language may air where only the allowed languages may. It uses RFC 4647 basic
// filtering, so "ko" allows "ko-KP" but "ko-KP" does not allow "ko". An empty list allows every language.
func Speaks(language string, allowed []string) bool {
	if language == NoLanguage || len(allowed) == 0 {
		return true
	}
	for _, a := range allowed {
		if matchesLanguage(language, a) {
			return true
		}
	}
	return false
}

func matchesLanguage(language, allowed string) bool {
	if len(language) < len(allowed) || !strings.EqualFold(language[:len(allowed)], allowed) {
		return false
	}
	return len(language) == len(allowed) || language[len(allowed)] == '-'
}
