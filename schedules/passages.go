package schedules

import (
	"slices"
	"time"
)

// Life is how long something may air: [From, Until), each open when none. Dead says, in words, why it may not air at
// all; it is empty for what lives.
type Life struct {
	From, Until Instant
	Because     string // what happens at Until, in words; empty: nothing but its validity ends
	Dead        string
}

// Covers reports whether an airing [start, end) lies wholly within the life: what airs must end by its expiry.
func (l Life) Covers(start, end time.Time) bool {
	return l.Dead == "" && (l.From.IsZero() || !start.Before(l.From.Time)) &&
		(l.Until.IsZero() || !end.After(l.Until.Time))
}

// Version is the script's version of that number.
func (s Script) Version(n int) (ScriptVersion, bool) {
	for _, v := range s.Versions {
		if v.Version == n {
			return v, true
		}
	}
	return ScriptVersion{}, false
}

// Latest is the script's version of the highest number; the zero ScriptVersion when there is none.
func (s Script) Latest() ScriptVersion {
	var last ScriptVersion
	for i, v := range s.Versions {
		if i == 0 || v.Version > last.Version {
			last = v
		}
	}
	return last
}

// Passage is the version's passage of that number.
func (v ScriptVersion) Passage(number int) (Passage, bool) {
	for _, p := range v.Passages {
		if p.Number == number {
			return p, true
		}
	}
	return Passage{}, false
}

// life is what an editor's rulings leave of a segment that reads ref: it lives while every passage it covers does. A
// segment that names a script, version or passage that is not there is dead, for nobody could rule on it.
func (ref *ScriptRef) life(scripts func(string) (Script, bool)) Life {
	if ref == nil {
		return Life{}
	}
	script, ok := scripts(ref.ID)
	if !ok {
		return Life{Dead: "its script " + ref.ID + " is not known"}
	}
	version, ok := script.Version(ref.Version)
	if !ok {
		return Life{Dead: "its script " + ref.ID + " has no version " + itoa(ref.Version)}
	}
	var life Life
	for _, n := range ref.Passages {
		p, ok := version.Passage(n)
		switch {
		case !ok:
			return Life{Dead: "version " + itoa(ref.Version) + " of its script " + ref.ID + " has no passage " + itoa(n)}
		case p.Dead:
			return Life{Dead: "passage " + itoa(n) + " of version " + itoa(ref.Version) + " of its script " + ref.ID +
				" was ruled dead"}
		}
		life.Until = earlier(life.Until, p.AirUntil)
	}
	return life
}

// earlier is the earlier of two ends of life; none is never.
func earlier(a, b Instant) Instant {
	if a.IsZero() || !b.IsZero() && b.Before(a.Time) {
		return b
	}
	return a
}

func later(a, b Instant) Instant {
	if a.IsZero() || !b.IsZero() && b.After(a.Time) {
		return b
	}
	return a
}

// Recording gaps.

// ToRecord is a passage of a script's latest version that no approved reading in a language speaks as it now reads.
type ToRecord struct {
	Script   string `json:"script"`
	Version  int    `json:"version"`
	Passage  int    `json:"passage"`
	Language string `json:"language"`
	Why      string `json:"why"`
}

// Missing lists what must be recorded anew, by script, language and passage: every live passage of the latest version
// for which, in one of the script's languages, there is no approved segment whose own passage has the same text and
// was not ruled dead.
func (l *Library) Missing() []ToRecord {
	var out []ToRecord
	for _, id := range l.scriptIDs {
		script := l.scripts[id]
		latest := script.Latest()
		for _, language := range script.Languages {
			for _, p := range latest.Passages {
				if p.Dead {
					continue
				}
				if why, missing := l.unread(script, latest, p, language); missing {
					out = append(out, ToRecord{id, latest.Version, p.Number, language, why})
				}
			}
		}
	}
	return out
}

func (l *Library) unread(script Script, latest ScriptVersion, p Passage, language string) (why string, missing bool) {
	why = "nobody has read it"
	for i := range l.entries {
		s := &l.entries[i].Segment
		if s.Script == nil || s.Script.ID != script.ID || s.Kind != "reading" || !matchesLanguage(s.Language, language) ||
			!slices.Contains(s.Script.Passages, p.Number) {
			continue
		}
		version, _ := script.Version(s.Script.Version)
		old, ok := version.Passage(p.Number)
		switch {
		case !ok:
		case s.State != Approved:
			why = "its readings are not approved"
		case old.Dead:
			why = "the passage it was read from was ruled dead"
		case s.Script.Version != latest.Version && !sameText(old, p, language):
			why = "it reads version " + itoa(s.Script.Version) + ", and the text has changed since"
		default:
			return "", false
		}
	}
	return why, true
}

func sameText(a, b Passage, language string) bool { return a.Text[language] == b.Text[language] }
