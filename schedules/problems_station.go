package schedules

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// Problems lists the faults of a station by itself. Network checks the clocks and segments that it names, and overlaps
// between its windows.
func (s Station) Problems() []Problem {
	p := &problems{}
	p.id("id", s.ID)
	if strings.TrimSpace(s.Name) == "" {
		p.add("name", "is missing")
	}
	p.line("name", s.Name)
	if _, err := Zone(s.Timezone); err != nil {
		p.add("timezone", "%v", err)
	}
	if len(s.Languages) == 0 {
		p.add("languages", "must name at least one language")
	}
	if !p.fits("languages", len(s.Languages)) || !p.fits("fallback", len(s.Fallback)) ||
		!p.fits("windows", len(s.Windows)) {
		return p.list
	}
	for i, l := range s.Languages {
		p.language(fmt.Sprintf("languages[%d]", i), l)
	}
	if s.Freeze.Duration < 0 || s.Freeze.Duration > MaxFreeze {
		p.add("freeze_ms", "must be from 0 to %d days", MaxFreeze/(24*time.Hour))
	}
	if t := s.LoudnessTarget; t != nil && (*t < MinLoudness || *t > MaxLoudness) {
		p.add("loudness_target_lufs", "must be from %d to %d", MinLoudness, MaxLoudness)
	}
	if s.Starved.Policy != "" && !slices.Contains(StarvedPolicies, s.Starved.Policy) {
		p.add("starved.policy", "must be %s or %s", GoOn, DropSensitive)
	}
	if t := s.Starved.After.Duration; t != 0 && (t < MinStarved || t > MaxStarved) {
		p.add("starved.after_ms", "must be from %.0f minutes to %d days", MinStarved.Minutes(), MaxStarved/(24*time.Hour))
	}
	if s.StandingOrder != nil {
		p.standingOrder(*s.StandingOrder)
	}
	for i, id := range s.Fallback {
		p.id(fmt.Sprintf("fallback[%d]", i), id)
	}
	seen := map[string]bool{}
	for i := range s.Windows {
		w := &s.Windows[i]
		at := fmt.Sprintf("windows[%d]", i)
		p.id(at+".id", w.ID)
		if seen[w.ID] {
			p.add(at+".id", "%q is there twice", w.ID)
		}
		seen[w.ID] = true
		p.window(at, w)
		p.repeat(at+".repeats", &s, w)
	}
	p.exceptions(&s)
	if message := tooManyStarts(s.Windows); message != "" {
		p.add("windows", "%s", message)
	}
	return p.list
}

func (p *problems) window(at string, w *Window) {
	if _, err := Zone(w.Starts.Timezone); err != nil {
		p.add(at+".starts.timezone", "%v", err)
	} else if utf8.RuneCountInString(w.Starts.RRule) > MaxPassage {
		p.text(at+".starts.rrule", w.Starts.RRule, MaxPassage)
	} else if r, err := w.Starts.parse(); err != nil {
		p.add(at+".starts.rrule", "%v", err)
	} else if first, ok := r.first(); !ok {
		p.add(at+".starts.rrule", "never occurs: no day between its DTSTART and its end is one that it names")
	} else if farOff(first, r.start) {
		p.add(at+".starts.rrule", "must occur earlier than %s, %d years after its DTSTART: at most %d are taken. Correct its days "+
			"or its season", first.Format(time.DateOnly), first.Year()-r.start.Year(), MaxYearsOff)
	}
	if w.Starts.From != nil && w.Starts.Until != nil && !w.Starts.From.Before(*w.Starts.Until) {
		p.add(at+".starts.until", "must be later than from")
	}
	p.id(at+".clock", w.Clock)
	p.windowTerms(at, w)
}

// windowTerms checks what exceptions may change of a window.
func (p *problems) windowTerms(at string, w *Window) {
	if w.Length.Duration <= 0 || w.Length.Duration > MaxWindow {
		p.add(at+".length_ms", "must be more than 0 and at most %.0f hours", MaxWindow.Hours())
	}
	if w.Tolerance.Duration < 0 || w.Tolerance.Duration > w.Length.Duration/2 {
		p.add(at+".tolerance_ms", "must be from 0 to half the window's length")
	}
	if !p.fits(at+".languages", len(w.Languages)) || !p.fits(at+".also_khz", len(w.AlsoKHz)) {
		return
	}
	for i, l := range w.Languages {
		p.language(fmt.Sprintf("%s.languages[%d]", at, i), l)
	}
	if w.FrequencyKHz < 0 {
		p.add(at+".frequency_khz", "must not be negative")
	}
	for i, f := range w.AlsoKHz {
		if f < 1 {
			p.add(fmt.Sprintf("%s.also_khz[%d]", at, i), "must be a frequency in kHz")
		}
	}
}

// farOff reports whether a first start is so long after an instant that it is a slip of the pen.
func farOff(first, after time.Time) bool { return first.After(after.AddDate(MaxYearsOff, 0, 0)) }
