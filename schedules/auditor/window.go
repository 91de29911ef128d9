package auditor

import (
	"slices"
	"strings"
	"time"

	"lifeline/schedules"
)

// mayBeOpen reports whether some of the window's time may have no item: it stays as published, or what it repeats may
// not air in it, and nothing fills that time. The station airs its fallback there.
func (w *window) mayBeOpen() bool { return w.Published || w.repeats }

// window checks one occurrence: it is filled from start to end without gaps, follows its clock, keeps its posts and
// airs only segments that may air in it.
func (a *audit) window(w *window) {
	tolerance := w.Tolerance.Duration
	if len(w.items) == 0 {
		a.add(!w.mayBeOpen(), "length", w.Window, "", "the window of %s has no item", a.wall(w.StartAt))
		return
	}
	at := w.StartAt.Time
	var sum time.Duration
	for n, i := range w.items {
		if hole := i.StartAt.Sub(at); hole != 0 && i.StartAt.After(a.from) {
			says := "%s are empty before it: fill them, or move it"
			if hole < 0 {
				says = "begins %s before what is before it ends: move it, or take something out"
			}
			a.add(!w.Published && !(hole > 0 && w.mayBeOpen()), "contiguous", w.Window, i.ID, says, plainTime(abs(hole)))
		}
		if !i.StartAt.Before(w.EndAt.Time) {
			a.add(true, "window", w.Window, i.ID, "%s would start at %s, when the window of %s is over: take something out "+
				"before it", i.SegmentID, a.wall(i.StartAt), a.wall(w.StartAt))
		}
		if i.Duration.Duration <= 0 {
			a.add(true, "length", w.Window, i.ID, "lasts %s", plainTime(i.Duration.Duration))
		}
		at = i.StartAt.Add(i.Duration.Duration)
		sum += i.Duration.Duration
		if !a.past(i) {
			a.audio(w, i, n+1 < len(w.items) && a.cuts(w.items[n+1]))
			a.airable(w, i)
		}
	}
	if over := sum - w.EndAt.Sub(w.StartAt.Time); abs(over) > tolerance {
		how := "too long"
		if over < 0 {
			how = "too short"
		}
		a.add(!w.Published && !(over < 0 && w.mayBeOpen()), "length", w.Window, "",
			"the window of %s is %s %s; its tolerance is %s", a.wall(w.StartAt),
			plainTime(abs(over)), how, plainTime(tolerance))
	}
	for _, s := range a.r.Windows {
		if s.Window == w.Window && s.StartAt.Equal(w.StartAt.Time) && s.Planned.Duration != sum {
			a.add(true, "length", w.Window, "", "the rundown says that %s are planned, and its items last %s",
				plainTime(s.Planned.Duration), plainTime(sum))
		}
	}
	a.positions(w)
	a.chains(w)
	a.repeated(w)
}

// audio checks that the item airs its segment's current recording from cue to cue. It may be shorter by a declared
// fade, or by at most the window's tolerance if the next item cuts it.
func (a *audit) audio(w *window, i schedules.Item, cut bool) {
	s, ok := a.in.Library.Segment(i.SegmentID)
	if !ok || s.Recording == nil {
		return // airable reports it
	}
	if i.SHA256 != s.Recording.SHA256 {
		a.add(true, "hash", w.Window, i.ID, "%s has another recording than the item", s.ID)
	}
	trim := s.Recording.CueOut.Duration - i.CueOut.Duration
	var fade time.Duration
	if cut {
		fade = w.Tolerance.Duration
	}
	for _, p := range w.Clock.Positions {
		if p.ID == i.Position {
			fade = max(fade, p.FadeMax.Duration)
		}
	}
	if a.refitted(w) {
		fade = max(fade, clockChangeFade)
	}
	if w.repeated(i) {
		fade = max(fade, a.sourceFade(w, i, s))
	}
	if i.CueIn != s.Recording.CueIn || trim < 0 || trim > fade {
		a.add(true, "cues", w.Window, i.ID, "plays %s from %s to %s; its cues are %s and %s, and its position allows a "+
			"fade of %s", s.ID, plainTime(i.CueIn.Duration),
			plainTime(i.CueOut.Duration), plainTime(s.Recording.CueIn.Duration), plainTime(s.Recording.CueOut.Duration),
			plainTime(fade))
	}
	if i.Duration.Duration != i.CueOut.Duration-i.CueIn.Duration {
		a.add(true, "length", w.Window, i.ID, "lasts %s, and plays from %s to %s", plainTime(i.Duration.Duration),
			plainTime(i.CueIn.Duration), plainTime(i.CueOut.Duration))
	}
	if i.FadeOut.Duration < 0 || i.FadeOut.Duration > i.Duration.Duration {
		a.add(true, "cues", w.Window, i.ID, "fades for %s of %s", plainTime(i.FadeOut.Duration),
			plainTime(i.Duration.Duration))
	}
}

// cuts reports whether the item starts at its time regardless of the item before it: it is a hard post, or stays as it
// is.
func (a *audit) cuts(next schedules.Item) bool {
	return next.Start == schedules.Hard || next.Locked || a.kept(next)
}

// airable checks, from the segment's own fields and its script, that the segment may air in that place and at that
// time.
func (a *audit) airable(w *window, i schedules.Item) {
	s, ok := a.in.Library.Segment(i.SegmentID)
	if !ok {
		a.add(true, "airable", w.Window, i.ID, "segment %s is not known", i.SegmentID)
		return
	}
	end := i.StartAt.Add(i.Duration.Duration)
	if s.State != schedules.Approved {
		a.add(true, "airable", w.Window, i.ID, "%s is %s", s.ID, s.State)
	}
	if !speaks(s.Language, w.Languages) {
		a.add(true, "language", w.Window, i.ID, "%s is in %s; the window airs %s", s.ID, s.Language, strings.Join(w.Languages,
			", "))
	}
	if i.Language != s.Language || i.Kind != s.Kind {
		a.add(true, "airable", w.Window, i.ID, "says that %s is %s in %s", s.ID, i.Kind, i.Language)
	}
	if !s.ValidFrom.IsZero() && i.StartAt.Before(s.ValidFrom.Time) {
		a.add(true, "validity", w.Window, i.ID, "%s is valid from %s", s.ID, s.ValidFrom.Wall(a.zone))
	}
	if !s.ValidUntil.IsZero() && end.After(s.ValidUntil.Time) {
		a.add(true, "expiry", w.Window, i.ID, "%s must have ended by %s", s.ID, s.ValidUntil.Wall(a.zone))
	}
	if s.Consent != nil && !s.Consent.ExpiresAt.IsZero() {
		if by := s.Consent.ExpiresAt; end.After(by.Time) {
			a.add(true, "consent", w.Window, i.ID, "%s must have ended by %s: the consent of the persons in it expires then",
				s.ID, by)
		} else if i.NotAfter.IsZero() || i.NotAfter.After(by.Time) {
			a.add(true, "consent", w.Window, i.ID,
				"does not tell the player that the consent of the persons in %s expires at %s", s.ID, by)
		}
	}
	if !i.NotAfter.IsZero() && end.After(i.NotAfter.Time) {
		a.add(true, "expiry", w.Window, i.ID, "ends after its own not_after")
	}
	if !s.ValidUntil.IsZero() && (i.NotAfter.IsZero() || i.NotAfter.After(s.ValidUntil.Time)) {
		a.add(true, "expiry", w.Window, i.ID, "does not tell the player that %s expires at %s", s.ID,
			s.ValidUntil.Wall(a.zone))
	}
	if s.Script != nil {
		a.passages(w, i, s, end)
	}
	a.companion(w, i, s, end)
	for _, c := range sortedCampaigns(a.in) {
		if !c.Until.IsZero() && concerns(c, a.in.Station.ID) && c.Of.Matches(&s) && end.After(c.Until.Time) {
			a.add(true, "campaign", w.Window, i.ID, "airs past the end of campaign %s at %s", c.ID, c.Until.Wall(a.zone))
		}
	}
}

func (a *audit) passages(w *window, i schedules.Item, s schedules.Segment, end time.Time) {
	script, ok := a.in.Library.Script(s.Script.ID)
	if !ok {
		a.add(true, "script", w.Window, i.ID, "script %s is not known", s.Script.ID)
		return
	}
	v := slices.IndexFunc(script.Versions, func(v schedules.ScriptVersion) bool { return v.Version == s.Script.Version })
	if v < 0 {
		a.add(true, "script", w.Window, i.ID, "script %s has no version %d", script.ID, s.Script.Version)
		return
	}
	for _, n := range s.Script.Passages {
		k := slices.IndexFunc(script.Versions[v].Passages, func(p schedules.Passage) bool { return p.Number == n })
		switch {
		case k < 0:
			a.add(true, "script", w.Window, i.ID, "script %s has no passage %d", script.ID, n)
		case script.Versions[v].Passages[k].Dead:
			a.add(true, "script", w.Window, i.ID, "passage %d of script %s is dead", n, script.ID)
		case !script.Versions[v].Passages[k].AirUntil.IsZero() && end.After(script.Versions[v].Passages[k].AirUntil.Time):
			a.add(true, "script", w.Window, i.ID, "passage %d of script %s may air until %s", n, script.ID,
				script.Versions[v].Passages[k].AirUntil)
		}
	}
}

// speaks implements RFC 4647 basic filtering; "zxx" has no language.
func speaks(language string, allowed []string) bool {
	if language == "zxx" || len(allowed) == 0 {
		return true
	}
	for _, range_ := range allowed {
		if strings.EqualFold(language, range_) || strings.HasPrefix(strings.ToLower(language), strings.ToLower(range_)+"-") {
			return true
		}
	}
	return false
}

func concerns(c schedules.Campaign, station string) bool {
	return len(c.Stations) == 0 || slices.Contains(c.Stations, station)
}
