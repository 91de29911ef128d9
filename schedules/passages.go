package schedules

import (
	"slices"
	"time"
)

// Life is the interval [From, Until) in which something may air; none means that a side is open. BlockedBecause is the
// reason, in words, why it may not air at all, or empty if it may.
type Life struct {
	From, Until    Instant
	Because        string // the event at Until, in words; empty means that only the validity ends
	BlockedBecause string
}

// Covers reports whether an airing [start, end) lies entirely within the life. An airing must end by the expiry.
func (l Life) Covers(start, end time.Time) bool {
	return l.BlockedBecause == "" && (l.From.IsZero() || !start.Before(l.From.Time)) &&
		(l.Until.IsZero() || !end.After(l.Until.Time))
}

// Version returns the version of the script with that number.
func (s Script) Version(n int) (ScriptVersion, bool) {
	for _, v := range s.Versions {
		if v.Version == n {
			return v, true
		}
	}
	return ScriptVersion{}, false
}

// Latest returns the version with the highest number, or the zero ScriptVersion if the script has none.
func (s Script) Latest() ScriptVersion {
	var last ScriptVersion
	for i, v := range s.Versions {
		if i == 0 || v.Version > last.Version {
			last = v
		}
	}
	return last
}

// Passage returns the passage of the version with that number.
func (v ScriptVersion) Passage(number int) (Passage, bool) {
	for _, p := range v.Passages {
		if p.Number == number {
			return p, true
		}
	}
	return Passage{}, false
}

// life returns the time in which a segment that reads ref may air, given the editors' rulings: as long as all of its
// passages may. A segment that names an unknown script, version or passage is dead, because no editor can rule on it.
func (ref *ScriptRef) life(scripts func(string) (Script, bool)) Life {
	if ref == nil {
		return Life{}
	}
	script, ok := scripts(ref.ID)
	if !ok {
		return Life{BlockedBecause: "its script " + ref.ID + " is not known"}
	}
	version, ok := script.Version(ref.Version)
	if !ok {
		return Life{BlockedBecause: "its script " + ref.ID + " has no version " + itoa(ref.Version)}
	}
	var life Life
	for _, n := range ref.Passages {
		p, ok := version.Passage(n)
		switch {
		case !ok:
			return Life{BlockedBecause: "version " + itoa(ref.Version) + " of its script " + ref.ID + " has no passage " +
				itoa(n)}
		case p.Dead:
			return Life{BlockedBecause: "passage " + itoa(n) + " of version " + itoa(ref.Version) + " of its script " + ref.ID +
				" was ruled dead"}
		}
		life.Until = earlier(life.Until, p.AirUntil)
	}
	return life
}

// earlier returns the earlier of two ends of life; none means never.
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

// ToRecord is a passage of a script's latest version whose present text no approved reading in a language speaks.
type ToRecord struct {
	Script   string `json:"script"`
	Version  int    `json:"version"`
	Passage  int    `json:"passage"`
	Language string `json:"language"`
	Why      string `json:"why"`
}

// Missing lists the passages to record, ordered by script, language and passage: each live passage of a latest version
// for which, in one of the script's languages, no approved segment reads a passage with the same text that was not
// ruled dead.
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
