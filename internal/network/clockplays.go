package network

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"lifeline/internal/bcp47"
	"lifeline/internal/replica"
	"lifeline/internal/store"
	"lifeline/schedules"
)

// secondForClock returns at which stations that were published a clock would no longer play anything in a window, or
// nearly nothing in a language.
func (s *SecondPersons) secondForClock(c store.Commit, w store.Write) (whys []string) {
	for id, row := range replica.StationsIn(s.replica).After("", "") {
		st := row.Value
		if !slices.Contains(st.ClocksUsed(), w.ID) || !s.everPublished(id) {
			continue
		}
		was, is, seen := s.aired(st, nil), s.aired(st, c.Writes), map[string]bool{}
		for _, window := range st.AllTerms() {
			if window.Clock != w.ID {
				continue
			}
			allowed := st.Allowed(window)
			look := fmt.Sprint(window.Length, allowed)
			if seen[look] {
				continue
			}
			seen[look] = true
			if lacks := playsLess(was.plays(window, allowed), is.plays(window, allowed)); lacks != "" {
				whys = append(whys, fmt.Sprintf("too few %s would fit clock %q of station %s to fill half of window %s, "+
					"so this needs two persons", lacks, w.ID, id, window.ID))
				break
			}
		}
	}
	return whys
}

// mostMatched bounds how often one look at a commit compares segments with positions and rules. Clocks that take more
// need two persons: nobody knows what they play.
const mostMatched = 10_000_000

// played is how much a clock plays in a window, up to half of its length.
type played struct {
	half    time.Duration
	sum     time.Duration            // in all languages
	in      map[string]time.Duration // by primary language
	tooMuch bool                     // it has too many positions and rules to say
}

// playsLess returns of what too few fits once a clock plays the second in place of the first, as words after "too few";
// "": enough does, or did not before. Of a language in which a fifth of the half was played, a tenth of
// that must stay.
func playsLess(was, is played) (less string) {
	if was.tooMuch || is.tooMuch {
		return "segments, of those that can be compared in time,"
	}
	if was.sum >= was.half && is.sum < is.half {
		return "segments"
	}
	for _, l := range slices.Sorted(maps.Keys(was.in)) {
		in := min(was.in[l], was.half)
		if in >= was.half/5 && min(is.in[l], is.half) < in/10 {
			return "segments in " + bcp47.Kept(l)
		}
	}
	return ""
}

// plays returns how much the clock of a window plays in it of what may air in some languages.
func (a *aired) plays(w schedules.Window, languages []string) played {
	key := fmt.Sprint(w.Clock, languages)
	plays, known := a.played[key]
	if !known {
		plays = a.playable(clockIn(a.replica, a.writes, w.Clock), languages)
		a.played[key] = plays
	}
	plays.half = w.Length.Duration / 2
	return plays
}

// writesClock reports whether writes change a clock.
func writesClock(writes []store.Write, id string) bool {
	return slices.ContainsFunc(writes, func(w store.Write) bool { return w.Kind == replica.KindClock && w.ID == id })
}

// clockIn returns a clock as it is after some writes.
func clockIn(m *replica.Replica, writes []store.Write, id string) schedules.Clock {
	for _, w := range writes {
		if w.Kind == replica.KindClock && w.ID == id {
			after, _ := read[schedules.Clock](true, w)
			return after
		}
	}
	row, _ := replica.ClocksIn(m).Get(id)
	return row.Value
}

// playable counts each segment once: what is repeated again and again is no programme. Where a position picks one
// segment, each language has its longest. What a hard rule keeps from the window at any hour does not count.
func (a *aired) playable(c schedules.Clock, languages []string) played {
	out := played{in: map[string]time.Duration{}}
	lib := a.problems.planning.Library()
	a.matched += len(lib.Entries()) * len(c.Rules)
	if a.matched > mostMatched {
		out.tooMuch = true
		return out
	}
	taken, barred := map[*schedules.Entry]bool{}, newBars(c.Rules, a.now())
	var fit []*schedules.Entry
	for _, e := range lib.Entries() {
		if e.Fit && schedules.Speaks(e.Language, languages) && !barred.bars(&e.Segment) {
			fit = append(fit, e)
		}
	}
	take := func(e *schedules.Entry) {
		if taken[e] || !barred.admit(&e.Segment) {
			return
		}
		taken[e] = true
		air := e.Recording.AirTime().Duration
		out.sum += air
		if e.Language != schedules.NoLanguage {
			out.in[primary(e.Language)] += air
		}
	}
	for _, p := range c.Positions {
		selector := cmp.Or(p.Fill, p.Pick)
		if a.matched += len(fit); a.matched > mostMatched {
			out.tooMuch = true
			return out
		}
		longest := map[string]*schedules.Entry{}
		for _, e := range fit {
			if p.Segment != "" && e.ID != p.Segment || !selector.Matches(&e.Segment) {
				continue
			}
			if p.Fill != nil {
				take(e)
			} else if l := primary(e.Language); longest[l] == nil ||
				e.Recording.AirTime().Duration > longest[l].Recording.AirTime().Duration {
				longest[l] = e
			}
		}
		for _, l := range slices.Sorted(maps.Keys(longest)) {
			take(longest[l])
		}
	}
	return out
}

// primary returns the primary language of a tag.
func primary(tag string) string {
	l, _, _ := strings.Cut(strings.ToLower(tag), "-")
	return l
}

// bars are the hard rules of a clock that keep segments from its windows at whatever hour, or all but a number of them.
type bars struct {
	rules []schedules.Rule
	aired []int // of each rule that counts
	now   time.Time
}

func newBars(rules []schedules.Rule, now time.Time) *bars {
	hard := slices.DeleteFunc(slices.Clone(rules), func(r schedules.Rule) bool { return !r.Hard })
	return &bars{hard, make([]int, len(hard)), now}
}

// bars reports whether a rule keeps a segment from every window: it is too old, or has its hours, which no window need
// have.
func (b *bars) bars(s *schedules.Segment) bool {
	return slices.ContainsFunc(b.rules, func(r schedules.Rule) bool {
		old := r.FreshFor.Duration > 0 && (s.ValidFrom.IsZero() || b.now.Sub(s.ValidFrom.Time) > r.FreshFor.Duration)
		return (old || r.KeepTo != nil) && r.Only.Matches(s)
	})
}

// admit reports whether a segment is not one too many, and counts it.
func (b *bars) admit(s *schedules.Segment) bool {
	var counts []int
	for i, r := range b.rules {
		if r.AtMost == nil || !r.Only.Matches(s) || !counted(r, s) {
			continue
		}
		if b.aired[i] >= *r.AtMost {
			return false
		}
		counts = append(counts, i)
	}
	for _, i := range counts {
		b.aired[i]++
	}
	return true
}

// counted reports whether a rule counts a segment among all others of which it counts. Of each value of an attribute,
// only what is not to air at all is bounded.
func counted(r schedules.Rule, s *schedules.Segment) bool {
	for name, value := range r.Of.Match {
		attribute, _ := schedules.AttributeNamed(name)
		if attribute == schedules.AttributeTag && !slices.Contains(s.Tags, value) ||
			attribute != schedules.AttributeTag && attribute.Value(s) != value {
			return false
		}
	}
	return r.Of.Each == "" || *r.AtMost == 0
}
